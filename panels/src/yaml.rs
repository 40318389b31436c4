//! Objects as YAML, made once and not again in every frame: what is shown is remembered by what it says.

use egui::Ui;
use egui::cache::{ComputerMut, FrameCache};
use istio::Object;
use serde_json::Value;
use std::sync::Arc;

#[derive(Default)]
struct Maker;

impl ComputerMut<&Value, Arc<str>> for Maker {
    fn compute(&mut self, object: &Value) -> Arc<str> {
        istio::object::yaml(&Object::from(object.clone())).into()
    }
}

/// An object as people read and keep it; nothing where there is none.
pub(crate) fn of(ui: &Ui, object: Option<&Object>) -> Arc<str> {
    let Some(object) = object else { return Arc::from("") };
    ui.memory_mut(|memory| memory.caches.cache::<FrameCache<Arc<str>, Maker>>().get(&*object.0).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_made_once_for_as_long_as_it_is_shown() {
        let object =
            Object::from(json!({ "kind": "VirtualService", "metadata": { "name": "reviews", "uid": "u" } }));
        let mut bench = egui_kittest::Harness::new_ui_state(
            |ui, seen: &mut Vec<Arc<str>>| seen.push(of(ui, Some(&object))),
            Vec::new(),
        );
        bench.run_steps(3);
        let seen = bench.state();
        assert!(seen.len() >= 3 && seen.iter().all(|one| Arc::ptr_eq(one, &seen[0])));
        assert_eq!(&*seen[0], "kind: VirtualService\nmetadata:\n  name: reviews\n");
    }
}
