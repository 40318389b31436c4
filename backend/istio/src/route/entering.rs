//! Calls that come in by a gateway: the server that takes them, the VirtualServices and routes that are bound to
//! it for their host, as one list.

use super::because::Because;
use super::inside::settle;
use super::list::{List, of_rules};
use super::opened::{self, Opened, Taking, without_scope};
use super::request::Request;
use super::scope::Scope;
use super::way::Way;
use super::world::Item;
use super::{Outcome, Place, Said, Skipped, Taken, api, bytes, outcome};
use crate::hosts::Closeness;
use crate::precedence::Config;
use crate::routing::served;
use crate::views::VirtualService;

pub(super) fn take(scope: &Scope<'_>, request: &Request) -> Taken {
    let all = opened::at(scope, request.port);
    let plain: Vec<&Opened<'_>> = all.iter().filter(|one| one.taking == Taking::Http).collect();
    // At one port servers are of one kind: where one takes plain HTTP, all that do are one.
    let mut taken = if plain.is_empty() {
        match secured(&all, request) {
            None => closed(&all),
            Some(server) if server.taking == Taking::Https => requests(scope, &[server], request),
            Some(server) => bytes::entering(scope, server, request),
        }
    } else {
        requests(scope, &plain, request)
    };
    if taken.door.is_none() {
        taken.door = all.first().map(|server| server.place.clone());
    }
    taken
}

/// The server of the name that a TLS client asks for, else the first that asks for none.
fn secured<'a, 'w>(all: &'a [Opened<'w>], request: &Request) -> Option<&'a Opened<'w>> {
    let name = request.server_name.clone().unwrap_or_else(|| request.host());
    let closest = |server: &&Opened<'w>| {
        let names = server.hosts.iter().map(|host| without_scope(host));
        names.filter_map(|host| Closeness::of(host, &name)).max()
    };
    let mut best: Option<(Closeness, &Opened<'w>)> = None;
    for server in all {
        if let Some(closeness) = closest(&server)
            && best.is_none_or(|(known, _)| closeness > known)
        {
            best = Some((closeness, server));
        }
    }
    best.map(|(_, server)| server).or_else(|| all.iter().find(|server| server.taking == Taking::Bytes))
}

/// Nobody takes the connection.
fn closed(all: &[Opened<'_>]) -> Taken {
    let other =
        |server: &Opened<'_>| Skipped::new(server.place.clone(), Because::NoHost(server.hosts.clone()));
    let outcome = Outcome { closed: true, ..Outcome::default() };
    Taken { outcome, skipped: all.iter().map(other).collect(), ..Taken::default() }
}

/// A host of a gateway, with all that is bound to it there.
#[derive(Default)]
struct VirtualHost {
    redirected: bool,
    list: List,
    door: Option<Place>,
}

fn requests(scope: &Scope<'_>, servers: &[&Opened<'_>], request: &Request) -> Taken {
    let asked = request.host();
    let mut hosts: Vec<(String, VirtualHost)> = Vec::new();
    let mut skipped = Vec::new();
    let all = scope.by_nearness();
    for server in servers.iter().filter(|server| server.listener.is_none()) {
        for rules in all.iter().copied() {
            bind(scope, server, rules, &asked, &mut hosts, &mut skipped);
        }
        for host in server.hosts.iter().filter(|_| server.redirects) {
            let host = entry(&mut hosts, without_scope(host));
            host.redirected = true;
        }
    }
    for server in servers {
        let Some((gateway, listener)) = server.listener else { continue };
        for (name, list) in api::entering(scope, gateway, listener, server.number) {
            let host = entry(&mut hosts, &name);
            host.door.get_or_insert_with(|| server.place.clone());
            host.list.append(list);
        }
    }
    let best = hosts.iter().filter_map(|(host, _)| Closeness::of(host, &asked)).max();
    let found = hosts.into_iter().find(|(host, _)| best.is_some() && Closeness::of(host, &asked) == best);
    let mut taken = match found {
        None => {
            let other = |server: &&Opened<'_>| {
                Skipped::new(server.place.clone(), Because::NoHost(server.hosts.clone()))
            };
            skipped.extend(servers.iter().map(other));
            Taken::answered(404, Said::NoHost, Vec::new())
        }
        Some((_, host)) if host.redirected => {
            Taken { outcome: outcome::to_https(request), door: host.door, ..Taken::default() }
        }
        Some((_, mut host)) => {
            // What takes everything would hide the rules of a younger VirtualService: as in istiod, it comes
            // last.
            host.list.candidates.sort_by_key(super::list::Candidate::takes_all);
            Taken { door: host.door, ..settle(scope, host.list, request) }
        }
    };
    // Of one that takes it by another server nothing is to be said.
    let by = taken.rule.as_ref().map(|rule| rule.object.clone());
    skipped.retain(|one| by.as_ref() != Some(&one.place.object));
    taken.skipped.splice(0..0, skipped);
    taken
}

