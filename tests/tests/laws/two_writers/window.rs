//! The window without its glass: drafts of its editors on what it sees, judged and pushed on the one road, and
//! what its change bar shows of a refusal.

use super::record::{Deed, Record};
use super::{Dice, OBJECTS};
use apiserver::Store;
use cluster::{Cluster, Command, Of, Target};
use egui::{Rect, pos2, vec2};
use mesh::{Change, ChangeId, Edit, Fact, Ledger, Mesh, Ref, Scene, Step, demo};
use panels::change_bar::ChangeBar;
use panels::contexts::Contexts;
use panels::editors::EDITORS;
use panels::intent::ThemeChoice;
use panels::kit::theme;
use panels::{Cx, Intents, Reads, Selected, Wanted};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Long enough for a slow machine; nothing waits so long when all is well.
const PATIENCE: Duration = Duration::from_secs(60);

const NAMES: [&str; 6] =
    ["Traffic split", "Fault", "Timeouts and retries", "Circuit breaker", "Load balancing", "Dark launch"];

/// What came of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Came {
    Written,
    /// Somebody else has changed the object.
    Refused,
    /// Somebody else has deleted it.
    RefusedGone,
    /// Somebody else has created it.
    RefusedMade,
}

/// What somebody wants: an editor's sample on one of its scopes, or an earlier change taken back.
pub(super) struct Draft {
    editor: &'static str,
    service: &'static str,
    scope: usize,
    sample: usize,
    change: Change,
    undoes: Option<ChangeId>,
}

pub(super) struct Window {
    cluster: Cluster,
    seen: Arc<Scene>,
    ledger: Ledger,
    glass: egui::Context,
    /// What was written last and can be taken back.
    last: Option<ChangeId>,
}

impl Window {
    pub(super) fn open(folder: &Path) -> Self {
        let target = Target {
            kubeconfig: Some(folder.join("config")),
            journal: Some(folder.join("journal")),
            ..Target::default()
        };
        let glass = egui::Context::default();
        glass.enable_accesskit();
        let cluster = Cluster::connect(target, Arc::new(|| {}));
        Self { cluster, seen: Arc::default(), ledger: Ledger::default(), glass, last: None }
    }

    /// Waits until the window sees what the server has.
    pub(super) async fn catch_up(&mut self, store: &Store) {
        let same = |scene: &Arc<Scene>| {
            scene.ready()
                && OBJECTS.iter().all(|(kind, name)| {
                    let there = store.get(kind.kind, "bookinfo", name);
                    let version = there
                        .as_ref()
                        .map(|now| now["metadata"]["resourceVersion"].as_str().unwrap_or_default());
                    let at = Ref::new(kind, "bookinfo", name);
                    scene.mesh.objects().get(&at).map(|object| object.resource_version()) == version
                })
        };
        let waited = tokio::time::timeout(PATIENCE, self.cluster.scene.wait_for(same)).await;
        self.seen = waited.expect("the watch in time").expect("the connection lives").clone();
    }

    /// A draft on what the window sees; `None` where the dice fall on one that wants nothing.
    pub(super) fn draft(&mut self, dice: &mut Dice) -> Option<Draft> {
        if let Some(id) = self.last.take_if(|_| dice.below(4) == 0) {
            let entry = self.ledger.get(id)?;
            let change = entry.change.inverse(&entry.stored).ok()?;
            return Some(Draft { editor: "", service: "", scope: 0, sample: 0, change, undoes: Some(id) });
        }
        let editor = NAMES[dice.below(NAMES.len())];
        let service = ["reviews", "details"][dice.below(2)];
        let (scope, sample) = (dice.below(4), dice.below(4));
        let change = made(&self.seen.mesh, editor, service, scope, sample)?;
        Some(Draft { editor, service, scope, sample, change, undoes: None })
    }

    /// Has a draft judged; where somebody else was first, that is shown.
    pub(super) async fn judged(&mut self, draft: &Draft, record: &Record) -> Result<ChangeId, Came> {
        let now = demo::NOW;
        let (id, change) = if let Some(of) = draft.undoes {
            let id = ChangeId::fresh();
            self.ledger.open(id, draft.change.clone(), Some(of), now);
            (id, Box::new(draft.change.clone()))
        } else {
            let mesh = Arc::clone(&self.seen.mesh);
            self.ledger.put(ChangeId::fresh(), draft.change.clone(), &mesh, now).expect("something to judge")
        };
        self.order(Command::Check(id, change)).await;
        match self.outcome(id, record).await {
            Fact::Checked(_) => Ok(id),
            fact => Err(self.refused(id, &fact)),
        }
    }

    /// The same draft on what the window sees now.
    pub(super) async fn again(&mut self, draft: &Draft, record: &Record) -> Option<ChangeId> {
        let change = made(&self.seen.mesh, draft.editor, draft.service, draft.scope, draft.sample)?;
        let draft = Draft { change, undoes: None, ..*draft };
        Some(self.judged(&draft, record).await.expect("nobody is in the way"))
    }

