//! Why an expression is not understood, and why one has no value.

use std::num::ParseIntError;
use std::str::ParseBoolError;

/// Why an expression is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxError {
    #[error("`{0}` is not understood here")]
    Misplaced(String),
    #[error("`{0}` is not understood")]
    Unknown(char),
    #[error("it is too long")]
    TooLong,
    #[error("it is nested too deeply")]
    TooDeep,
    #[error("an escape in a text is not understood")]
    Escape,
    #[error("a text does not end")]
    OpenText,
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("a name is missing")]
    NoName,
    #[error("the expression ends too early")]
    TooShort,
    #[error("`{0}` is no number")]
    NoNumber(String),
    #[error("the function `{name}` with {count} values is not known here")]
    NoFunction { name: String, count: usize },
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum EvalError {
    #[error("undeclared reference to '{0}'")]
    Undeclared(String),
    #[error("no such overload: {0}")]
    NoOverload(String),
    #[error("no such overload: a condition is no bool")]
    NoBool,
    #[error("no such key: {0}")]
    NoKey(String),
    #[error("index out of bounds: {0}")]
    NoIndex(String),
    #[error("index out of range: {0}")]
    OutOfRange(usize),
    #[error("integer overflow")]
    Overflow,
    #[error("division by zero")]
    Division,
    #[error("modulus by zero")]
    Modulus,
    /// In a box, as evaluation is deep and an error is as large as its largest.
    #[error("{0}")]
    Regex(Box<regex::Error>),
    #[error("{0}")]
    Int(#[from] ParseIntError),
    #[error("{0}")]
    Bool(#[from] ParseBoolError),
    #[error("duration conversion error: \"{0}\"")]
    Duration(String),
    #[error("URL parse error: \"{0}\"")]
    Url(String),
}
