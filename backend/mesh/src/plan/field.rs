//! Values of Istio's fields, as editors hold them: how each is written, and whether it is what stands there
//! already. A value that is written another way ("1m" for "60s") or that no editor knows is left as it is.

use istio::Duration;
use serde_json::{Number, Value};

/// A value that can be put into a field; an optional one that is not set takes the field away.
pub trait Field {
    /// As Istio writes it; `None` when the field shall not be there.
    fn json(&self) -> Option<Value>;
    /// Whether it says as much as leaving the field out.
    fn is_zero(&self) -> bool {
        false
    }
    /// Whether this value says the same. A value of a type that the editor does not know counts as unset.
    fn says(&self, value: &Value) -> bool;
}

impl<F: Field + Readable> Field for Option<F> {
    fn json(&self) -> Option<Value> {
        self.as_ref().and_then(Field::json)
    }
    fn says(&self, value: &Value) -> bool {
        match self {
            Some(wanted) => wanted.says(value),
            None => F::read(value).is_none(),
        }
    }
}

/// A value that can be read back from a field.
pub trait Readable: Sized {
    /// The value, if it is of this type.
    fn read(value: &Value) -> Option<Self>;
}

macro_rules! plain {
    ($($type:ty: |$value:ident| $read:expr;)*) => {$(
        impl Readable for $type {
            fn read($value: &Value) -> Option<Self> { $read }
        }
        impl Field for $type {
            fn json(&self) -> Option<Value> { Some(self.clone().into()) }
            fn is_zero(&self) -> bool { *self == Self::default() }
            fn says(&self, value: &Value) -> bool { Self::read(value).as_ref() == Some(self) }
        }
    )*};
}

plain! {
    u32: |value| u32::try_from(value.as_u64()?).ok();
    i64: |value| value.as_i64();
    bool: |value| value.as_bool();
    String: |value| value.as_str().map(str::to_owned);
}

impl Field for &str {
    fn json(&self) -> Option<Value> {
        Some((*self).into())
    }
    fn says(&self, value: &Value) -> bool {
        value.as_str() == Some(self)
    }
}

impl Readable for f64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}
impl Field for f64 {
    /// As people write it: 100, not 100.0.
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is small")]
    fn json(&self) -> Option<Value> {
        let whole = self.fract() == 0.0 && self.abs() < 1e9;
        if whole { Some((*self as i64).into()) } else { Number::from_f64(*self).map(Value::Number) }
    }
    fn says(&self, value: &Value) -> bool {
        value.as_f64() == Some(*self)
    }
}

impl Readable for Duration {
    fn read(value: &Value) -> Option<Self> {
        Self::read(value.as_str()?)
    }
}
impl Field for Duration {
    fn json(&self) -> Option<Value> {
        Some(self.to_string().into())
    }
    fn says(&self, value: &Value) -> bool {
        value.as_str().and_then(Self::read) == Some(*self)
    }
}

impl Readable for Value {
    fn read(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}
impl Field for Value {
    fn json(&self) -> Option<Value> {
        (!self.is_null()).then(|| self.clone())
    }
    fn says(&self, value: &Value) -> bool {
        self == value
    }
}
