//! Expressions of a language that are broken word by word.

use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

/// Good expressions, and the words that they are made of.
pub struct Language {
    seeds: Vec<Vec<String>>,
    words: Vec<String>,
}

impl Language {
    /// Of these expressions, with more words that it knows.
    pub(crate) fn of<'a>(seeds: impl IntoIterator<Item = &'a str>, more: &[&str]) -> Self {
        let seeds: Vec<Vec<String>> = seeds.into_iter().map(split).collect();
        let mut words: Vec<String> = seeds.iter().flatten().cloned().collect();
        words.sort();
        words.dedup();
        words.extend(more.iter().map(|word| (*word).to_owned()));
        Self { seeds, words }
    }

    pub(crate) fn broken(&self, random: &mut ChaCha8Rng) -> String {
        let mut words = self.seeds.choose(random).cloned().unwrap_or_default();
        let times = if random.random_bool(0.6) { 1 } else { random.random_range(2..7) };
        for _ in 0..times {
            let at = random.random_range(0..=words.len());
            let end = (at + random.random_range(1..12)).min(words.len());
            let word = self.words.choose(random).cloned().unwrap_or_default();
            match random.random_range(0..9) {
                0 => drop(words.drain(at..end)),
                1 => words.insert(at, word),
                2 | 3 => drop(words.splice(at..(at + 1).min(words.len()), [word])),
                4 => {
                    let part = words[at..end].to_vec();
                    drop(words.splice(at..at, part));
                }
                5 => {
                    let times = *[2, 10, 60].choose(random).unwrap_or(&2);
                    let part: Vec<String> =
                        words[at..end].iter().cloned().cycle().take(times * (end - at)).collect();
                    drop(words.splice(at..end, part));
                }
                6 => {
                    let other = self.seeds.choose(random).cloned().unwrap_or_default();
                    let from = random.random_range(0..=other.len());
                    drop(words.splice(at..end, other[from..].iter().cloned()));
                }
                7 => {
                    let depth = *[1, 2, 60, 300].choose(random).unwrap_or(&1);
                    let (open, close) = *[("(", ")"), ("[", "]"), ("{", "}"), ("!", ""), ("-", "")]
                        .choose(random)
                        .unwrap_or(&("(", ")"));
                    words.insert(end, close.repeat(depth));
                    words.insert(at, open.repeat(depth));
                }
                _ => {
                    if let Some(word) =
                        words.get_mut(at).filter(|word| word.ends_with(|sign: char| sign.is_ascii_digit()))
                    {
                        *word = (*[
                            "9223372036854775807",
                            "9223372036854775808",
                            "1e999",
                            "0",
                            "99999999999999999999999",
                        ]
                        .choose(random)
                        .unwrap_or(&"0"))
                        .to_owned();
                    }
                }
            }
        }
        words.concat()
    }
}

/// Runs of letters and digits, runs of blanks, and each other sign.
fn split(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let sort = |sign: char| match sign {
        sign if sign.is_alphanumeric() || sign == '_' => 0,
        ' ' => 1,
        _ => 2,
    };
    for sign in text.chars() {
        let last = words.last().and_then(|word| word.chars().next()).map(sort);
        match words.last_mut() {
            Some(word) if last == Some(sort(sign)) && sort(sign) < 2 => word.push(sign),
            _ => words.push(sign.to_string()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_and_signs() {
        assert_eq!(super::split("a_1 >=  'x'"), ["a_1", " ", ">", "=", "  ", "'", "x", "'"]);
    }
}
