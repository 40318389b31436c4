//! A look at a query's text before it is parsed: brackets and quotes that do not close get Prometheus' own
//! words and position, and a query so deep that it could exhaust the stack is refused.

use super::value::Refusal;

/// So many operators, brackets and commas may stand in one query.
const MOST_OPERATORS: usize = 2_000;
/// So deep may brackets nest.
const DEEPEST: usize = 100;
/// So many operators may follow each other with nothing but blanks between them.
const LONGEST_CHAIN: usize = 50;

/// Checks the brackets, the quotes and the size of a query.
pub(crate) fn check(query: &str) -> Result<(), Refusal> {
    let mut scan = Scan { open: Vec::new(), operators: 0, chain: 0 };
    let mut characters = query.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' | '\'' | '`' => {
                if !skip_text(&mut characters, character) {
                    return Err(malformed(query, at, "unterminated quoted string"));
                }
                scan.chain = 0;
            }
            '#' => {
                let _comment = characters.by_ref().find(|(_, character)| *character == '\n');
            }
            '(' | '[' | '{' => {
                scan.open.push(character);
                scan.operator();
            }
            ')' | ']' | '}' => {
                if scan.open.pop() != Some(opening(character)) {
                    let side = "right";
                    return Err(malformed(
                        query,
                        at,
                        &format!("unexpected {side} {} {character:?}", kind(character)),
                    ));
                }
            }
            '+' | '-' | '*' | '/' | '%' | '^' | '=' | '<' | '>' | '!' | ',' => scan.operator(),
            blank if blank.is_whitespace() => {}
            _ => scan.chain = 0,
        }
        if scan.operators > MOST_OPERATORS || scan.open.len() > DEEPEST || scan.chain > LONGEST_CHAIN {
            return Err(malformed(query, at, "the query is too long or too deep to be evaluated here"));
        }
    }
    if words(query, &["and", "or", "unless", "atan2"]) > MOST_OPERATORS {
        return Err(malformed(query, 0, "the query is too long or too deep to be evaluated here"));
    }
    match scan.open.last() {
        Some(open) => Err(malformed(query, query.len(), &format!("unclosed left {}", kind(*open)))),
        None if query.trim().is_empty() => Err(malformed(query, query.len(), "no expression found in input")),
        None => Ok(()),
    }
}

struct Scan {
    open: Vec<char>,
    operators: usize,
    chain: usize,
}

impl Scan {
    fn operator(&mut self) {
        self.operators += 1;
        self.chain += 1;
    }
}

fn skip_text(characters: &mut std::str::CharIndices<'_>, quote: char) -> bool {
    while let Some((_, character)) = characters.next() {
        if character == quote {
            return true;
        }
        if character == '\\' && quote != '`' && characters.next().is_none() {
            return false;
        }
    }
    false
}

fn words(query: &str, wanted: &[&str]) -> usize {
    query.split(|character: char| !character.is_alphanumeric()).filter(|word| wanted.contains(word)).count()
}

fn opening(closing: char) -> char {
    match closing {
        ')' => '(',
        ']' => '[',
        _ => '{',
    }
}

fn kind(bracket: char) -> &'static str {
    match bracket {
        '(' | ')' => "parenthesis",
        '[' | ']' => "bracket",
        _ => "brace",
    }
}

/// The error with the line and column of a byte of the query.
fn malformed(query: &str, at: usize, text: &str) -> Refusal {
    let before = &query[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |last| last + 1) + 1;
    Refusal::Malformed(format!("{line}:{column}: parse error: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_quotes_are_reported_where_they_are() {
        for (query, expected) in [
            ("sum(rate(", "1:10: parse error: unclosed left parenthesis"),
            ("sum(up))", "1:8: parse error: unexpected right parenthesis ')'"),
            ("up{a=\"b\"", "1:9: parse error: unclosed left brace"),
            ("up{a=\"b}", "1:6: parse error: unterminated quoted string"),
            ("", "1:1: parse error: no expression found in input"),
            ("sum(\n  up[5m", "2:8: parse error: unclosed left bracket"),
        ] {
            assert_eq!(check(query), Err(Refusal::Malformed(expected.to_owned())), "{query}");
        }
        for query in ["up{a=~\"(\"}", "sum(up) # (", "label_replace(up, 'a', '[', \"b\", `(.*)`)"] {
            assert_eq!(check(query), Ok(()), "{query}");
        }
    }

    #[test]
    fn a_query_that_could_exhaust_the_stack_is_refused() {
        for query in
            ["(".repeat(5000), "-".repeat(5000) + "1", "1+".repeat(5000) + "1", "up or ".repeat(5000) + "up"]
        {
            assert!(matches!(check(&query), Err(Refusal::Malformed(_))));
        }
    }
}
