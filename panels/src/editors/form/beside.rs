//! What takes longer than a frame to find out is found beside the window's thread.

use crate::kit::aside::Aside;
use egui::Ui;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// The newest answer there is to what was asked under a name, and whether it is for this key; `None` until
/// there is one. What is `small` is made at once.
pub fn beside<K, T>(
    ui: &Ui,
    of: &impl Debug,
    key: K,
    small: bool,
    make: impl FnOnce() -> T + Send + 'static,
) -> Option<(T, bool)>
where
    K: Clone + PartialEq + Send + 'static,
    T: Clone + Send + 'static,
{
    let id = ui.id().with(("beside", format!("{of:?}")));
    let aside: Arc<Mutex<Aside<K, T>>> = ui.data_mut(|data| Arc::clone(data.get_temp_mut_or_default(id)));
    let mut aside = aside.lock().unwrap_or_else(PoisonError::into_inner);
    let value = aside.get(ui.ctx(), key.clone(), small, make).map(|value| value.clone());
    value.map(|value| (value, aside.is_of(&key)))
}
