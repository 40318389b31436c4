//! Plans: what an editor wants, as the smallest guarded change of the objects that say it.
//!
//! An editor names fields and values; the plan reads what is there, writes only what differs, states what the
//! user saw (a JSON patch fails where that is another by now), makes objects and subsets that are missing,
//! puts the steps into an order in which each stands on what comes before it, and says who else writes these
//! objects. Nothing that an editor does not name changes.

mod field;
mod follow;
mod managed;
mod nowhere;
mod part;
mod rewrite;
mod rules_of_istio;
mod scope;
mod shared;
mod undeclared;
mod whole;
mod words;
mod work;

pub use crate::rule_key::{List, RuleKey};
pub use field::{Field, Readable};
pub use part::Part;
pub use rewrite::dotted;
pub use scope::{HttpRule, Level, PolicyOf, id, own_rule};
pub use shared::SharedRule;
pub use words::{capital, percent};

use crate::change::Change;
use crate::change_set::Turn;
use crate::edit::rules::{is_gateway, no_rule_for, rules, speaks_http};
use crate::evidence::{Claim, Evidence, Measure, cluster, route};
use crate::model::natural;
use crate::{Mesh, Ref, Service, Subset};
use istio::{Kind, Object, kinds, views};
use managed::managed;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use undeclared::undeclared;
pub use whole::named;
use work::Work;

/// A change in the making.
pub struct Plan<'a> {
    mesh: &'a Mesh,
    title: String,
    works: Vec<Work>,
    warnings: Vec<String>,
    claims: Vec<Claim>,
    was: Vec<Claim>,
    measures: (Option<Measure>, Option<Measure>),
    stop: Option<Stop>,
}

/// Why there is no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What it was made for is gone, or has another shape.
    Gone,
    /// Something is still to be said, and what.
    NotYet(String),
}

impl<'a> Plan<'a> {
    /// Begins one, on what the user sees.
    pub fn new(mesh: &'a Mesh) -> Self {
        Self {
            mesh,
            title: String::new(),
            works: Vec::new(),
            warnings: Vec::new(),
            claims: Vec::new(),
            was: Vec::new(),
            measures: (None, None),
            stop: None,
        }
    }

