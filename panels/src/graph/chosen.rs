//! What is selected in the graph, and what stands aside for it.

use super::placement::Boxed;
use super::view::View;
use crate::selection::Selected;
use std::sync::Arc;

/// The selected parts of a view, and those next to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chosen {
    /// Per card, whether it is selected.
    pub cards: Vec<bool>,
    /// Per line, whether it is selected.
    pub lines: Vec<bool>,
    /// Per box, whether it is selected.
    pub groups: Vec<bool>,
    /// Whether anything in view is selected.
    pub any: bool,
    near_cards: Vec<bool>,
    near_lines: Vec<bool>,
}

impl Chosen {
    /// Finds the selected thing in a view.
    pub fn of(view: &View, selected: Option<&Selected>) -> Self {
        let mut cards: Vec<bool> =
            view.cards.iter().map(|card| selected.is_some_and(|selected| card.is(selected))).collect();
        let lines: Vec<bool> = view
            .lines
            .iter()
            .map(|line| match selected {
                Some(Selected::Edge(from, to)) => {
                    view.cards[line.from].id == *from && view.cards[line.to].id == *to
                }
                _ => false,
            })
            .collect();
        // A service or app with all its versions is its box, a namespace the one around it.
        let whole = |group: &super::view::Group| match group.kind {
            Boxed::App => group.selects.is_some() && group.members.iter().all(|member| cards[*member]),
            Boxed::Namespace => selected.is_some() && group.selects.as_ref() == selected,
        };
        let groups: Vec<bool> = view.groups.iter().map(whole).collect();
        let any = cards.iter().chain(&lines).chain(&groups).any(|chosen| *chosen);
        let mut near_cards = cards.clone();
        let mut near_lines = lines.clone();
        let namespace =
            |(group, chosen): &(&super::view::Group, &bool)| **chosen && group.kind == Boxed::Namespace;
        for (group, _) in view.groups.iter().zip(&groups).filter(namespace) {
            group.members.iter().for_each(|member| near_cards[*member] = true);
        }
        if view.groups.iter().zip(&groups).any(|both| namespace(&both)) {
            for (near, line) in near_lines.iter_mut().zip(view.lines.iter()) {
                *near |= near_cards[line.from] || near_cards[line.to];
            }
        }
        for (index, line) in view.lines.iter().enumerate() {
            if cards[line.from] || cards[line.to] || lines[index] {
                near_lines[index] = true;
                near_cards[line.from] = true;
                near_cards[line.to] = true;
            }
        }
        // Calls that reached no version of an app end at its service, which is as near.
        let own = |card: &super::view::Card| {
            let is =
                |(other, chosen): (&Arc<super::view::Card>, &bool)| *chosen && other.service == card.service;
            matches!(card.selects, Selected::Service(..)) && view.cards.iter().zip(&cards).any(is)
        };
        for (near, card) in near_cards.iter_mut().zip(&view.cards) {
            *near = *near || own(card);
        }
        // A whole app is shown by its box; its cards keep their own borders.
        for (group, _) in view.groups.iter().zip(&groups).filter(|(_, chosen)| **chosen) {
            group.members.iter().for_each(|member| cards[*member] = false);
        }
        // What was found is lit whatever is selected, and what is selected stays lit: one steps from hit to
        // hit.
        let lit =
            |near: bool, found: bool, own: bool| if view.searching { found || own } else { near || !any };
        for (near, (card, own)) in near_cards.iter_mut().zip(view.cards.iter().zip(&cards)) {
            *near = lit(*near, card.found, *own);
        }
        for (near, (line, own)) in near_lines.iter_mut().zip(view.lines.iter().zip(&lines)) {
            *near = lit(*near, line.found, *own);
        }
        Self { cards, lines, groups, any, near_cards, near_lines }
    }
    /// Whether a card stands aside.
    pub fn card_dim(&self, index: usize) -> bool {
        !self.near_cards.get(index).copied().unwrap_or(true)
    }
    /// Whether a line stands aside.
    pub fn line_dim(&self, index: usize) -> bool {
        !self.near_lines.get(index).copied().unwrap_or(true)
    }
}

impl super::view::Card {
    /// Whether this card is, or is part of, what is selected.
    pub fn is(&self, selected: &Selected) -> bool {
        match (selected, &self.selects) {
            (Selected::App(namespace, app, None), Selected::App(own, name, _)) => {
                namespace == own && app == name
            }
            (Selected::Service(namespace, name), _) => {
                self.service.as_ref().is_some_and(|(own, service)| own == namespace && service == name)
            }
            (Selected::Workload(namespace, name), _) => {
                self.workload.as_ref().is_some_and(|(own, workload)| own == namespace && workload == name)
            }
            (selected, own) => selected == own,
        }
    }
}
