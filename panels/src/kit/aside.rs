//! Derives a value beside the window's thread, when what it is derived from changed.

use super::let_go;
use super::priority::give_way;
use egui::Context;
use mesh::Remote;
use mesh::traffic::Traffic;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Traffic on more paths than this takes longer than a frame to be looked through, however small the mesh is.
pub const FEW_PATHS: usize = 600;

/// On how many there is traffic.
pub fn paths(traffic: &Remote<Traffic>) -> usize {
    traffic.value().map_or(0, |traffic| traffic.flows.len())
}

/// While somebody has it, nobody else makes something that takes much memory.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value and the key that it was derived for. At most one is in the making; whoever asks next frame with a
/// newer key gets that one made after it.
pub struct Aside<K, V> {
    done: Option<(K, V)>,
    running: Option<(K, Receiver<V>)>,
    /// The making of the value for this key broke off; it is not tried again.
    failed: Option<K>,
}

impl<K, V> Default for Aside<K, V> {
    fn default() -> Self {
        Self { done: None, running: None, failed: None }
    }
}

impl<K: PartialEq + Clone + Send + 'static, V: Send + 'static> Aside<K, V> {
    /// The newest value there is, perhaps of an older key. What takes less than a frame is made `at_once`;
    /// all else on a thread that wakes the window.
    pub fn get(
        &mut self,
        ctx: &Context,
        key: K,
        at_once: bool,
        make: impl FnOnce() -> V + Send + 'static,
    ) -> Option<&mut V> {
        self.take_in();
        let known = |made: Option<&K>| made == Some(&key);
        let here = known(self.done.as_ref().map(|(key, _)| key)) || known(self.failed.as_ref());
        if !here && at_once {
            let_go(self.done.replace((key, make())));
            self.running = None;
        } else if !here && self.running.is_none() {
            self.start(ctx, key, make);
        }
        self.done.as_mut().map(|(_, value)| value)
    }

    /// Whether the value there is was derived for this key.
    pub fn is_of(&self, key: &K) -> bool {
        self.done.as_ref().is_some_and(|(done, _)| done == key)
    }

    fn take_in(&mut self) {
        let Some((key, receiver)) = self.running.take() else { return };
        match receiver.try_recv() {
            Ok(value) => {
                // It may be as large as the new one, and the last of its kind.
                let_go(self.done.replace((key, value)));
            }
            Err(TryRecvError::Empty) => self.running = Some((key, receiver)),
            Err(TryRecvError::Disconnected) => self.failed = Some(key),
        }
    }

    fn start(&mut self, ctx: &Context, key: K, make: impl FnOnce() -> V + Send + 'static) {
        let (sender, receiver) = channel();
        let ctx = ctx.clone();
        let work = move || {
            give_way();
            let made = make();
            // Send first, wake second. Nobody listens any more when the panel was closed.
            if sender.send(made).is_ok() {
                ctx.request_repaint();
            }
        };
        match std::thread::Builder::new().name("aside".to_owned()).spawn(work) {
            Ok(_) => self.running = Some((key, receiver)),
            Err(_) => self.failed = Some(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_window_is_woken_when_a_value_is_there() {
        let ctx = Context::default();
        let (sender, woken) = channel();
        ctx.set_request_repaint_callback(move |_| {
            sender.send(()).ok();
        });
        let mut aside = Aside::default();
        let (go, wait) = channel::<()>();
        let slow = move || wait.recv().map_or(0, |()| 1);
        assert_eq!(aside.get(&ctx, 1, false, slow), None);
        assert_eq!(aside.get(&ctx, 2, false, || panic!("one at a time")), None);
        go.send(()).unwrap();
        let frame = || ctx.run_ui(egui::RawInput::default(), |_| {}).drop_without_applying_deltas();
        woken.recv_timeout(Duration::from_secs(60)).unwrap();
        frame();
        assert_eq!(aside.get(&ctx, 2, false, || 2), Some(&mut 1), "the older one until then");
        assert!(aside.is_of(&1) && !aside.is_of(&2));
        while !aside.is_of(&2) {
            woken.recv_timeout(Duration::from_secs(60)).unwrap();
            frame();
            aside.get(&ctx, 2, false, || panic!("it is made already"));
        }
        assert_eq!(aside.get(&ctx, 3, true, || 3), Some(&mut 3));
    }
}
