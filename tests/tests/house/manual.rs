//! The manual says what the editors are; with `WRITE_MANUAL=1` it is written anew.

use super::root;

#[test]
fn the_manual_is_true() {
    let (file, text) = (root().join("assets/manual/editors.md"), panels::editors::manual());
    if std::env::var_os("WRITE_MANUAL").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(&file, &text).expect("a file");
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(written == text, "WRITE_MANUAL=1 cargo test -p binnacle-tests --test house the_manual_is_true");
}
