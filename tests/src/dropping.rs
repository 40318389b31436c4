//! A file that is dragged onto a window and let go there, as a file manager of the same display does it (XDND): the
//! window cannot tell it from a hand. egui's port has no word for that.

use crate::window::pause;
use anyhow::{Context as _, Result, bail};
use std::path::Path;
use std::time::{Duration, Instant};
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// The version of the protocol.
const VERSION: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(10);

/// Who drags.
struct Hand {
    display: RustConnection,
    own: u32,
    to: u32,
    uris: Atom,
    text: String,
}

/// Drags a file to the middle of the window of this title, and lets it go.
///
/// # Errors
/// When there is no such window, or it does not take the file.
pub fn drop_file(display: &str, title: &str, file: &Path) -> Result<()> {
    let (display, screen) = x11rb::connect(Some(display))?;
    let root = display.setup().roots.get(screen).context("no screen")?.root;
    let to = named(&display, root, title)?;
    let own = display.generate_id()?;
    let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
    display.create_window(0, own, root, 0, 0, 1, 1, 0, class, x11rb::COPY_FROM_PARENT, &aux)?.check()?;
    let uris = display.intern_atom(false, b"text/uri-list")?.reply()?.atom;
    let selection = display.intern_atom(false, b"XdndSelection")?.reply()?.atom;
    display.set_selection_owner(own, selection, x11rb::CURRENT_TIME)?.check()?;
    let place = display.get_geometry(to)?.reply()?;
    let middle = (u32::from(place.width / 2) << 16) | u32::from(place.height / 2);
    let hand = Hand { display, own, to, uris, text: format!("file://{}\r\n", file.display()) };
    let copy = hand.atom("XdndActionCopy")?;
    hand.tell("XdndEnter", [own, VERSION << 24, uris, 0, 0])?;
    hand.tell("XdndPosition", [own, 0, middle, x11rb::CURRENT_TIME, copy])?;
    hand.until("XdndStatus")?;
    hand.tell("XdndDrop", [own, 0, x11rb::CURRENT_TIME, 0, 0])?;
    hand.until("XdndFinished")
}

/// The window of this title.
fn named(display: &RustConnection, root: u32, title: &str) -> Result<u32> {
    for window in display.query_tree(root)?.reply()?.children {
        let name = display.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256)?.reply()?;
        if name.value == title.as_bytes() {
            return Ok(window);
        }
    }
    bail!("no window is called {title:?}")
}

impl Hand {
    fn atom(&self, name: &str) -> Result<Atom> {
        Ok(self.display.intern_atom(false, name.as_bytes())?.reply()?.atom)
    }

    fn tell(&self, what: &str, data: [u32; 5]) -> Result<()> {
        let message = ClientMessageEvent::new(32, self.to, self.atom(what)?, data);
        self.display.send_event(false, self.to, EventMask::NO_EVENT, message)?.check()?;
        Ok(())
    }

    /// Says which file it is whenever that is asked, until the window answers this.
    fn until(&self, answer: &str) -> Result<()> {
        let (answer, end) = (self.atom(answer)?, Instant::now() + PATIENCE);
        while Instant::now() < end {
            match self.display.poll_for_event()? {
                Some(Event::SelectionRequest(request)) => self.give(&request)?,
                Some(Event::ClientMessage(message)) if message.type_ == answer => return Ok(()),
                Some(_) => {}
                None => pause(10),
            }
        }
        bail!("the window does not take the file")
    }

    fn give(&self, asked: &SelectionRequestEvent) -> Result<()> {
        let (window, property) = (asked.requestor, asked.property);
        let text = self.text.as_bytes();
        self.display.change_property8(PropMode::REPLACE, window, property, self.uris, text)?.check()?;
        let given = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: asked.time,
            requestor: window,
            selection: asked.selection,
            target: asked.target,
            property,
        };
        self.display.send_event(false, window, EventMask::NO_EVENT, given)?.check()?;
        Ok(())
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // The connection ends with it; so would the window.
        self.display.destroy_window(self.own).ok();
    }
}
