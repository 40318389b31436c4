//! Lets go of values beside the window's thread: to give back what a hundred thousand small parts took costs more
//! than a frame has.

use super::priority::give_way;
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

type Value = Box<dyn Send>;

/// The thread that drops them; it ends with the program.
static DROPS: LazyLock<Option<Sender<Value>>> = LazyLock::new(|| {
    let (sender, values) = channel::<Value>();
    let work = move || {
        give_way();
        values.into_iter().for_each(drop);
    };
    std::thread::Builder::new().name("let-go".to_owned()).spawn(work).is_ok().then_some(sender)
});

/// Drops a value, soon; at once where there is no thread for it.
pub fn let_go(value: impl Send + 'static) {
    if let Some(drops) = &*DROPS {
        drops.send(Box::new(value)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::{self, ThreadId};

    struct Tells(Sender<ThreadId>);

    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).ok();
        }
    }

    #[test]
    fn another_thread_drops_it() {
        let (sender, dropped) = channel();
        let_go(Tells(sender));
        assert_ne!(dropped.recv().unwrap(), thread::current().id());
    }
}
