//! How many of the calls that were seen in traces each rule of a VirtualService takes, and would take once it is
//! another one. Headers are not in traces: where they decide, that is said, and no rule gets the call.

use super::{Asked, Calls, From, SeenCall, Told};
use crate::mesh_config::MeshConfig;
use crate::trace::Opened;
use crate::{Mesh, Object, Ref};
use istio::hosts::{dialled, host_and_port};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a match asks of headers.
const OF_HEADERS: [&str; 2] = ["headers", "withoutHeaders"];

/// What was seen, and what the rules take of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foreseen {
    /// So many calls to the host.
    pub calls: usize,
    /// So many more whose caller nobody knows.
    pub nobody: usize,
    /// Each rule as it would be; `None` where it hands calls over to another VirtualService.
    pub rules: Vec<Option<Takes>>,
}

/// What a rule takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// So many calls.
    pub takes: usize,
    /// Of so many more, headers decide.
    pub perhaps: usize,
    /// So many did it take before; `None` for a rule that was not there.
    pub before: Option<usize>,
    /// Whether it is another one than before.
    pub changed: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Rule(usize),
    Perhaps(usize),
    /// By another object, or none; it goes to the host all the same.
    Other,
    /// It has nothing to do with the host.
    Elsewhere,
}

/// How the rules of `at`, which stand for calls to `host`, take the calls in traces, before and after a change.
pub fn foreseen(
    (before, after): (&Mesh, &Mesh),
    config: Option<&MeshConfig>,
    (at, host): (&Ref, &str),
    traces: &[Arc<Opened>],
) -> Foreseen {
    let mut seen: BTreeMap<(String, String, String, String), (SeenCall, usize)> = BTreeMap::new();
    for call in traces.iter().flat_map(|opened| SeenCall::all_in(before, opened)) {
        let from = call.from.as_ref().map(ToString::to_string).unwrap_or_default();
        let key = (from, call.to.clone(), call.method.clone(), call.path.clone());
        seen.entry(key).or_insert((call, 0)).1 += 1;
    }
    let (was, now) = (rules(before, at), rules(after, at));
    let (earlier, later) = (Sorter::of(before, config, at, host), Sorter::of(after, config, at, host));
    let mut taken = vec![(0, 0); now.len()];
    let mut taken_before = vec![0; was.len()];
    let mut found = Foreseen::default();
    for (call, times) in seen.into_values() {
        let is_known = matches!(call.from, Some(From::Workload { .. }));
        let asked = call.asked(0);
        let (then, now) = (earlier.sort(&asked), later.sort(&asked));
        if call.from.is_none() || !is_known && (then, now) == (By::Elsewhere, By::Elsewhere) {
            // Short names are taken as those of the host's own namespace.
            let near = host.split('.').nth(1).unwrap_or_default();
            found.nobody += if dialled(host_and_port(&call.to).0, near) == host { times } else { 0 };
            continue;
        }
        if (then, now) == (By::Elsewhere, By::Elsewhere) {
            continue;
        }
        found.calls += times;
        if let By::Rule(rule) = then {
            taken_before.get_mut(rule).into_iter().for_each(|taken| *taken += times);
        }
        match now {
            By::Rule(rule) => taken.get_mut(rule).into_iter().for_each(|taken| taken.0 += times),
            By::Perhaps(rule) => taken.get_mut(rule).into_iter().for_each(|taken| taken.1 += times),
            By::Other | By::Elsewhere => {}
        }
    }
    // Of copies, one is the rule that was there.
    let mut left: Vec<Option<&Value>> = was.iter().map(Some).collect();
    let same: Vec<Option<usize>> = now
        .iter()
        .map(|rule| {
            let place = left.iter().position(|other| *other == Some(rule))?;
            left[place] = None;
            Some(place)
        })
        .collect();
    let takes = |(place, (rule, (takes, perhaps))): (usize, (&Value, (usize, usize)))| {
        let of = same[place].or_else(|| (was.len() == now.len()).then_some(place));
        let (before, changed) = (of.map(|of| taken_before[of]), same[place].is_none());
        rule["delegate"].is_null().then_some(Takes { takes, perhaps, before, changed })
    };
    found.rules = now.iter().zip(taken).enumerate().map(takes).collect();
    found
}