fn entry<'h>(hosts: &'h mut Vec<(String, VirtualHost)>, name: &str) -> &'h mut VirtualHost {
    let at = hosts.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        hosts.push((name.to_owned(), VirtualHost::default()));
        hosts.len() - 1
    });
    &mut hosts[at].1
}

/// The hosts of a VirtualService. As in istiod, a name without a dot is a service of its namespace.
pub(super) fn asked_for(rules: &Item<VirtualService>) -> impl Iterator<Item = String> {
    let full = |host: &String| match host.contains('.') {
        true => host.clone(),
        false => crate::fqdn(host, rules.namespace()),
    };
    rules.spec.hosts.iter().map(full)
}

/// Adds the rules of a VirtualService to the hosts for which it is bound to a server; only those that may be
/// meant are looked at.
fn bind(
    scope: &Scope<'_>,
    server: &Opened<'_>,
    rules: &Item<VirtualService>,
    asked: &str,
    hosts: &mut Vec<(String, VirtualHost)>,
    skipped: &mut Vec<Skipped>,
) {
    let meant: Vec<String> = asked_for(rules).filter(|host| crate::hosts::covers(host, asked)).collect();
    if meant.is_empty() {
        return;
    }
    let way = Way { gateway: &server.id, namespace: rules.namespace(), port: server.number };
    let mut skip = |why| {
        let one = Skipped::new(Place::whole(&rules.at), why);
        if !skipped.contains(&one) {
            skipped.push(one);
        }
    };
    if !rules.spec.gateways.iter().any(|name| way.is_by(name)) {
        let names = rules.spec.gateways.clone();
        return skip(Because::Gateways(if names.is_empty() { vec!["mesh".to_owned()] } else { names }));
    }
    if let Some(why) = scope.leaves_out(rules) {
        return skip(why);
    }
    let served_hosts: Vec<String> = meant
        .iter()
        .filter_map(|host| served(&server.hosts, server.namespace, host, rules.namespace()))
        .collect();
    if served_hosts.is_empty() {
        skip(Because::NoHost(server.hosts.clone()));
    }
    for name in served_hosts {
        let host = entry(hosts, &name);
        host.redirected |= server.redirects;
        host.door.get_or_insert_with(|| server.place.clone());
        host.list.append(of_rules(scope, rules, &way));
    }
}

impl List {
    /// With those of another one behind; what stands twice counts once.
    fn append(&mut self, other: Self) {
        let before = self.candidates.len();
        self.skipped.extend(other.skipped.into_iter().map(|(at, skipped)| (before + at, skipped)));
        let known = |one: &super::list::Candidate| {
            self.candidates[..before].iter().any(|known| known.place == one.place && known.one == one.one)
        };
        let fresh: Vec<_> = other.candidates.into_iter().filter(|one| !known(one)).collect();
        self.candidates.extend(fresh);
    }
}
