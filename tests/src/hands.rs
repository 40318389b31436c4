//! Real keys for a window under a display of its own: X11's XTEST, which the window cannot tell from a
//! keyboard. Events that are injected by egui's port do not go the same way.

use anyhow::{Context as _, Result, ensure};
use std::io::IoSlice;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT};
use x11rb::rust_connection::RustConnection;

/// Keys that have no letter, by their names.
const NAMED: &[(&str, u32)] = &[
    ("Tab", 0xff09),
    ("Enter", 0xff0d),
    ("Escape", 0xff1b),
    ("Home", 0xff50),
    ("Left", 0xff51),
    ("Up", 0xff52),
    ("Right", 0xff53),
    ("Down", 0xff54),
    ("End", 0xff57),
    ("Space", 0x20),
    ("Shift", SHIFT),
    ("Ctrl", CONTROL),
];
const SHIFT: u32 = 0xffe1;
const CONTROL: u32 = 0xffe3;
/// XTEST's FakeInput.
const FAKE_INPUT: u8 = 2;

/// A keyboard of a display.
pub struct Hands {
    display: RustConnection,
    root: u32,
    xtest: u8,
    /// By keycode, from the lowest on: the symbols without and with shift.
    symbols: Vec<[u32; 2]>,
    lowest: u8,
}

impl Hands {
    /// Lays them on the keyboard of this display, and gives the window of this title the focus, as a window
    /// manager would.
    ///
    /// # Errors
    /// When there is no such display, no XTEST or no such window.
    pub fn on(display: &str, title: &str) -> Result<Self> {
        let (display, screen) = x11rb::connect(Some(display))?;
        let setup = display.setup();
        let root = setup.roots.get(screen).context("no screen")?.root;
        let (lowest, count) = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let xtest = display.query_extension(b"XTEST")?.reply()?;
        ensure!(xtest.present, "the display has no XTEST");
        let keyboard = display.get_keyboard_mapping(lowest, count)?.reply()?;
        let each = usize::from(keyboard.keysyms_per_keycode).max(1);
        let pair = |of: &[u32]| [of.first().copied().unwrap_or(0), of.get(1).copied().unwrap_or(0)];
        let symbols = keyboard.keysyms.chunks(each).map(pair).collect();
        let hands = Self { display, root, xtest: xtest.major_opcode, symbols, lowest };
        hands.focus(title)?;
        Ok(hands)
    }

    /// A window that is not mapped yet takes no focus: X11 tells by an error.
    fn focus(&self, title: &str) -> Result<()> {
        for _ in 0..100 {
            if self.try_focus(title).is_ok() {
                return Ok(());
            }
            crate::window::pause(50);
        }
        self.try_focus(title)
    }

    fn try_focus(&self, title: &str) -> Result<()> {
        for window in self.display.query_tree(self.root)?.reply()?.children {
            let (name, string) = (AtomEnum::WM_NAME, AtomEnum::ANY);
            let named = self.display.get_property(false, window, name, string, 0, 256)?.reply()?;
            if named.value == title.as_bytes() {
                self.display.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?.check()?;
                return Ok(());
            }
        }
        anyhow::bail!("no window is called {title:?}")
    }

    /// Presses and releases a key ("Tab", "Shift Tab", "Ctrl k", "?").
    ///
    /// # Errors
    /// When the keyboard has no such key, or the display has gone.
    pub fn press(&self, chord: &str) -> Result<()> {
        let mut held = Vec::new();
        let mut keys: Vec<&str> = chord.split(' ').collect();
        let last = keys.pop().context("no key")?;
        for modifier in keys {
            held.push(self.key(modifier)?.0);
        }
        let (key, shifted) = self.key(last)?;
        if shifted {
            held.push(self.code(SHIFT).context("no shift")?.0);
        }
        for &modifier in &held {
            self.fake(KEY_PRESS_EVENT, modifier)?;
        }
        self.fake(KEY_PRESS_EVENT, key)?;
        self.fake(KEY_RELEASE_EVENT, key)?;
        for &modifier in held.iter().rev() {
            self.fake(KEY_RELEASE_EVENT, modifier)?;
        }
        Ok(())
    }

    /// Types letters, digits and marks.
    ///
    /// # Errors
    /// As [`Hands::press`].
    pub fn text(&self, text: &str) -> Result<()> {
        for letter in text.chars() {
            self.press(&if letter == ' ' { "Space".to_owned() } else { letter.to_string() })?;
        }
        Ok(())
    }

    /// The keycode of a key, and whether shift goes with it.
    fn key(&self, name: &str) -> Result<(u8, bool)> {
        let named = NAMED.iter().find(|(named, _)| *named == name).map(|(_, symbol)| *symbol);
        let letter = || name.chars().next().filter(char::is_ascii).map(u32::from);
        let symbol = named.or_else(letter);
        symbol.and_then(|symbol| self.code(symbol)).with_context(|| format!("no key {name:?}"))
    }

    fn code(&self, symbol: u32) -> Option<(u8, bool)> {
        let at = |level: usize| self.symbols.iter().position(|levels| levels[level] == symbol);
        let (at, shifted) = at(0).map(|at| (at, false)).or_else(|| at(1).map(|at| (at, true)))?;
        Some((self.lowest + u8::try_from(at).ok()?, shifted))
    }

    /// One event of the keyboard. Written out by hand: x11rb's own feature for it would have the whole window
    /// built again.
    fn fake(&self, event: u8, key: u8) -> Result<()> {
        let mut request = [0_u8; 36];
        request[0] = self.xtest;
        request[1] = FAKE_INPUT;
        request[2..4].copy_from_slice(&9_u16.to_ne_bytes());
        request[4] = event;
        request[5] = key;
        request[12..16].copy_from_slice(&self.root.to_ne_bytes());
        self.display.send_request_without_reply(&[IoSlice::new(&request)], Vec::new())?.check()?;
        Ok(())
    }
}
