//! Evidence of several changes that are written as one. What one of them does to the rules of a
//! VirtualService, the probes of the others have to know: which routes there are, and at which place their
//! own rule is.

use super::{Evidence, MadeRoute, Measure, Owner, Probe, Reach};
use crate::Mesh;
use crate::change::{Change, Step};
use crate::rule_key::RuleKey;
use istio::views::{self, VirtualService};

impl Evidence {
    /// What shows that `steps` were done, which do all that these changes do.
    pub fn together(mesh: &Mesh, changes: &[&Change], steps: &[Step]) -> Self {
        let reach = Reach::of(mesh);
        let mut all = Self::default();
        for change in changes {
            for probe in &change.evidence.probes {
                all.probes.extend(moved(&reach, probe, &change.steps, steps));
            }
            all.was.extend(change.evidence.was.iter().cloned());
        }
        all.probes = once(all.probes);
        all.was = once(all.was);
        let each = |of: fn(&Self) -> &Option<Measure>| -> Option<Measure> {
            let each: Vec<Option<Measure>> =
                changes.iter().map(|change| of(&change.evidence).clone()).collect();
            each.iter().any(Option::is_some).then_some(Measure::Each(each))
        };
        all.measure = each(|evidence| &evidence.measure);
        all.was_measure = each(|evidence| &evidence.was_measure);
        all
    }
}

fn once(probes: Vec<Probe>) -> Vec<Probe> {
    let mut all: Vec<Probe> = Vec::new();
    for probe in probes {
        if !all.contains(&probe) {
            all.push(probe);
        }
    }
    all
}

/// A probe that was made for a change's own steps, for the steps that are really done.
fn moved(reach: &Reach<'_>, probe: &Probe, own: &[Step], done: &[Step]) -> Vec<Probe> {
    let kept = || vec![probe.clone()];
    let Owner::Routes { of, rule, .. } = &probe.owner else { return kept() };
    let after = |steps: &[Step]| steps.iter().find(|step| step.at == *of).and_then(|step| step.after.clone());
    let (Some(own), Some(done)) = (after(own), after(done)) else { return kept() };
    if own.spec() == done.spec() {
        return kept();
    }
    let Ok(view) = views::read::<VirtualService>(&done) else { return kept() };
    let place = match rule {
        None => None,
        Some(rule) => match RuleKey::all(done.spec()).iter().position(|key| key == rule) {
            Some(place) => Some(place),
            None => return kept(),
        },
    };
    let shows =
        |made: &[MadeRoute]| made.iter().any(|route| matches!(route, MadeRoute::One { meant: true, .. }));
    let groups = reach.routes(of, &view, place).into_iter().filter(|group| shows(&group.made));
    groups
        .map(|group| Probe {
            proxies: group.proxies.into(),
            owner: Owner::Routes { of: of.clone(), rule: rule.clone(), made: group.made.into() },
            path: probe.path.clone(),
            want: probe.want.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::edit::{FaultSpec, HeaderIs, Status, fault, rules, split};
    use crate::evidence::Want;
    use crate::split::Split;
    use crate::{ChangeId, ChangeSet};

    /// A split of the last rule of reviews, and a fault for calls with a header, which puts a rule before it.
    fn both(mesh: &Mesh) -> [Change; 2] {
        let reviews = mesh.service("bookinfo", "reviews").unwrap();
        let rule = rules(mesh, reviews).pop().unwrap().at;
        let shares = Split::new([("v1", 10), ("v2", 10), ("v3", 80)]).unwrap();
        let header = HeaderIs { name: "team".into(), value: "books".into() };
        let abort = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
        [split(mesh, &rule, &shares).unwrap(), fault(mesh, &rule, Some(&header), abort).unwrap()]
    }

    /// Editors of the only rule of a VirtualService speak of that rule, not of all.
    #[test]
    fn a_rule_that_comes_beside_the_only_one_is_not_asked_for_the_others_share() {
        let mesh = demo::bookinfo();
        let details = mesh.service("bookinfo", "ratings").unwrap();
        let rule = rules(&mesh, details).pop().unwrap().at;
        let abort = FaultSpec { delay: None, abort: Some((Status::Http(503), 100.0)) };
        let made = fault(&mesh, &rule, None, abort).unwrap();
        let mut objects = mesh.objects().clone();
        let step = made.steps.last().unwrap();
        objects.insert(step.at.clone(), step.after.clone().unwrap());
        let mesh = Mesh::read(objects, Some(&mesh));
        let rule = rules(&mesh, mesh.service("bookinfo", "ratings").unwrap()).pop().unwrap().at;
        let header = HeaderIs { name: "team".into(), value: "books".into() };
        let delay = FaultSpec { delay: Some((1_000, 100.0)), abort: None };
        let other = FaultSpec { delay: None, abort: Some((Status::Http(500), 10.0)) };
        let changes =
            [fault(&mesh, &rule, None, other).unwrap(), fault(&mesh, &rule, Some(&header), delay).unwrap()];
        let mut set = ChangeSet::default();
        for (number, change) in changes.into_iter().enumerate() {
            set.put(ChangeId(number as u64), change);
        }
        let whole = set.whole(&mesh).unwrap();
        let of_code =
            whole.evidence.probes.iter().filter(|probe| format!("{:?}", probe.want).contains("500"));
        let meant: Vec<Vec<bool>> = of_code.map(meant).collect();
        assert!(!meant.is_empty());
        assert!(meant.iter().all(|meant| *meant == [false, true]), "{meant:?}");
    }

    /// Which of the routes of a VirtualService a probe means.
    fn meant(probe: &Probe) -> Vec<bool> {
        let Owner::Routes { made, .. } = &probe.owner else { panic!("{probe:?}") };
        made.iter().map(|route| matches!(route, MadeRoute::One { meant: true, .. })).collect()
    }

    #[test]
    fn a_rule_that_comes_moves_the_probes_of_the_others() {
        let mesh = demo::bookinfo();
        let [split, fault] = both(&mesh);
        for order in [[&split, &fault], [&fault, &split]] {
            let mut set = ChangeSet::default();
            for (number, change) in order.into_iter().enumerate() {
                set.put(ChangeId(number as u64), change.clone());
            }
            let whole = set.whole(&mesh).unwrap();
            let weights = whole.evidence.probes.iter().find(|probe| matches!(probe.want, Want::Weights(_)));
            assert_eq!(meant(weights.unwrap()), [false, false, true], "there are three rules now");
            let alone = split.evidence.probes.iter().find(|probe| matches!(probe.want, Want::Weights(_)));
            assert_eq!(meant(alone.unwrap()), [false, true]);
            for probe in &fault.evidence.probes {
                let same = |other: &&Probe| (&other.path, &other.want) == (&probe.path, &probe.want);
                assert!(whole.evidence.probes.iter().any(|other| same(&other)), "{probe:?}");
            }
            let Some(Measure::Each(each)) = &whole.evidence.measure else { panic!() };
            assert_eq!(each.len(), 2);
        }
    }
}
