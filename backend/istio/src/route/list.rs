//! The rules that may take a call, in the order in which they are asked, and the first that does.

use super::because::Because;
use super::matching;
use super::request::Request;
use super::scope::Scope;
use super::way::Way;
use super::world::Item;
use super::{Place, Skipped};
use crate::delegation::{Written, written_out};
use crate::kinds;
use crate::precedence::Config;
use crate::refs::Ref;
use crate::views::{HttpMatch, HttpRoute, StringMatch, VirtualService};
use crate::visibility::exported;
use std::sync::Arc;

/// One alternative of a rule.
#[derive(Clone)]
pub(super) struct Candidate {
    /// Where the rule stands.
    pub(super) place: Place,
    /// What it says.
    pub(super) rule: Arc<HttpRoute>,
    /// The namespace in which its hosts are meant.
    pub(super) namespace: Arc<str>,
    /// It is a route's of the Gateway API.
    pub(super) made: bool,
    /// What it asks for.
    pub(super) one: HttpMatch,
    /// The port of the way by which it is asked.
    pub(super) port: u16,
}

/// Rules in the order in which they are asked, with those among them that cannot take any call of this way.
#[derive(Default)]
pub(super) struct List {
    pub(super) candidates: Vec<Candidate>,
    /// Why not, and before which candidate it stands.
    pub(super) skipped: Vec<(usize, Skipped)>,
}

impl Candidate {
    /// Whether it takes everything: as istiod, such rules come last at a gateway.
    pub(super) fn takes_all(&self) -> bool {
        let any = |uri: &StringMatch| match (&uri.exact, &uri.prefix, uri.regex.as_deref()) {
            (Some(_), ..) => false,
            (_, Some(prefix), _) => prefix == "/",
            (.., regex) => regex.is_none(),
        };
        let one = &self.one;
        let parts = [&one.scheme, &one.method, &one.authority];
        one.uri.as_ref().is_none_or(any)
            && parts.iter().all(|part| part.is_none())
            && one.headers.is_empty()
            && one.without_headers.is_empty()
            && one.query_params.is_empty()
    }
}

/// Whether a rule leads anywhere.
pub(super) fn leads(rule: &HttpRoute) -> bool {
    rule.redirect.is_some() || rule.direct_response.is_some() || !rule.route.is_empty()
}

/// The `http` rules of a VirtualService for calls that come a certain way.
pub(super) fn of_rules(scope: &Scope<'_>, rules: &Item<VirtualService>, way: &Way<'_>) -> List {
    let mut list = List::default();
    for (place, rule) in written(scope, rules, &mut list) {
        let rule = Arc::new(rule);
        let candidate = |one: HttpMatch| Candidate {
            place: place.clone(),
            rule: Arc::clone(&rule),
            namespace: Arc::clone(&rules.at.namespace),
            made: false,
            one,
            port: way.port,
        };
        if rule.r#match.is_empty() {
            match leads(&rule) {
                true => list.candidates.push(candidate(HttpMatch::default())),
                false => list.skip(&place, Because::LeadsNowhere),
            }
            return list;
        }
        for one in &rule.r#match {
            match way.may_match(&scope.caller, one) {
                Err(why) => list.skip(&place, why),
                Ok(()) if !leads(&rule) => list.skip(&place, Because::LeadsNowhere),
                Ok(()) => {
                    let made = candidate(one.clone());
                    let ends = made.takes_all();
                    list.candidates.push(made);
                    if ends {
                        return list;
                    }
                }
            }
        }
    }
    list
}

/// Whether a VirtualService has rules for requests, its delegates' among them.
pub(super) fn has_rules(scope: &Scope<'_>, rules: &Item<VirtualService>) -> bool {
    let own = rules.spec.http.iter().any(|rule| rule.delegate.is_none());
    own || !rules.spec.http.is_empty() && !written(scope, rules, &mut List::default()).is_empty()
}

/// The rules of a VirtualService with what it delegates, and where each stands.
fn written(scope: &Scope<'_>, rules: &Item<VirtualService>, list: &mut List) -> Vec<(Place, HttpRoute)> {
    let own = rules.namespace();
    if rules.spec.http.iter().all(|rule| rule.delegate.is_none()) {
        let at = |(index, rule): (usize, &HttpRoute)| (Place::http(&rules.at, index), rule.clone());
        return rules.spec.http.iter().enumerate().map(at).collect();
    }
    let default = &scope.world.settings.virtual_services;
    let find = |namespace: &str, name: &str| {
        let all = scope.world.virtual_services.iter().filter(|other| other.spec.hosts.is_empty());
        let mut named = all.filter(|other| other.namespace() == namespace && other.name() == name);
        let seen = |other: &&Item<VirtualService>| exported(&other.spec.export_to, default, namespace, own);
        named.next().filter(seen).map(|other| &*other.spec)
    };
    let (written, missing) = written_out(&rules.spec, own, find);
    for one in missing {
        let to = format!("{}/{}", one.namespace, one.name);
        list.skip(&Place::http(&rules.at, one.index), Because::NoDelegate(to));
    }
    let at = |Written { index, delegate, rule }: Written<'_>| {
        let root = Place::http(&rules.at, index);
        let place = match delegate {
            None => root,
            Some(to) => {
                let of = Ref::new(&kinds::VIRTUAL_SERVICE, &to.namespace, &to.name);
                Place { through: Some(root.object), ..Place::http(&of, to.index) }
            }
        };
        (place, rule.into_owned())
    };
    written.into_iter().map(at).collect()
}

impl List {
    pub(super) fn skip(&mut self, place: &Place, why: Because) {
        let skipped = Skipped { place: place.clone(), because: vec![why] };
        self.skipped.push((self.candidates.len(), skipped));
    }

    /// The first that takes a request, and why those before it do not.
    pub(super) fn first(mut self, request: &Request) -> (Option<Candidate>, Vec<Skipped>) {
        let mut told: Vec<Skipped> = Vec::new();
        let mut early = std::mem::take(&mut self.skipped).into_iter().peekable();
        for (index, candidate) in self.candidates.into_iter().enumerate() {
            while let Some((_, skipped)) = early.next_if(|(before, _)| *before <= index) {
                tell(&mut told, skipped);
            }
            match matching::fits(&candidate.one, candidate.made, request) {
                Ok(()) => {
                    // An alternative of the same rule did not take it; the rule did.
                    told.retain(|skipped| skipped.place != candidate.place);
                    return (Some(candidate), told);
                }
                Err(why) => tell(&mut told, Skipped { place: candidate.place, because: vec![why] }),
            }
        }
        early.for_each(|(_, skipped)| tell(&mut told, skipped));
        (None, told)
    }
}

/// All alternatives of a rule stand together.
fn tell(told: &mut Vec<Skipped>, skipped: Skipped) {
    match told.iter_mut().find(|known| known.place == skipped.place) {
        Some(known) => {
            let fresh: Vec<Because> =
                skipped.because.into_iter().filter(|why| !known.because.contains(why)).collect();
            known.because.extend(fresh);
        }
        None => told.push(skipped),
    }
}
