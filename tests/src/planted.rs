//! Secrets that a test plants, and where they were written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::path::Path;

/// One secret with the forms in which it could be written.
pub struct Planted {
    /// What it is: "token".
    pub name: &'static str,
    /// As it is.
    pub text: String,
    forms: Vec<(&'static str, String)>,
}

impl Planted {
    /// A secret of this text. It should have some length, and no signs that are escaped.
    pub fn new(name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        let bytes = |write: fn(&u8) -> String, between: &str| {
            text.as_bytes().iter().map(write).collect::<Vec<_>>().join(between)
        };
        let mut forms = vec![
            ("as it is", text.clone()),
            ("in hexadecimal", bytes(|byte| format!("{byte:02x}"), "")),
            ("in hexadecimal, as bytes", bytes(|byte| format!("{byte:02x}"), " ")),
            ("as a list of bytes", bytes(u8::to_string, ", ")),
            ("backwards", text.chars().rev().collect()),
        ];
        // Inside a longer text its place in a group of three bytes is not known: the signs that it shares
        // with its neighbours are left out.
        for before in 0..3 {
            let padded = [vec![b'x'; before], text.as_bytes().to_vec()].concat();
            let encoded = STANDARD_NO_PAD.encode(&padded);
            let shared = [0, 2, 3][before];
            let end = encoded.len() - usize::from(padded.len() % 3 != 0);
            forms.push(("in base64", encoded[shared..end].to_owned()));
        }
        Self { name, text, forms }
    }

    fn form_in(&self, text: &str) -> Option<&'static str> {
        self.forms.iter().find(|(_, form)| text.contains(form)).map(|(how, _)| *how)
    }
}

/// What is found of these secrets in a text, with the line that has it.
pub fn in_text(secrets: &[Planted], place: &str, text: &str) -> Vec<String> {
    let found = secrets.iter().filter_map(|secret| Some((secret, secret.form_in(text)?)));
    let line = |secret: &Planted| {
        let mut lines = text.lines().filter(|line| secret.form_in(line).is_some());
        lines.next().unwrap_or_default().chars().take(300).collect::<String>()
    };
    found.map(|(secret, how)| format!("{} {how} in {place}: {}", secret.name, line(secret))).collect()
}

/// What is found of them in all files below a folder, and in the names of files.
///
/// # Errors
/// When a file cannot be read.
pub fn below(secrets: &[Planted], folder: &Path) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    for file in files(folder)? {
        let place = file.display().to_string();
        found.extend(in_text(secrets, "the name of a file", &place));
        if file.is_file() {
            found.extend(in_text(secrets, &place, &String::from_utf8_lossy(&std::fs::read(&file)?)));
        }
    }
    Ok(found)
}

/// Everything below a folder.
///
/// # Errors
/// When a folder cannot be read.
pub fn files(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path)?);
        }
        found.push(path);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_secret_is_found_in_each_form() {
        let planted = [Planted::new("token", "planted7Kq2token")];
        let text = &planted[0].text;
        for hidden in [
            format!("Authorization: Bearer {text}"),
            format!("{:?}", text.as_bytes()),
            STANDARD.encode(text),
            STANDARD.encode(format!("a{text}")),
            STANDARD.encode(format!("ab{text} and more")),
            STANDARD.encode(format!("user:{text}")),
            "706c616e746564374b7132746f6b656e".to_owned(),
        ] {
            assert_eq!(in_text(&planted, "here", &format!("one\n{hidden}\n")).len(), 1, "{hidden}");
        }
        assert!(in_text(&planted, "here", "planted7Kq2 token, Bearer ***").is_empty());
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(text)).expect("a folder");
        std::fs::write(folder.path().join(text).join("log"), text).expect("a file");
        let found = below(&planted, folder.path()).expect("it can be read");
        assert_eq!(found.len(), 3, "the folder's name, the file's, what is in it: {found:?}");
    }
}