fn rules(mesh: &Mesh, at: &Ref) -> Vec<Value> {
    let spec = mesh.objects().get(at).map(Object::spec);
    spec.and_then(|spec| spec["http"].as_array()).cloned().unwrap_or_default()
}

/// Tells by which rule a call goes.
struct Sorter<'a> {
    as_written: Calls<'a>,
    /// As if each match asked nothing of headers.
    whatever_headers: Calls<'a>,
    rules: Vec<Value>,
    at: &'a Ref,
    host: &'a str,
}

impl<'a> Sorter<'a> {
    fn of(mesh: &'a Mesh, config: Option<&'a MeshConfig>, at: &'a Ref, host: &'a str) -> Self {
        let rules = rules(mesh, at);
        let as_written = Calls::of(mesh, config);
        let mut whatever_headers = Calls::of(mesh, config);
        for item in whatever_headers.world.virtual_services.iter_mut().filter(|item| item.at == *at) {
            for one in Arc::make_mut(&mut item.spec).http.iter_mut().flat_map(|http| &mut http.r#match) {
                one.headers.clear();
                one.without_headers.clear();
            }
        }
        Self { as_written, whatever_headers, rules, at, host }
    }

    fn sort(&self, asked: &Asked) -> By {
        let Ok(told) = self.as_written.ask(asked) else { return By::Elsewhere };
        let written = self.rule(&told);
        let whatever = self.whatever_headers.ask(asked).ok().and_then(|told| self.rule(&told));
        match (written, whatever) {
            (written, Some(other)) if written != Some(other) => By::Perhaps(other),
            // A header that must not be there may be there.
            (Some(rule), _) if self.asks_of_headers(rule) => By::Perhaps(rule),
            (Some(rule), _) => By::Rule(rule),
            (None, _) if self.is_for_host(asked, &told) => By::Other,
            (None, _) => By::Elsewhere,
        }
    }

    /// The place of the rule that takes a call.
    fn rule(&self, told: &Told) -> Option<usize> {
        let place = told.taken.rule.as_ref().filter(|place| place.object == *self.at)?;
        place.path.strip_prefix("spec.http[")?.split(']').next()?.parse().ok()
    }

    /// Whether it decides by headers that take it: nobody knows those.
    fn asks_of_headers(&self, rule: usize) -> bool {
        let matches = self.rules.get(rule).and_then(|rule| rule["match"].as_array());
        matches.is_some_and(|all| {
            !all.is_empty() && all.iter().all(|one| OF_HEADERS.iter().any(|field| one[field].is_object()))
        })
    }