    /// Pushes what was judged; where somebody else was first, that is shown.
    pub(super) async fn push(&mut self, id: ChangeId, record: &Record) -> Came {
        let entry = self.ledger.get(id).expect("an entry");
        let (change, of) = (entry.change.clone(), Of { parts: entry.parts.clone(), undoes: entry.undoes });
        self.ledger.sent(id, demo::NOW);
        self.order(Command::Push(id, Box::new(change), of)).await;
        match self.outcome(id, record).await {
            Fact::Accepted(_) => {
                self.last = Some(id);
                Came::Written
            }
            fact => self.refused(id, &fact),
        }
    }

    async fn order(&self, command: Command) {
        self.cluster.commands.send(command).await.expect("the connection lives");
    }

    /// Takes in news until the server has said of all of it what it does.
    async fn outcome(&mut self, id: ChangeId, record: &Record) -> Fact {
        loop {
            let told =
                tokio::time::timeout(PATIENCE, self.cluster.facts.recv()).await.expect("a fact in time");
            let (of, fact) = told.expect("the connection lives");
            if of != id {
                continue;
            }
            let entry = self.ledger.get(id).expect("an entry");
            match &fact {
                Fact::Wrote(number, _) => wrote(record, &entry.change.steps[*number]),
                Fact::PutBack(number) => {
                    let inverse = entry.change.inverse(&entry.stored).expect("an inverse");
                    let at = &entry.change.steps[*number].at;
                    wrote(record, inverse.steps.iter().find(|step| step.at == *at).expect("its step"));
                }
                _ => {}
            }
            self.ledger.record(id, &fact, demo::NOW);
            if matches!(fact, Fact::Checked(_) | Fact::Accepted(_) | Fact::Conflict { .. } | Fact::Refused(_))
            {
                return fact;
            }
        }
    }

    /// Looks at what is shown of a refusal.
    fn refused(&mut self, id: ChangeId, fact: &Fact) -> Came {
        let entry = self.ledger.get(id).expect("an entry");
        let Fact::Conflict { theirs, problem } = fact else { panic!("{}: {fact:#?}", entry.change.title) };
        let step = entry.change.steps.iter().find(|step| step.at == theirs.at).expect("its step");
        let came = match (&step.before, &theirs.now) {
            (_, None) => Came::RefusedGone,
            (None, Some(_)) => Came::RefusedMade,
            _ => Came::Refused,
        };
        let shown = self.shown(id);
        for what in ["Theirs", "Mine"] {
            let name = format!("{what} of {}: ", step.at);
            let said = shown.iter().find_map(|label| label.strip_prefix(&name));
            let said = said.unwrap_or_else(|| panic!("{problem}: no {name} in {shown:#?}"));
            assert_ne!(said, "no difference", "{problem}: {what}");
        }
        assert!(shown.iter().any(|label| label.contains(&*problem.why)), "{problem} in {shown:#?}");
        self.ledger.dismiss(id, &self.seen.mesh, demo::NOW);
        came
    }

    /// What a screen reader hears of the bar with the diff of an entry.
    fn shown(&self, id: ChangeId) -> Vec<String> {
        let (intents, contexts, wanted) = (Intents::default(), Contexts::default(), Wanted::default());
        let cx = Cx {
            file: None,
            scene: &self.seen,
            selected: None,
            changes: &self.ledger,
            intents: &intents,
            namespaces: &[],
            window_secs: 60,
            paused: false,
            read_only: false,
            workloads: false,
            reads: Reads::new(&self.seen, &wanted),
            theme: ThemeChoice::Dark,
            now: demo::NOW,
            contexts: &contexts,
        };
        let mut bar = ChangeBar::default();
        bar.review(id);
        let screen = Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1280.0, 800.0)));
        let mut labels = Vec::new();
        for _ in 0..3 {
            let input = egui::RawInput { screen_rect: screen, ..egui::RawInput::default() };
            theme::apply(&self.glass, cx.theme);
            let mut output = self.glass.run_ui(input, |ui| bar.ui(ui, &cx, &[]));
            output.textures_delta.clear();
            let update = output.platform_output.accesskit_update.expect("names for a screen reader");
            let text =
                |node: &egui::accesskit::Node| node.label().or_else(|| node.value()).map(str::to_owned);
            labels = update.nodes.iter().filter_map(|(_, node)| text(node)).collect();
        }
        labels
    }
}

fn wrote(record: &Record, step: &Step) {
    let deed = match &step.edit {
        Edit::Patch(patch) => Deed::Patch(patch.clone()),
        Edit::Create(object) => Deed::Create(object.clone()),
        Edit::Delete { .. } => Deed::Delete,
    };
    record.took("the window", step.at.kind.kind, &step.at.name, deed);
}

/// What an editor makes of a sample.
fn made(mesh: &Mesh, editor: &str, service: &str, scope: usize, sample: usize) -> Option<Change> {
    let row = EDITORS.iter().find(|row| row.about.name == editor)?;
    let mut sheet = (row.open)(mesh, &Selected::Service("bookinfo".into(), service.into()))?;
    sheet.choose(scope);
    sheet.try_on(sample).then_some(())?;
    sheet.change(mesh).ok().flatten()
}
