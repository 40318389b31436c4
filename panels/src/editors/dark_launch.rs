//! Dark launch: copies of calls go to another version, and callers see nothing of it.

use super::edits::{Chooser, Edits, Scoped};
use super::form::Form;
use super::rules::http_rules;
use crate::kit::{Button, fmt};
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use istio::fqdn;
use mesh::edit::mirrors::{self, Mirror};
use mesh::plan::{HttpRule, Plan};
use mesh::series::{Measured, REQUESTS, Range, Series, failing, rate};
use mesh::{Kind, Mesh, kinds};
use serde::{Deserialize, Serialize};

const VERSION: &str = "destination_version";

/// Who gets copies of a rule's calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Copies(Vec<Mirror>);

impl Edits for Copies {
    type Scope = HttpRule;
    const ABOUT: About = About {
        name: "Dark launch",
        icon: icon::COPY,
        summary: "Send copies of calls to another version; callers see nothing of it",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::VIRTUAL_SERVICE];
    const CHOOSER: Chooser = Chooser::Menu("dark launch calls");

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<HttpRule, Self>> {
        http_rules(mesh, subject, |rule| Self(rule.at.view(mesh).map(mirrors::of).unwrap_or_default()))
    }

    fn form(&mut self, _was: &Self, at: &HttpRule, form: &mut Form<'_>) {
        let candidates = form.known(&("candidates", at), |mesh| {
            at.service(mesh).map(|service| mirrors::candidates(mesh, service)).unwrap_or_default()
        });
        let namespace = at.virtual_service.as_ref().map_or(&at.service.namespace, |at| &at.namespace);
        let same = |one: &Mirror, other: &Mirror| {
            fqdn(&one.host, namespace) == fqdn(&other.host, namespace) && one.subset == other.subset
        };
        let mesh = &form.cx().scene.mesh;
        let mut gone = None;
        for (index, mirror) in self.0.iter_mut().enumerate() {
            form.line("", 0.0, |line| {
                let of = format!("copy {} of {}", index + 1, line.subject());
                let mut share = mirror.share();
                line.percent(&format!("share of {of}"), &mut share);
                if share != mirror.share() {
                    mirror.percent = Some(share);
                }
                line.word("to");
                let mut words: Vec<String> = candidates.iter().map(Mirror::words).collect();
                let chosen = candidates.iter().position(|one| same(one, mirror));
                if chosen.is_none() {
                    words.push(mirror.words());
                }
                let options: Vec<&str> = words.iter().map(String::as_str).collect();
                let picked =
                    line.choose(&format!("target of {of}"), &options, chosen.unwrap_or(candidates.len()));
                if let Some(target) = picked.and_then(|picked| candidates.get(picked)) {
                    let to = mirrors::written(mesh, target, namespace);
                    *mirror = Mirror { percent: mirror.percent, ..to };
                }
                if line.button(Button::icon(icon::X, format!("remove {of}")), true) {
                    gone = Some(index);
                }
            });
        }
        gone.map(|index| self.0.remove(index));
        // Whoever gets all calls now is the last that one wants copies for.
        let free = candidates
            .iter()
            .rev()
            .find(|one| !self.0.iter().any(|mirror| same(one, mirror)) && !one.subset.is_empty());
        let free =
            free.or_else(|| candidates.iter().find(|one| !self.0.iter().any(|mirror| same(one, mirror))));
        let word = if self.0.is_empty() { "Copy calls…" } else { "Another copy" };
        let name = format!("add a copy of {}", form.subject());
        form.line("", 0.0, |line| {
            if line.button(Button::quiet(word).with_icon(icon::PLUS).named(name), free.is_some())
                && let Some(free) = free
            {
                self.0.push(Mirror { percent: Some(10.0), ..mirrors::written(mesh, free, namespace) });
            }
        });
        if free.is_none() && self.0.is_empty() {
            form.note("There is no other version and no other service that could get copies");
        }
        arrived(form, at);
    }

    fn plan(&self, _was: &Self, at: &HttpRule, plan: &mut Plan<'_>) {
        mirrors::plan(plan, at, &self.0);
    }

    fn samples() -> Vec<Self> {
        let to = |subset: &str, percent| Mirror {
            host: "reviews".to_owned(),
            subset: subset.to_owned(),
            port: None,
            percent,
        };
        let other = Mirror { host: "ratings".to_owned(), port: Some(9080), ..to("", Some(2.5)) };
        vec![
            Self(vec![to("v3", Some(10.0))]),
            Self(vec![to("v3", None)]),
            Self(vec![to("v1", Some(50.0)), other]),
            Self(Vec::new()),
        ]
    }
}

/// What arrives at each version beside what is sent there: more of it are copies.
fn arrived(form: &mut Form<'_>, at: &HttpRule) {
    let mesh = &form.cx().scene.mesh;
    let Some(service) = at.service(mesh) else { return };
    let now = at.view(mesh).map(mirrors::of).unwrap_or_default();
    let copied: Vec<&Mirror> =
        now.iter().filter(|mirror| fqdn(&mirror.host, &service.namespace) == service.host).collect();
    if copied.is_empty() {
        return;
    }
    let window = form.cx().measured_secs();
    let ask = |range: &Range| form.cx().reads.series(range);
    let all = [
        rate(REQUESTS).to_service(service).arrived().by(VERSION).over(window),
        rate(REQUESTS).to_service(service).by(VERSION).over(window),
        failing(REQUESTS).to_service(service).arrived().by(VERSION).over(window),
    ]
    .map(|range| ask(&range).value().cloned());
    let [Some(arrived), Some(sent), Some(failing)] = all else {
        form.note("What the copies got is not known yet: nothing is measured");
        return;
    };
    for mirror in copied {
        let last = |all: &Measured| {
            let of = |series: &&Series| {
                series.labels.get(VERSION).is_some_and(|version| *version == mirror.subset)
            };
            all.series.iter().find(of)?.points.last().map(|(_, value)| *value)
        };
        let copies = last(&arrived).map(|all| (all - last(&sent).unwrap_or(0.0)).max(0.0));
        let fails = last(&failing).map_or_else(String::new, |percent| {
            format!(", {} of what arrives there fails", fmt::percent(percent))
        });
        form.note(match copies {
            Some(rps) => format!("{} gets copies: {}{fails}", mirror.words(), fmt::rps(rps)),
            None => format!("Nothing arrived at {} in this time", mirror.words()),
        });
    }
}
