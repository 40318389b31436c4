//! From an expression to its value.

use std::borrow::Cow;

use serde_json::Value;

use super::{call, error::EvalError, parse::Expr};

pub(super) type Found<'a> = Result<Cow<'a, Value>, EvalError>;

/// The names that an expression may use.
pub(super) struct Scope<'a> {
    names: Vec<(&'a str, &'a Value)>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(names: &[(&'a str, &'a Value)]) -> Self {
        Self { names: names.to_vec() }
    }

    fn with<'b>(&'b self, name: &'b str, value: &'b Value) -> Scope<'b> {
        let mut names: Vec<(&'b str, &'b Value)> = self.names.clone();
        names.push((name, value));
        Scope { names }
    }
}

pub(super) fn eval<'a>(expr: &'a Expr, scope: &Scope<'a>) -> Found<'a> {
    match expr {
        Expr::Value(value) => Ok(Cow::Borrowed(value)),
        Expr::Name(name) => {
            let found = scope.names.iter().rev().find(|(known, _)| known == name);
            found.map(|(_, value)| Cow::Borrowed(*value)).ok_or_else(|| EvalError::Undeclared(name.clone()))
        }
        Expr::List(items) => {
            let items: Result<Vec<Value>, EvalError> =
                items.iter().map(|item| eval(item, scope).map(Cow::into_owned)).collect();
            Ok(Cow::Owned(Value::Array(items?)))
        }
        Expr::Select(of, member) => get(eval(of, scope)?, &Value::from(member.as_str())),
        Expr::Index(of, index) => get(eval(of, scope)?, &*eval(index, scope)?),
        Expr::Has(of, member) => match eval(of, scope) {
            Ok(of) => owned(of.get(member).is_some_and(|found| !found.is_null())),
            // What it would be in is not there either.
            Err(EvalError::NoKey(_)) => owned(false),
            Err(error) => Err(error),
        },
        Expr::Not(of) => owned(!truth(&*eval(of, scope)?)?),
        Expr::Minus(of) => match eval(of, scope)?.as_i64() {
            Some(number) => owned(number.checked_neg().ok_or(EvalError::Overflow)?),
            None => Err(EvalError::NoOverload("-".into())),
        },
        Expr::Choice(condition, yes, no) => {
            eval(if truth(&*eval(condition, scope)?)? { yes } else { no }, scope)
        }
        Expr::Binary("&&", ..) => row("&&", expr, scope, false),
        Expr::Binary("||", ..) => row("||", expr, scope, true),
        Expr::Binary(operator, left, right) => {
            call::binary(operator, &*eval(left, scope)?, &*eval(right, scope)?).map(Cow::Owned)
        }
        Expr::Each(how, of, variable, body) => {
            each(how, &*eval(of, scope)?, variable, body, scope).map(Cow::Owned)
        }
        Expr::Call(name, arguments) => {
            let arguments: Result<Vec<Value>, EvalError> =
                arguments.iter().map(|argument| eval(argument, scope).map(Cow::into_owned)).collect();
            call::call(name, &arguments?).map(Cow::Owned)
        }
    }
}

fn owned<'a>(value: impl Into<Value>) -> Found<'a> {
    Ok(Cow::Owned(value.into()))
}

pub(super) fn truth(value: &Value) -> Result<bool, EvalError> {
    value.as_bool().ok_or(EvalError::NoBool)
}

/// `&&` and `||`: one side may decide alone, even when the other fails. A row of them is no deeper than one.
fn row<'a>(operator: &str, row: &'a Expr, scope: &Scope<'a>, deciding: bool) -> Found<'a> {
    let (mut sides, mut rest) = (Vec::new(), row);
    while let Expr::Binary(found, left, right) = rest
        && *found == operator
    {
        sides.push(&**right);
        rest = left;
    }
    sides.push(rest);
    let mut failed = None;
    for side in sides.into_iter().rev() {
        match eval(side, scope).and_then(|value| truth(&value)) {
            Ok(found) if found == deciding => return owned(deciding),
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or_else(|| owned(!deciding), Err)
}

fn get<'a>(of: Cow<'a, Value>, key: &Value) -> Found<'a> {
    fn find<'v>(of: &'v Value, key: &Value) -> Option<&'v Value> {
        match (of, key) {
            (Value::Object(members), Value::String(name)) => members.get(name),
            (Value::Array(items), Value::Number(index)) => items.get(usize::try_from(index.as_u64()?).ok()?),
            _ => None,
        }
    }
    let missing = || match key {
        Value::String(name) => EvalError::NoKey(name.clone()),
        other => EvalError::NoIndex(other.to_string()),
    };
    match of {
        Cow::Borrowed(of) => find(of, key).map(Cow::Borrowed).ok_or_else(missing),
        Cow::Owned(of) => find(&of, key).cloned().map(Cow::Owned).ok_or_else(missing),
    }
}

fn each(how: &str, of: &Value, variable: &str, body: &Expr, scope: &Scope<'_>) -> Result<Value, EvalError> {
    let items: Vec<Value> = match of {
        Value::Array(items) => items.clone(),
        Value::Object(members) => members.keys().cloned().map(Value::from).collect(),
        _ => return Err(EvalError::NoOverload(how.to_owned())),
    };
    if how == "map" {
        return items
            .iter()
            .map(|item| eval(body, &scope.with(variable, item)).map(Cow::into_owned))
            .collect();
    }
    let mut kept = Vec::new();
    let mut failed = None;
    for item in &items {
        match eval(body, &scope.with(variable, item)).and_then(|value| truth(&value)) {
            Ok(true) if how == "exists" => return Ok(Value::Bool(true)),
            Ok(false) if how == "all" => return Ok(Value::Bool(false)),
            Ok(true) => kept.push(item.clone()),
            Ok(false) => {}
            Err(error) => failed = Some(error),
        }
    }
    match (how, failed) {
        (_, Some(error)) => Err(error),
        ("all", None) => Ok(Value::Bool(true)),
        ("exists", None) => Ok(Value::Bool(false)),
        ("exists_one", None) => Ok(Value::Bool(kept.len() == 1)),
        _ => Ok(Value::Array(kept)),
    }
}
