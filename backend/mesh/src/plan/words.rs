//! Words that titles are made of.

/// "80 %", "0.5 %".
pub fn percent(value: f64) -> String {
    format!("{} %", (value * 10_000.0).round() / 10_000.0)
}

/// A text that begins a sentence.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