    fn is_for_host(&self, asked: &Asked, told: &Told) -> bool {
        let namespace = match &asked.from {
            From::Workload { namespace, .. } => namespace,
            From::Outside => "",
        };
        dialled(&told.request.host(), namespace) == self.host
            || told.taken.outcome.destinations.iter().any(|to| to.host == self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::trace::{Span, Trace};
    use serde_json::json;

    fn routed(http: Value) -> Mesh {
        let mut objects = demo::bookinfo_objects();
        let spec = json!({ "hosts": ["ratings"], "http": http });
        let object = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": { "namespace": "bookinfo", "name": "ratings" }, "spec": spec });
        for (at, object) in demo::by_ref([object]).iter() {
            objects.insert(at.clone(), object.clone());
        }
        Mesh::read(objects, None)
    }

    fn call(id: usize, from: &str, path: &str) -> Arc<Opened> {
        let span = |span: String, parent: Option<String>, service: &str, kind: &str| Span {
            id: span,
            parent,
            service: service.to_owned(),
            operation: "ratings".to_owned(),
            kind: kind.to_owned(),
            start_us: 1,
            duration_us: 1,
            tags: [("http.url", format!("http://ratings:9080{path}")), ("http.method", "GET".to_owned())]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Span::default()
        };
        let (client, server) = (format!("{id}c"), format!("{id}s"));
        let spans = vec![
            span(client.clone(), None, from, "client"),
            span(server, Some(client), "ratings.bookinfo", "server"),
        ];
        Arc::new(Opened::from(Trace { id: id.to_string(), spans }))
    }

    const HOST: &str = "ratings.bookinfo.svc.cluster.local";

    fn at() -> Ref {
        Ref::new(&istio::kinds::VIRTUAL_SERVICE, "bookinfo", "ratings")
    }

    fn calls() -> Vec<Arc<Opened>> {
        let from = |id: usize| if id < 8 { "reviews.bookinfo" } else { "details.bookinfo" };
        (0..10).map(|id| call(id, from(id), if id < 6 { "/ratings/0" } else { "/ratings/1?x=y" })).collect()
    }

    #[test]
    fn each_rule_with_what_it_takes_and_took() {
        let to = json!([{ "destination": { "host": "ratings" } }]);
        let before = routed(json!([{ "route": to }]));
        let uri = json!([{ "uri": { "exact": "/ratings/1" } }]);
        let after = routed(json!([{ "match": uri, "route": to }, { "route": to }]));
        let seen = foreseen((&before, &after), None, (&at(), HOST), &calls());
        assert_eq!((seen.calls, seen.nobody), (10, 0), "each call once: {seen:?}");
        let new = Takes { takes: 4, perhaps: 0, before: None, changed: true };
        let rest = Takes { takes: 6, perhaps: 0, before: Some(10), changed: false };
        assert_eq!(seen.rules, [Some(new), Some(rest)]);
    }

    #[test]
    fn where_headers_decide_it_is_not_known() {
        let to = json!([{ "destination": { "host": "ratings" } }]);
        let before = routed(
            json!([{ "match": [{ "uri": { "prefix": "/ratings/1" } }], "route": to }, { "route": to }]),
        );
        let jason =
            json!([{ "uri": { "prefix": "/ratings/1" }, "headers": { "end-user": { "exact": "jason" } } }]);
        let after = routed(json!([{ "match": jason, "route": to }, { "route": to }]));
        let seen = foreseen((&before, &after), None, (&at(), HOST), &calls());
        let first = Takes { takes: 0, perhaps: 4, before: Some(4), changed: true };
        assert_eq!(seen.rules[0], Some(first));
        assert_eq!(seen.rules[1].unwrap().takes, 6, "of the others nothing is unknown");
        let none = json!([{ "withoutHeaders": { "x-old": {} } }]);
        let after = routed(json!([{ "match": none, "route": to }, { "route": to }]));
        let seen = foreseen((&before, &after), None, (&at(), HOST), &calls());
        assert_eq!(seen.rules[0].unwrap(), Takes { takes: 0, perhaps: 10, before: Some(4), changed: true });
    }

    #[test]
    fn callers_that_nobody_knows_are_counted_apart() {
        let to = json!([{ "destination": { "host": "ratings" } }]);
        let mesh = routed(json!([{ "route": to }]));
        let mut all = calls();
        all.push(call(10, "gone.elsewhere", "/ratings/0"));
        let seen = foreseen((&mesh, &mesh), None, (&at(), HOST), &all);
        assert_eq!((seen.calls + seen.nobody, seen.rules[0].unwrap().changed), (11, false), "{seen:?}");
        let other = foreseen((&mesh, &mesh), None, (&at(), "reviews.bookinfo.svc.cluster.local"), &[]);
        assert_eq!(other.calls, 0);
    }
}
