//! The part of CEL that validation rules of CRDs use, so that a rule is enforced as it is written: in Istio's
//! CRDs, in the Gateway API's, and in any that a user applies. What is not understood is an error when the
//! rule is read, never a guess.

mod call;
mod error;
mod eval;
mod parse;

use serde_json::Value;

use error::{EvalError, SyntaxError};

/// A rule that was understood.
#[derive(Clone, Debug)]
pub(super) struct Program {
    root: parse::Expr,
    /// Speaks of what the object was before, so that it is only looked at when there is a before.
    transition: bool,
}

impl Program {
    /// Reads an expression; the error says what is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let root = parse::parse(text)?;
        Ok(Self { transition: root.mentions("oldSelf"), root })
    }

    pub(super) fn is_transition(&self) -> bool {
        self.transition
    }

    /// Evaluates it for a value, and what that was before.
    pub(super) fn run(&self, value: &Value, old: Option<&Value>) -> Result<Value, EvalError> {
        let mut names = vec![("self", value)];
        if let Some(old) = old {
            names.push(("oldSelf", old));
        }
        eval::eval(&self.root, &eval::Scope::new(&names)).map(std::borrow::Cow::into_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Program;

    #[track_caller]
    fn check(text: &str, value: Value, expect: Result<Value, &str>) {
        let found = Program::parse(text).unwrap().run(&value, Some(&json!({"a": 1})));
        match expect {
            Ok(expect) => assert_eq!(found, Ok(expect), "{text}"),
            Err(words) => {
                assert!(found.as_ref().unwrap_err().to_string().contains(words), "{text}: {found:?}");
            }
        }
    }

    #[test]
    fn what_rules_say() {
        let truth = |text: &str, value: Value| check(text, value, Ok(json!(true)));
        truth("0 < self && self <= 65535", json!(80));
        truth("self.a == 1 || self.missing == 2", json!({"a": 1}));
        truth("self.missing == 2 || self.a == 1", json!({"a": 1}));
        truth("!(self.missing == 2 && self.a == 2)", json!({"a": 1}));
        truth("has(self.a) && !has(self.b.c) && !has(self.d)", json!({"a": 1, "b": {}}));
        truth("(has(self.a) ? 1 : 0) + (has(self.b) ? 1 : 0) <= 1", json!({"a": 1}));
        truth("self.all(key, !key.contains('*') && key.size() != 0)", json!({"a": 1}));
        truth(
            "self.all(l1, self.exists_one(l2, l1.number == l2.number))",
            json!([{"number": 1}, {"number": 2}]),
        );
        truth("self.filter(x, x > 1).map(x, x * 2) == [4, 6]", json!([1, 2, 3]));
        truth("self in ['a', \"b\"] && self.matches('^[a-z]$') && self.substring(0, 1) == 'a'", json!("a"));
        truth("'k' in self && self['k'][1] == 'y'", json!({"k": ["x", "y"]}));
        truth("self.startsWith('unix://') && !self.endsWith('/') && size(self) == 9", json!("unix:///x"));
        truth("duration(self) >= duration('1ms')", json!("1h30m"));
        truth("isURL(self) && url(self).getScheme() in ['http', 'https']", json!("https://a.example/x"));
        truth("!isURL(self) && isURL('http://' + self)", json!("registry.example/x:1"));
        truth("int(self) == 8 && string(8) == self && -int(self) < 0", json!("8"));
        truth("self.a == oldSelf.a && self.__namespace__ == 'n'", json!({"a": 1, "namespace": "n"}));
        truth(
            "self.exists(i, i.exists(j, j == 2)) && self[0].isSorted() && self[0].sum() == 3",
            json!([[1, 2]]),
        );
        truth(
            "self.split(',').size() == 2 && self.lowerAscii() == 'a,b' && self.replace('A', 'x') == 'x,b'",
            json!("A,b"),
        );
        check("self.x", json!({}), Err("no such key: x"));
        check("self.all(x, x.y == 1)", json!([{}]), Err("no such key: y"));
        check("-self", json!(i64::MIN), Err("integer overflow"));
        check("duration(self)", json!("soon"), Err("duration"));
    }

    /// Whatever is written, it is read or refused: nothing panics, nothing runs out of stack.
    #[test]
    fn any_text_will_do() {
        use rand::{Rng as _, SeedableRng as _};
        const WORDS: &[&str] = &[
            "self",
            ".",
            "(",
            ")",
            "[",
            "]",
            "all",
            "x",
            ",",
            "!",
            "-",
            "==",
            "<",
            "&&",
            "||",
            "?",
            ":",
            "'a'",
            "1",
            "9223372036854775807",
            "+",
            "*",
            "/",
            "%",
            "in",
            "has",
            "size",
            "substring",
            "matches",
            "duration",
            "url",
            "oldSelf",
            "exists_one",
            "map",
            "{",
            "'",
            "\u{e9}",
        ];
        let mut random = rand::rngs::StdRng::seed_from_u64(7);
        let mut read = 0;
        for _ in 0..30_000 {
            let text: Vec<&str> =
                (0..random.random_range(1..12)).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
            if let Ok(program) = Program::parse(&text.join(" ")) {
                read += 1;
                for value in
                    [json!("a"), json!({"x": [1, "a"]}), json!([1, {"x": 2}]), json!(-1), Value::Null]
                {
                    drop(program.run(&value, None));
                }
            }
        }
        assert!(read > 100, "{read}");
        let long = vec!["self"; 290].join(" || ");
        assert!(Program::parse(&long).unwrap().run(&json!(true), None).is_ok());
        let sum = Program::parse(&vec!["1"; 290].join(" + ")).unwrap();
        assert_eq!(sum.run(&Value::Null, None), Ok(json!(290)));
        assert!(Program::parse(&vec!["self"; 5000].join(" || ")).is_err());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for text in [
            "self.",
            "cel.bind(x, 1, x)",
            "self.?a.orValue(1)",
            "self =",
            "'open",
            "self.nonsense()",
            "a(",
            "1 +",
            "(((",
            "",
        ] {
            assert!(Program::parse(text).is_err(), "{text}");
        }
        assert!(Program::parse(&"(".repeat(10_000)).is_err());
        assert!(Program::parse(&format!("{}1", "!".repeat(10_000))).is_err());
        assert!(Program::parse("self == oldSelf").unwrap().is_transition());
    }
}
