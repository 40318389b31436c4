//! Takes the private-use characters out of a text font, so that the icon font behind it gives them.
//!
//! Inter has glyphs of its own at U+E000 and beyond, where Phosphor has its icons; without this an arrow
//! would come out as one of Inter's circled signs. Phosphor cannot stand first: it has blank glyphs for the
//! letters.

const PRIVATE: std::ops::RangeInclusive<u32> = 0xE000..=0xF8FF;

/// The font without private-use characters; what cannot be read stays as it is.
pub(super) fn without_private_use(font: &[u8]) -> Vec<u8> {
    let mut font = font.to_vec();
    let subtables = subtables(&font).unwrap_or_default();
    for at in subtables {
        match u16_at(&font, at) {
            Some(4) => segments(&mut font, at),
            Some(12) => groups(&mut font, at),
            _ => None,
        };
    }
    font
}

/// Where the character maps of a font begin.
fn subtables(font: &[u8]) -> Option<Vec<usize>> {
    let tables = usize::from(u16_at(font, 4)?);
    let cmap = (0..tables).map(|index| 12 + index * 16).find(|at| font.get(*at..*at + 4) == Some(b"cmap"))?;
    let cmap = u32_at(font, cmap + 8)? as usize;
    let count = usize::from(u16_at(font, cmap + 2)?);
    (0..count).map(|index| Some(cmap + u32_at(font, cmap + 8 + index * 8)? as usize)).collect()
}

/// Format 4: a segment that begins behind its own end maps nothing.
fn segments(font: &mut [u8], at: usize) -> Option<()> {
    let doubled = usize::from(u16_at(font, at + 6)?);
    for offset in (0..doubled).step_by(2) {
        let (end, start) = (at + 14 + offset, at + 16 + doubled + offset);
        if PRIVATE.contains(&u32::from(u16_at(font, start)?))
            && PRIVATE.contains(&u32::from(u16_at(font, end)?))
        {
            font.get_mut(start..start + 2)?.copy_from_slice(&u16::MAX.to_be_bytes());
        }
    }
    Some(())
}

/// Format 12: a group that ends before it begins maps nothing.
fn groups(font: &mut [u8], at: usize) -> Option<()> {
    let count = u32_at(font, at + 12)? as usize;
    for group in (0..count).map(|index| at + 16 + index * 12) {
        let start = u32_at(font, group)?;
        if PRIVATE.contains(&start) {
            font.get_mut(group + 4..group + 8)?.copy_from_slice(&(start - 1).to_be_bytes());
        }
    }
    Some(())
}

fn u16_at(font: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(font.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(font: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(font.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::ThemeChoice;
    use crate::kit::{icon, theme};
    use egui::FontId;

    #[test]
    fn odd_bytes_stay_as_they_are() {
        assert_eq!(without_private_use(b"not a font"), b"not a font");
    }

    /// Every icon of Phosphor is as wide as it is high; Inter's private glyphs and missing ones are not.
    #[test]
    fn icons_come_from_the_icon_font() {
        let ctx = egui::Context::default();
        theme::apply(&ctx, ThemeChoice::Dark);
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            for symbol in [icon::CARET_DOWN, icon::ARROW_LEFT, icon::X, icon::LOCK, icon::CARET_LINE_LEFT] {
                for weight in [theme::Weight::Regular, theme::Weight::Semibold] {
                    let font = FontId::new(64.0, theme::family(ui.ctx(), weight));
                    let width =
                        ui.painter().layout_no_wrap(symbol.to_owned(), font, egui::Color32::WHITE).size().x;
                    assert!((width - 64.0).abs() < 1.0, "{symbol:?} is {width} wide");
                }
            }
        });
        output.drop_without_applying_deltas();
    }
}
