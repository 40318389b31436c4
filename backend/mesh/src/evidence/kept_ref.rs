//! The name of an object as it is kept: with its group, because names of kinds are not unique.

use istio::Ref;
use istio::kinds;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(super) fn serialize<S: Serializer>(at: &Ref, serializer: S) -> Result<S::Ok, S::Error> {
    [at.kind.group, at.kind.kind, &at.namespace, &at.name].serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ref, D::Error> {
    let [group, kind, namespace, name] = <[String; 4]>::deserialize(deserializer)?;
    let kind = kinds::kind(&group, &kind).ok_or_else(|| de::Error::custom("a kind that is not watched"))?;
    Ok(Ref::new(kind, &namespace, &name))
}
