//! A running window, driven as a person would: by the names that a screen reader hears, the mouse and the
//! keyboard.

use anyhow::{Context as _, Result, bail};
use egui::accesskit::{NodeId, Role, Toggled};
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, pos2};
use egui_inspection::protocol::{Request, Response, read_handshake, read_message, write_message};
use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long it takes to see what has come under the pointer.
const SEEN: Duration = Duration::from_millis(700);

/// One widget.
#[derive(Clone, Debug, PartialEq)]
pub struct Widget {
    /// What it is.
    pub role: Role,
    /// Its accessible name.
    pub name: String,
    /// Its value, as text.
    pub value: Option<String>,
    /// Its description.
    pub description: String,
    /// Where it is, in points.
    pub rect: Rect,
    /// Whether it cannot be used.
    pub disabled: bool,
    /// Whether it is checked or pressed.
    pub on: Option<bool>,
}

/// The connection to a running window.
pub struct Window {
    stream: TcpStream,
    /// What was clicked last, where and when.
    clicked: Mutex<Option<(String, Pos2, Instant)>>,
}

impl Window {
    /// Connects to the inspection port of a window that is starting.
    ///
    /// # Errors
    /// When nothing listens there in time.
    pub fn connect(port: u16, within: Duration) -> Result<Self> {
        let end = Instant::now() + within;
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() > end => {
                    return Err(error).context("the window does not answer");
                }
                // The kernel gives no event for "somebody listens now".
                Err(_) => pause(20),
            }
        };
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        read_handshake(&stream)?;
        Ok(Self { stream, clicked: Mutex::new(None) })
    }

    fn call(&self, request: &Request) -> Result<Response> {
        write_message(&self.stream, request)?;
        match read_message(&self.stream)? {
            Response::Error { message } => bail!("the window refused {request:?}: {message}"),
            response => Ok(response),
        }
    }

    /// All named or valued widgets, in the order of the window.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn widgets(&self) -> Result<Vec<Widget>> {
        Ok(self.tree()?.into_iter().map(|(_, widget)| widget).collect())
    }

    /// What the keyboard is on; `None` where that is nothing with a name.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn focus(&self) -> Result<Option<Widget>> {
        Ok(self.tree()?.into_iter().find(|(focused, _)| *focused).map(|(_, widget)| widget))
    }

    /// The widgets, each with whether it has the focus.
    fn tree(&self) -> Result<Vec<(bool, Widget)>> {
        let Response::Tree { accesskit, .. } = self.call(&Request::GetTree)? else { bail!("no tree") };
        let Some(update) = accesskit else { return Ok(Vec::new()) };
        let focus = update.focus;
        let nodes: HashMap<NodeId, _> = update.nodes.into_iter().collect();
        let root = update.tree.map(|tree| tree.root).context("a tree without a root")?;
        let mut widgets = Vec::new();
        let mut stack = vec![(root, egui::Vec2::ZERO)];
        while let Some((id, mut shift)) = stack.pop() {
            let Some(node) = nodes.get(&id) else { continue };
            if node.role() == Role::TextRun {
                continue;
            }
            if let Some(transform) = node.transform() {
                let [.., x, y] = transform.as_coeffs();
                shift += egui::vec2(x as f32, y as f32);
            }
            let value = node
                .value()
                .map(str::to_owned)
                .or_else(|| node.numeric_value().map(|number| number.to_string()));
            let (name, value) = match node.label() {
                Some(name) => (name.to_owned(), value),
                None if node.role() == Role::Label => (value.unwrap_or_default(), None),
                None => (String::new(), value),
            };
            if let Some(bounds) = node.bounds().filter(|_| !name.is_empty() || value.is_some()) {
                let rect = Rect::from_min_max(
                    pos2(bounds.x0 as f32, bounds.y0 as f32),
                    pos2(bounds.x1 as f32, bounds.y1 as f32),
                );
                let widget = Widget {
                    role: node.role(),
                    name,
                    value,
                    description: node.description().or_else(|| node.tooltip()).unwrap_or_default().to_owned(),
                    rect: rect.translate(shift),
                    disabled: node.is_disabled(),
                    on: node.toggled().map(|toggled| toggled != Toggled::False),
                };
                widgets.push((id == focus, widget));
            }
            stack.extend(node.children().iter().rev().map(|child| (*child, shift)));
        }
        Ok(widgets)
    }

    /// The widget of exactly this name; else the first whose name contains it.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<Widget> {
        let widgets = self.widgets()?;
        let exact = widgets.iter().find(|widget| widget.name == name);
        let hit = exact.or_else(|| widgets.iter().find(|widget| widget.name.contains(name)));
        hit.cloned().with_context(|| format!("no widget named {name:?}; there are: {}", names(&widgets)))
    }

    /// Waits until there is a widget of exactly this name, or one whose name or value contains it.
    ///
    /// # Errors
    /// When none appears in time.
    pub fn wait_for(&self, name: &str, within: Duration) -> Result<Widget> {
        self.wait_until(name, within, |widgets| {
            let exact = widgets.iter().find(|widget| widget.name == name);
            let part = || {
                widgets.iter().find(|widget| {
                    widget.name.contains(name)
                        || widget.value.as_deref().is_some_and(|value| value.contains(name))
                })
            };
            exact.or_else(part).cloned()
        })
    }

    /// Waits until `test` finds what it looks for.
    ///
    /// # Errors
    /// When it does not in time; the error lists the widgets that there are.
    pub fn wait_until<T>(
        &self,
        what: &str,
        within: Duration,
        mut test: impl FnMut(&[Widget]) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + within;
        loop {
            // Each call waits for a frame of the window.
            let widgets = self.widgets()?;
            if let Some(found) = test(&widgets) {
                return Ok(found);
            }
            if Instant::now() > end {
                bail!("{what:?} did not come within {within:?}; there are: {}", names(&widgets));
            }
            pause(30);
        }
    }

    /// Waits until `look` finds what it looks for, in whatever it reads of the window.
    ///
    /// # Errors
    /// When it does not in time, or when the window does not answer.
    pub fn until<T>(
        &self,
        what: &str,
        within: Duration,
        mut look: impl FnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let end = Instant::now() + within;
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if Instant::now() > end {
                bail!("{what} did not come within {within:?}");
            }
            pause(10);
        }
    }

    /// Injects events, a frame each, so that press, move and release are seen apart.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn events(&self, events: impl IntoIterator<Item = Event>) -> Result<()> {
        for event in events {
            self.call(&Request::ApplyEvents { events: vec![event] })?;
        }
        Ok(())
    }

    /// Clicks the widget of this name.
    ///
    /// # Errors
    /// When it is not there or is disabled.
    pub fn click(&self, name: &str) -> Result<()> {
        let widget = self.at_rest(name)?;
        if widget.disabled {
            bail!("{name:?} is disabled: {}", widget.description);
        }
        self.wait_as_a_hand(name, widget.rect.center());
        self.click_at(self.at_rest(name)?.rect.center())
    }

    /// The window takes a second click at one place for a part of the first: what has come there meanwhile is
    /// clicked no sooner than by somebody who has seen it.
    fn wait_as_a_hand(&self, name: &str, at: Pos2) {
        let mut clicked = self.clicked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, place, when)) = &*clicked
            && before != name
            && place.distance(at) < 12.0
        {
            pause(SEEN.saturating_sub(when.elapsed()).as_millis() as u64);
        }
        *clicked = Some((name.to_owned(), at, Instant::now()));
    }

    /// The widget of this name, once it no longer moves: a window that has just opened still finds its
    /// layout.
    ///
    /// # Errors
    /// When it is not there.
    pub fn at_rest(&self, name: &str) -> Result<Widget> {
        let mut widget = self.find(name)?;
        for _ in 0..20 {
            let again = self.find(name)?;
            if again.rect == widget.rect {
                return Ok(again);
            }
            widget = again;
        }
        bail!("{name:?} does not come to rest")
    }

    /// Scrolls what the widget of this name stands in until it is between these heights.
    ///
    /// # Errors
    /// When it is not there, or does not come into sight.
    pub fn reveal(&self, name: &str, heights: std::ops::Range<f32>) -> Result<()> {
        let middle = (heights.start + heights.end) / 2.0;
        for _ in 0..40 {
            let at = self.at_rest(name)?.rect.center();
            if heights.contains(&at.y) {
                return Ok(());
            }
            let delta = egui::vec2(0.0, (middle - at.y).clamp(-400.0, 400.0));
            let (unit, phase) = (egui::MouseWheelUnit::Point, egui::TouchPhase::Move);
            let wheel = Event::MouseWheel { unit, delta, phase, modifiers: Modifiers::NONE };
            self.events([Event::PointerMoved(pos2(at.x, middle)), wheel])?;
        }
        bail!("{name:?} does not come into sight")
    }

    /// Clicks a place.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn click_at(&self, at: Pos2) -> Result<()> {
        self.events([Event::PointerMoved(at), button(at, true), button(at, false)])
    }

    /// Drags from one place to another.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn drag(&self, from: Pos2, to: Pos2) -> Result<()> {
        let steps = (1..=10).map(|step| Event::PointerMoved(from + (to - from) * (step as f32 / 10.0)));
        self.events(
            [Event::PointerMoved(from), button(from, true)]
                .into_iter()
                .chain(steps)
                .chain([button(to, false)]),
        )
    }

    /// Types text into whatever has the focus.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn text(&self, text: &str) -> Result<()> {
        self.events([Event::Text(text.to_owned())])
    }

    /// Presses a key.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn key(&self, key: Key, modifiers: Modifiers) -> Result<()> {
        let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
        self.events([event(true), event(false)])
    }

    /// Resizes the window, in points.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.call(&Request::Resize { width, height }).map(drop)
    }

    /// What the window shows, as a PNG.
    ///
    /// # Errors
    /// When the window does not answer.
    pub fn picture(&self) -> Result<Vec<u8>> {
        match self.call(&Request::GetScreenshot { pixels_per_point: None })? {
            Response::Screenshot(png) => Ok(png.bytes),
            other => bail!("no picture: {other:?}"),
        }
    }
}

fn button(pos: Pos2, pressed: bool) -> Event {
    Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
}

fn names(widgets: &[Widget]) -> String {
    widgets
        .iter()
        .map(|widget| widget.name.as_str())
        .filter(|name| !name.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
}

/// Waits a moment between two looks at something that gives no event.
#[expect(
    clippy::disallowed_methods,
    reason = "another process is watched from outside; it gives no event to wait for"
)]
pub fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}
