//! What a document says of the object that it is.

use super::Plan;
use super::rewrite::{rewrite, words};
use super::work::Work;
use istio::{Ref, kinds};
use serde_json::{Map, Value};

impl Plan<'_> {
    /// Makes an object say what a document says that was made of what is [shown](istio::object::shown) of it.
    /// Returns what changes, in words; "" when it says that already.
    pub fn rewrite(&mut self, at: &Ref, wanted: &Value) -> String {
        let Some(was) = self.mesh.objects().get(at).map(istio::object::shown) else {
            self.gone();
            return String::new();
        };
        if let Some(kept) = kept(&was, wanted) {
            self.not_yet(kept);
            return String::new();
        }
        let Some(index) = self.work(at) else { return String::new() };
        let said = words(&rewrite(&mut self.works[index], "", &was, wanted));
        if at.kind == &kinds::VIRTUAL_SERVICE {
            crate::edit::routes::claims(self, at);
        }
        said
    }

    /// Makes an object as it stands in a document; where, if that can be told.
    pub fn make(&mut self, object: &Value) -> Option<Ref> {
        match named(object) {
            Ok((at, _)) if self.mesh.objects().contains(&at) => {
                self.not_yet(format!("There is a {at} already: give this one another name"));
                None
            }
            Ok((at, api_version)) => {
                self.works.push(Work::whole(at.clone(), api_version, object.clone()));
                Some(at)
            }
            Err(why) => {
                self.not_yet(why);
                None
            }
        }
    }
}

/// What may not be changed in a document of an object that is there, if it was.
pub(super) fn kept(was: &Value, wanted: &Value) -> Option<String> {
    let fixed = ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];
    let changed = fixed.into_iter().find(|path| was.pointer(path) != wanted.pointer(path));
    if let Some(path) = changed {
        let what = super::dotted(path);
        return Some(format!(
            "{what} of an object that is there stays as it is: clone it to have another one"
        ));
    }
    // Only what people write goes back by Undo.
    let meta = |value: &Value| -> Map<String, Value> {
        let all = value.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
        all.into_iter().filter(|(key, _)| !matches!(key.as_str(), "labels" | "annotations")).collect()
    };
    let (was_meta, wanted_meta) = (meta(was), meta(wanted));
    let odd =
        was_meta.keys().chain(wanted_meta.keys()).find(|key| was_meta.get(*key) != wanted_meta.get(*key));
    if let Some(key) = odd {
        return Some(format!("metadata.{key} is not written here: leave it as it was"));
    }
    let top = |value: &Value, key: &str| value.get(key).cloned();
    let keys = was.as_object().into_iter().chain(wanted.as_object()).flat_map(Map::keys);
    let mut others = keys.filter(|key| !matches!(key.as_str(), "metadata" | "spec"));
    let odd = others.find(|key| top(was, key) != top(wanted, key))?;
    Some(format!("{odd} is not written here: leave it as it was"))
}

/// What the document of a new object says that is given by others.
fn given(wanted: &Value) -> Option<String> {
    if wanted.get("status").is_some() {
        return Some("status is written by controllers: take it out".to_owned());
    }
    let meta = wanted.get("metadata").and_then(Value::as_object);
    let own = |key: &str| matches!(key, "name" | "namespace" | "labels" | "annotations");
    let found = meta.and_then(|meta| meta.keys().find(|key| !own(key)))?;
    Some(format!("metadata.{found} is not written here: take it out"))
}

/// The object that a document is, and by which version it is written.
///
/// # Errors
/// When it does not say, or says one that is not written here; why.
pub fn named(object: &Value) -> Result<(Ref, String), String> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    let said = |path: &str| text(path).ok_or_else(|| format!("{} is still to be said", super::dotted(path)));
    let (api_version, name) = (said("/apiVersion")?, said("/kind")?);
    let Some(kind) = kinds::kind(kinds::group(api_version), name) else {
        return Err(format!("{name} of {api_version} is none of the kinds that are written here"));
    };
    if !kind.editable {
        return Err(format!("A {kind} is read here and never written"));
    }
    let at = Ref::new(kind, said("/metadata/namespace")?, said("/metadata/name")?);
    match given(object) {
        Some(why) => Err(why),
        None => Ok((at, api_version.to_owned())),
    }
}
