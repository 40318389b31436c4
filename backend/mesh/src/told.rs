//! What the cluster itself says of an object: Events about it, the newest first.

use serde_json::Value;

/// One thing that was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// When it was said last; RFC 3339.
    pub at: String,
    /// Whether it is a warning.
    pub warning: bool,
    /// "NoEffect".
    pub reason: String,
    /// In the cluster's own words.
    pub message: String,
    /// Who says it: "istiod".
    pub who: String,
}

/// So many are kept.
const MOST: usize = 20;

/// What a list of Events says of an object; of others that had its name before, nothing.
pub fn words(events: &Value, uid: &str) -> Vec<Word> {
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let one = |event: &Value| {
        let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
        let at = times.iter().find_map(|key| event[*key].as_str()).unwrap_or_default();
        Word {
            at: at.to_owned(),
            warning: event["type"] == "Warning",
            reason: text(&event["reason"]),
            message: text(&event["message"]),
            who: text(&event["source"]["component"]),
        }
    };
    let about = |event: &&Value| uid.is_empty() || event["involvedObject"]["uid"] == uid;
    let mut all: Vec<Word> =
        events["items"].as_array().into_iter().flatten().filter(about).map(one).collect();
    all.sort_by(|one, other| other.at.cmp(&one.at));
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_newest_word_comes_first_and_others_of_its_name_say_nothing() {
        let event = |uid: &str, at: &str| {
            json!({ "involvedObject": { "uid": uid }, "type": "Warning", "reason": "NoEffect", "message": at,
                "lastTimestamp": at, "source": { "component": "istiod" } })
        };
        let events = json!({ "items": [event("a", "1"), event("b", "3"), event("a", "2"), 7] });
        let said: Vec<String> = words(&events, "a").into_iter().map(|word| word.message).collect();
        assert_eq!(said, ["2", "1"]);
        assert_eq!(words(&json!(null), "a"), []);
    }
}