    /// The mesh that the user sees.
    pub fn mesh(&self) -> &'a Mesh {
        self.mesh
    }

    /// What the change does, in a plain sentence.
    pub fn title(&mut self, title: impl Into<String>) {
        self.title = title.into();
    }

    /// Something that the user should know before pushing.
    pub fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// There is nothing to push yet, and why.
    pub fn not_yet(&mut self, why: impl Into<String>) {
        self.stop.get_or_insert(Stop::NotYet(why.into()));
    }

    /// What the plan is made for is gone.
    pub fn gone(&mut self) {
        self.stop.get_or_insert(Stop::Gone);
    }

    /// An object that is there, or that this plan makes.
    pub fn object(&mut self, at: &Ref) -> Part<'_> {
        let found = self.work(at);
        if found.is_none() {
            self.gone();
        }
        Part { work: found.map(|index| &mut self.works[index]), prefix: String::new(), floor: None }
    }

    /// A rule of HTTP calls. Where no VirtualService routes the service's calls yet, one is made as soon as
    /// something is said in it.
    pub fn rule(&mut self, rule: &HttpRule) -> Part<'_> {
        let place = match &rule.virtual_service {
            Some(at) => rule.position(self.mesh).map(|index| (at.clone(), index)),
            None => self.routes_of(rule).map(|at| (at, 0)),
        };
        let Some((at, index)) = place else { return self.nothing() };
        let mut part = self.object(&at);
        part.prefix = format!("/spec/http/{index}");
        // What makes it this rule; what its destinations weigh is nothing of that.
        let rows = part.get("route").and_then(Value::as_array).map_or(0, Vec::len);
        part.saw("match");
        for row in 0..rows {
            part.saw(&format!("route/{row}/destination"));
        }
        part
    }

    /// The traffic policy of a service, a subset or a port. A DestinationRule, a subset or a port's settings
    /// that are missing are made as soon as something is said in it.
    pub fn policy(&mut self, of: &PolicyOf) -> Part<'_> {
        let service = of.service(self.mesh);
        let subset =
            |name: &String| service?.subsets.iter().find(|subset| subset.name == *name).map(declared);
        let there = match &of.level {
            Level::Subset(name) => subset(name).is_some(),
            Level::Service | Level::Port(_) => true,
        };
        let at = service.filter(|_| there).and_then(|service| self.rule_of(service));
        let Some(at) = at else { return self.nothing() };
        let mut part = self.object(&at);
        part.saw("spec/host");
        match &of.level {
            Level::Service => {
                part.prefix = "/spec/trafficPolicy".to_owned();
                part.floor = Some("/spec".to_owned());
            }
            Level::Subset(name) => {
                part.enter("/spec/subsets", "name", subset(name).unwrap_or_default());
                part.floor = Some(part.prefix.clone());
                part.prefix += "/trafficPolicy";
            }
            Level::Port(number) => {
                let row = json!({ "port": { "number": number } });
                part.enter("/spec/trafficPolicy/portLevelSettings", "port", row);
                part.floor = Some("/spec".to_owned());
            }
        }
        part
    }

    /// Declares subsets of a service where no DestinationRule does.
    pub fn subsets(&mut self, service: &Service, needed: &[&str]) {
        let missing = service.subsets.iter();
        let missing = missing.filter(|subset| !subset.declared && needed.contains(&subset.name.as_str()));
        let mut missing: Vec<&Subset> = missing.collect();
        missing.sort_by(|a, b| natural(&a.name, &b.name));
        let Some(at) = self.rule_of(service).filter(|_| !missing.is_empty()) else { return };
        let mut part = self.object(&at);
        part.saw("spec/host");
        for subset in missing {
            part.push("spec/subsets", declared(subset));
        }
    }

    /// Makes an object with this spec, under the first of these names that is free.
    pub fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        names: [&str; 2],
        spec: Value,
    ) -> Option<Ref> {
        self.sees(kind, namespace)?;
        let at = self.free_name(kind, namespace, names)?;
        self.works.push(Work::fresh(at.clone(), api_version(self.mesh, &at), spec, false));
        Some(at)
    }

    /// Deletes an object, as the user saw it.
    pub fn delete(&mut self, at: &Ref) {
        match self.work(at) {
            Some(index) => self.works[index].delete(),
            None => self.gone(),
        }
    }

    /// Where a rule stands once this is done: its VirtualService, and its position there.
    pub fn place(&mut self, rule: &HttpRule) -> Option<(Ref, usize)> {
        match &rule.virtual_service {
            Some(at) => Some((at.clone(), rule.position(self.mesh)?)),
            None => Some((self.routes_of(rule)?, 0)),
        }
    }

    /// The routes of a rule in proxies: `plan.shows(&plan.route(rule).at("/route/timeout"), …)`.
    pub fn route(&mut self, rule: &HttpRule) -> Option<Claim> {
        self.place(rule).map(|(at, index)| route(&at, index))
    }

    /// The clusters in proxies that a policy holds for: one claim for each port of the service, but for those
    /// that have settings of their own.
    pub fn clusters(&mut self, of: &PolicyOf) -> Vec<Claim> {
        let Some(service) = of.service(self.mesh) else { return Vec::new() };
        let Some(at) = self.rule_of(service) else { return Vec::new() };
        let rule: views::DestinationRule = self.after(&at).unwrap_or_default();
        let (subset, policy) = match &of.level {
            Level::Subset(name) => {
                let subset = rule.subsets.iter().find(|subset| subset.name == *name);
                (name.as_str(), subset.and_then(|subset| subset.traffic_policy.as_ref()))
            }
            Level::Service | Level::Port(_) => ("", rule.traffic_policy.as_ref()),
        };
        let of_port = |row: &views::PortPolicy| row.port.as_ref().map(|port| port.number);
        let own: Vec<u32> =
            policy.iter().flat_map(|policy| &policy.port_level_settings).filter_map(of_port).collect();
        let ports = service.ports.iter().map(|port| port.number).filter(|number| match of.level {
            Level::Port(port) => *number == port,
            Level::Service | Level::Subset(_) => !own.contains(number),
        });
        ports.map(|port| cluster(&at, &service.host).subset(subset).port(port)).collect()
    }

    /// An object as it will be.
    pub fn object_after(&self, at: &Ref) -> Option<Object> {
        match self.works.iter().find(|work| work.at == *at) {
            Some(work) => work.now(),
            None => self.mesh.objects().get(at).cloned(),
        }
    }

    /// An object as it will be, as a typed view.
    pub fn after<T: DeserializeOwned + Default>(&self, at: &Ref) -> Option<T> {
        views::read(&self.object_after(at)?).ok()
    }

    /// An object as it is, as a typed view.
    pub fn before<T: DeserializeOwned + Default>(&self, at: &Ref) -> Option<T> {
        views::read(self.mesh.objects().get(at)?).ok()
    }

    /// What proxies hold at a place once the change is live, and what they held there before.
    pub fn shows(&mut self, place: &Claim, now: impl Field, was: impl Field) {
        let claim = |value: Option<Value>| place.clone().is(value.unwrap_or_default());
        let (now, was) = (now.json(), was.json());
        if now != was {
            self.claims(vec![claim(now)], vec![claim(was)]);
        }
    }

    /// What proxies show once the change is live, and what they showed before.
    pub fn claims(&mut self, now: Vec<Claim>, was: Vec<Claim>) {
        self.claims.extend(now);
        self.was.extend(was);
    }

    /// What calls show once the change is live, and what they showed before.
    pub fn measures(&mut self, now: Option<Measure>, was: Option<Measure>) {
        self.measures = (now, was);
    }

    /// The change; `None` when everything is as wanted.
    ///
    /// # Errors
    /// When what it was made for is gone, or when something is still to be said.
    pub fn change(self) -> Result<Option<Change>, Stop> {
        if let Some(stop) = self.stop {
            return Err(stop);
        }
        let mut warnings = self.warnings;
        let mut steps = Vec::new();
        for mut work in self.works {
            let told = std::mem::take(&mut work.warnings);
            if let Some(step) = work.step()? {
                warnings.extend(told);
                steps.push(step);
            }
        }
        for step in &steps {
            let (refused, warned) = rules_of_istio::findings(step);
            if let Some(why) = refused.first() {
                return Err(Stop::NotYet(format!("Nothing to push yet. Istio refuses it: {why}")));
            }
            warnings.extend(warned);
        }
        steps.sort_by_key(Turn::of);
        if steps.is_empty() {
            return Ok(None);
        }
        warnings.extend(nowhere::nowhere(self.mesh, &steps));
        warnings.extend(managed(&steps));
        warnings.extend(steps.iter().filter_map(|step| undeclared(self.mesh, step)));
        let (measure, was_measure) = self.measures;
        let evidence = Evidence::of(self.mesh, &steps, &self.claims, &self.was);
        let claimed = [&self.claims[..], &self.was[..]];
        if claimed != [&[]; 2] && evidence.is_none() && !Evidence::reaches(self.mesh, &steps, claimed) {
            let known = self.mesh.unseen(&kinds::POD, &steps[0].at.namespace).is_none();
            let nobody = "No proxy would take it: nobody that is seen calls through a proxy, or has one";
            warnings.extend(known.then(|| nobody.to_owned()));
        }
        let evidence = Evidence { measure, was_measure, ..evidence };
        Ok(Some(Change { title: self.title, steps, evidence, warnings }))
    }

    fn nothing(&mut self) -> Part<'_> {
        self.gone();
        Part { work: None, prefix: String::new(), floor: None }
    }

    /// The object under edit.
    fn work(&mut self, at: &Ref) -> Option<usize> {
        if let Some(index) = self.works.iter().position(|work| work.at == *at) {
            return Some(index);
        }
        let object = self.mesh.objects().get(at)?.clone();
        let own = object.0.get("apiVersion").and_then(Value::as_str);
        let api_version = own.map_or_else(|| api_version(self.mesh, at), str::to_owned);
        self.works.push(Work::on(at.clone(), api_version, object));
        Some(self.works.len() - 1)
    }

    /// The DestinationRule for this service alone; where there is none, one that says nothing yet.
    pub fn rule_of(&mut self, service: &Service) -> Option<Ref> {
        if let Some(at) = own_rule(self.mesh, service) {
            return Some(at.clone());
        }
        let spec = json!({ "host": host(service) });
        let at = self.scaffold(&kinds::DESTINATION_RULE, service, spec)?;
        let wider = service
            .destination_rules
            .iter()
            .filter(|at| *at.namespace == *service.namespace || *at.namespace == *self.mesh.root_namespace());
        let warnings = wider.map(|wider| {
            format!(
                "{wider} is for more services; {} gets a DestinationRule of its own, and what that one says no \
                 longer counts for it",
                service.name
            )
        });
        let warnings = warnings.collect();
        self.tell(&at, warnings);
        Some(at)
    }

    /// A VirtualService for a service that has none, with one rule for all calls.
    fn routes_of(&mut self, rule: &HttpRule) -> Option<Ref> {
        let service = rule.service(self.mesh).filter(|service| speaks_http(service))?;
        if is_gateway(self.mesh, service) {
            self.not_yet(no_rule_for(service));
            return None;
        }
        let route = json!([{ "destination": { "host": host(service) } }]);
        let spec = json!({ "hosts": [host(service)], "http": [{ "route": route }] });
        let at = self.scaffold(&kinds::VIRTUAL_SERVICE, service, spec)?;
        // VirtualServices that could not be read may route the service's calls too.
        let near = self
            .mesh
            .problems()
            .filter(|(at, _)| at.kind == &kinds::VIRTUAL_SERVICE && at.namespace == service.namespace);
        let entering = rules(self.mesh, service).into_iter().filter(|rule| rule.usual).filter_map(|rule| {
            let at = rule.at.virtual_service?;
            Some(format!(
                "Calls that enter by a gateway are routed by {at}: this rule is for calls inside the mesh"
            ))
        });
        let warnings = near
            .map(|(at, _)| format!("{at} cannot be read here: it may route calls of {} too", service.name))
            .chain(entering)
            .collect();
        self.tell(&at, warnings);
        Some(at)
    }

    /// An object of the service's own that comes to be as soon as something is said in it.
    fn scaffold(&mut self, kind: &'static Kind, service: &Service, spec: Value) -> Option<Ref> {
        let names = [&*service.name, &format!("{}-mesh", service.name)];
        let known = self.works.iter().find(|work| work.is_scaffold(kind, &service.namespace, &spec));
        if let Some(work) = known {
            return Some(work.at.clone());
        }
        self.sees(kind, &service.namespace)?;
        let at = self.free_name(kind, &service.namespace, names)?;
        self.works.push(Work::fresh(at.clone(), api_version(self.mesh, &at), spec, true));
        Some(at)
    }

    /// What should be known once an object is made.
    fn tell(&mut self, at: &Ref, warnings: Vec<String>) {
        if let Some(work) = self.works.iter_mut().find(|work| work.at == *at) {
            work.warnings = warnings;
        }
    }

    /// Whether objects of a kind are seen in a namespace; where they are not, one may be there already, and
    /// nothing is made blindly.
    fn sees(&mut self, kind: &'static Kind, namespace: &str) -> Option<()> {
        let Some(why) = self.mesh.unseen(kind, namespace) else { return Some(()) };
        self.not_yet(format!("Nothing is written blindly: a {kind} may be there already. {}", why.why));
        None
    }

    /// A name that no object of this kind has in the namespace yet.
    fn free_name(&self, kind: &'static Kind, namespace: &str, names: [&str; 2]) -> Option<Ref> {
        let more = (2..100).map(|number| format!("{}-{number}", names[1]));
        let named = names.into_iter().map(str::to_owned).chain(more);
        let taken =
            |at: &Ref| self.mesh.objects().contains(at) || self.works.iter().any(|work| work.at == *at);
        named.map(|name| Ref::new(kind, namespace, &name)).find(|at| !taken(at))
    }
}

/// How objects in the service's own namespace name it.
pub fn host(service: &Service) -> &str {
    if service.external { &service.host } else { &service.name }
}

fn declared(subset: &Subset) -> Value {
    json!({ "name": subset.name, "labels": subset.labels })
}

/// The version by which the cluster gives objects of this kind; the best we know where it has none yet.
fn api_version(mesh: &Mesh, at: &Ref) -> String {
    let seen = mesh.objects().of_kind(at.kind).next();
    let seen = seen.and_then(|(_, object)| object.0.get("apiVersion").and_then(Value::as_str));
    let best = || format!("{}/{}", at.kind.group, at.kind.versions.first().unwrap_or(&"v1"));
    seen.map_or_else(best, str::to_owned)
}
