//! Fonts for scripts that Inter has no letters for (Chinese, Japanese, Korean, Arabic, …): the system's,
//! where it has some.

use egui::epaint::text::{FontInsert, FontPriority, Fonts, InsertFontFamily, TextOptions};
use egui::{Context, FontData, FontDefinitions, FontFamily, FontId};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Languages that a font is looked for, one for each script.
const LANGUAGES: [&str; 12] = ["ja", "zh-cn", "zh-tw", "ko", "ar", "he", "hi", "bn", "ta", "th", "ka", "hy"];

/// Where systems without fontconfig keep such fonts.
const KNOWN: [&str; 14] = [
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "/System/Library/Fonts/SFArabic.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:\\Windows\\Fonts\\msyh.ttc",
    "C:\\Windows\\Fonts\\YuGothM.ttc",
    "C:\\Windows\\Fonts\\malgun.ttf",
    "C:\\Windows\\Fonts\\segoeui.ttf",
    "C:\\Windows\\Fonts\\Nirmala.ttf",
    "C:\\Windows\\Fonts\\LeelawUI.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
];

/// All fonts together may take so much memory.
const MOST: u64 = 96 << 20;

/// A font file and which of its faces.
type Face = (PathBuf, u32);

/// Adds the system's fonts behind our own. The disk is read by a thread, which then wakes the window.
pub(crate) fn add_system_fonts(ctx: &Context) {
    let ctx = ctx.clone();
    let add = move || {
        let faces = LANGUAGES.iter().filter_map(|language| asked(language));
        let known = KNOWN.iter().map(|path| (PathBuf::from(path), 0));
        add(&ctx, faces.chain(known));
    };
    // Where no thread can be had, Latin letters have to do.
    drop(std::thread::Builder::new().name("fonts".to_owned()).spawn(add));
}

/// Which font fontconfig has for a language; `None` where there is no fontconfig, or no such font.
fn asked(language: &str) -> Option<Face> {
    let query = format!(":lang={language}");
    let output = Command::new("fc-match").args(["-f", "%{file}\n%{index}\n%{lang}", &query]).output().ok()?;
    answer(&String::from_utf8(output.stdout).ok()?, language)
}

/// fc-match answers with some font in any case: it counts only when it knows the language.
fn answer(text: &str, language: &str) -> Option<Face> {
    let mut lines = text.lines();
    let (file, index, languages) = (lines.next()?, lines.next()?, lines.next()?);
    let knows = languages.split('|').any(|known| known == language);
    knows.then(|| (PathBuf::from(file), index.parse().unwrap_or(0)))
}

/// Adds those faces that can be read, each file once.
fn add(ctx: &Context, faces: impl Iterator<Item = Face>) {
    let (mut seen, mut size) = (BTreeSet::new(), 0);
    for (path, index) in faces {
        let length = path.metadata().map(|metadata| metadata.len()).unwrap_or(u64::MAX);
        if length > MOST - size || !seen.insert(path.clone()) {
            continue;
        }
        if let Some(font) = read(&path, index) {
            size += length;
            ctx.add_font(font);
            ctx.request_repaint();
        }
    }
}

fn read(path: &Path, index: u32) -> Option<FontInsert> {
    let data = FontData { index, ..FontData::from_owned(std::fs::read(path).ok()?) };
    // What egui cannot read would stop the window: it is tried here first.
    let mut alone = FontDefinitions::empty();
    alone.font_data.insert("alone".to_owned(), Arc::new(data.clone()));
    alone.families.values_mut().for_each(|family| family.push("alone".to_owned()));
    let letters = || Fonts::new(TextOptions::default(), alone).has_glyph(&FontId::default(), 'a');
    catch_unwind(AssertUnwindSafe(letters)).ok()?;
    let families = [
        FontFamily::Proportional,
        FontFamily::Monospace,
        FontFamily::Name("medium".into()),
        FontFamily::Name("semibold".into()),
    ];
    let families =
        families.map(|family| InsertFontFamily { family, priority: FontPriority::Lowest }).to_vec();
    Some(FontInsert::new(&path.to_string_lossy(), data, families))
}

#[cfg(test)]
mod tests {
    use super::*;
    use panels::intent::ThemeChoice;
    use panels::kit;

    #[test]
    fn a_font_counts_only_where_it_knows_the_language() {
        let dejavu = "/fonts/DejaVuSans.ttf\n0\naa|ar|ka|en";
        assert_eq!(answer(dejavu, "ar"), Some(("/fonts/DejaVuSans.ttf".into(), 0)));
        assert_eq!(answer(dejavu, "ja"), None);
        assert_eq!(
            answer("/fonts/NotoSansCJK.ttc\n2\nzh-cn", "zh-cn"),
            Some(("/fonts/NotoSansCJK.ttc".into(), 2))
        );
        assert_eq!(answer("", "ja"), None);
    }

    #[test]
    fn fonts_that_can_be_read_stand_behind_our_own() {
        let folder = std::env::temp_dir().join(format!("binnacle-fonts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (good, bad) = (folder.join("good.ttf"), folder.join("bad.ttf"));
        std::fs::write(&good, FontDefinitions::default().font_data["Hack"].font.as_ref()).unwrap();
        std::fs::write(&bad, "no font").unwrap();
        let ctx = Context::default();
        kit::theme::apply(&ctx, ThemeChoice::Dark);
        let frame = || ctx.run_ui(egui::RawInput::default(), |_| {}).drop_without_applying_deltas();
        frame();
        let faces = [bad, good.clone(), good.clone(), folder.join("absent.ttf")].map(|path| (path, 0));
        add(&ctx, faces.into_iter());
        frame();
        std::fs::remove_dir_all(&folder).unwrap();
        let families = ctx.fonts(|fonts| fonts.definitions().families.clone());
        let ours = families.iter().filter(|(family, _)| **family != FontFamily::Name("phosphor".into()));
        for (family, names) in ours {
            assert_eq!(names.last().map(String::as_str), good.to_str(), "{family}");
            assert!(!names.iter().any(|name| name.contains("bad.ttf")), "{family}");
        }
    }
}
