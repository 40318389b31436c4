//! What of the mesh cannot be read, told once for each cause: a server that is down takes twenty kinds with
//! it.

use crate::kit::fmt;
use mesh::scene::{KindState, Step, StepState};
use mesh::{Problem, Scene};

/// One cause and all that is missing because of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    pub(super) problem: Problem,
    /// The step of connecting that it stopped.
    pub(super) step: Option<Step>,
    /// The kinds that are not read.
    pub(super) names: Vec<String>,
}

/// Everything that is missing, by its cause.
pub(super) fn missing(scene: &Scene) -> Vec<Source> {
    let mut all: Vec<Source> = Vec::new();
    for (step, state) in &scene.steps {
        if let StepState::Failed(problem) = state {
            all.push(Source { problem: problem.clone(), step: Some(*step), names: Vec::new() });
        }
    }
    all.extend(scene.not_installed().map(|problem| Source { problem, step: None, names: Vec::new() }));
    for (kind, state) in &scene.kinds {
        let (KindState::Denied(problem) | KindState::Stale(problem)) = state else { continue };
        let same = |source: &&mut Source| {
            (&source.problem.why, &source.problem.next) == (&problem.why, &problem.next)
        };
        match all.iter_mut().find(same) {
            Some(source) => source.names.push(kind.to_string()),
            None => all.push(Source { problem: problem.clone(), step: None, names: vec![kind.to_string()] }),
        }
    }
    for source in all.iter_mut().filter(|source| source.step.is_none() && source.names.len() > 1) {
        source.problem.what = format!("{} kinds cannot be read", fmt::count(source.names.len()));
    }
    all
}

/// The first few of a list: "Pod, Service + 16 others".
pub(super) fn listed(names: &[String], most: usize) -> String {
    match names.len().checked_sub(most).filter(|others| *others > 0) {
        Some(others) => format!("{} + {others} others", names[..most].join(", ")),
        None => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dead_server_is_one_card() {
        let mut scene = Scene::default();
        for kind in mesh::kinds::KINDS.iter().copied() {
            let what = format!("{kind} is not read any more");
            let down = Problem::new(what, "the server does not answer", "It is asked again by itself");
            scene.kinds.insert(kind, KindState::Stale(down));
        }
        let all = missing(&scene);
        assert_eq!((all.len(), all[0].names.len()), (1, mesh::kinds::KINDS.len()));
        assert!(all[0].problem.what.ends_with("kinds cannot be read"), "{}", all[0].problem.what);
        let names = ["A", "B", "C"].map(str::to_owned);
        assert_eq!((listed(&names, 2), listed(&names, 3)), ("A, B + 1 others".into(), "A, B, C".into()));
    }
}
