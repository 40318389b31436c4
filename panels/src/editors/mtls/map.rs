//! How every pair of workloads speaks: over mutual TLS, in plain text, or not at all; as it is, or as it would be.

use super::super::form::Form;
use super::super::pairs::{self, Pairs};
use crate::kit::grid::{self, Cell};
use crate::kit::theme::Tokens;
use crate::kit::{icon, text};
use egui::Color32;
use mesh::edit::Scope;
use mesh::edit::mtls::{self, Says, Speak};

/// What is shown.
#[derive(Clone)]
struct Shown {
    callers: Vec<String>,
    called: Vec<String>,
    pairs: mtls::Pairs,
    more: (usize, usize),
}

/// Shows it, with the draft in force.
pub(super) fn show(form: &mut Form<'_>, at: &Scope, wanted: &Says) {
    let (subject, columns) = (form.subject().to_owned(), grid::columns(form.ui()));
    let shown = form.known(&("pairs", &subject, at, wanted, columns), |mesh| {
        let own = |workload: &mesh::Workload| match at {
            Scope::Workload(_, name) => *workload.name == **name,
            _ => workload.app == subject,
        };
        let place = match at {
            Scope::Namespace(namespace) | Scope::Workload(namespace, _) => namespace.clone(),
            Scope::Mesh => {
                let mut all = mesh.workloads().filter(|workload| own(workload));
                all.next().map(|one| one.namespace.to_string()).unwrap_or_default()
            }
        };
        let about = Pairs::of(mesh, &place, own, columns);
        let names = |all: &[&mesh::Workload]| all.iter().map(|one| one.name.to_string()).collect();
        Shown {
            callers: names(&about.callers),
            called: names(&about.called),
            pairs: mtls::pairs(mesh, (&about.callers, &about.called), at, wanted),
            more: about.more,
        }
    });
    if shown.called.is_empty() {
        return;
    }
    let differs = form.differs();
    let ui = form.ui();
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        text::strong(ui, "How they speak");
        text::muted(ui, if differs { "as it would be" } else { "as it is" });
    });
    let tokens = Tokens::of(ui);
    let row = |(caller, (was, would)): (&String, (&Vec<mtls::Heard>, &Vec<mtls::Heard>))| {
        let cells = would.iter().zip(was).zip(&shown.called).map(|((heard, was), called)| Cell {
            face: face(tokens, heard.speak),
            changed: heard.speak != was.speak,
            same: caller == called,
            why: format!("{}: {}", word(heard.speak), heard.why),
        });
        (caller.clone(), cells.collect(), said(caller, would, &shown.called))
    };
    let both = shown.pairs.now.iter().zip(&shown.pairs.would);
    let rows: Vec<_> = shown.callers.iter().zip(both).map(row).collect();
    grid::show(ui, &shown.called, &rows);
    pairs::rest(ui, shown.more);
}

fn face(tokens: &Tokens, speak: Speak) -> (&'static str, Color32) {
    match speak {
        Speak::Mutual => (icon::LOCK_SIMPLE, tokens.healthy),
        Speak::Plain => (icon::LOCK_SIMPLE_OPEN, tokens.degraded),
        Speak::Refused => (icon::X, tokens.failing),
        Speak::Depends => (icon::TILDE, tokens.degraded),
        Speak::Unknown => (icon::QUESTION, tokens.muted),
    }
}

fn word(speak: Speak) -> &'static str {
    match speak {
        Speak::Mutual => "mutual TLS",
        Speak::Plain => "plain text",
        Speak::Refused => "refused",
        Speak::Depends => "it depends",
        Speak::Unknown => "not known",
    }
}

/// A row in words: "web speaks mutual TLS with cart, shop; plain text with old".
fn said(caller: &str, row: &[mtls::Heard], called: &[String]) -> String {
    let all = [Speak::Mutual, Speak::Plain, Speak::Refused, Speak::Depends, Speak::Unknown];
    let parts = all.into_iter().filter_map(|speak| {
        let fits = row.iter().zip(called).filter(|(heard, _)| heard.speak == speak);
        let names: Vec<&str> = fits.map(|(_, name)| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("{} with {}", word(speak), names.join(", ")))
    });
    format!("{caller} speaks {}", parts.collect::<Vec<_>>().join("; "))
}
