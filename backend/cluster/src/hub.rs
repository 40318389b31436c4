//! The meeting point of one connection's tasks: what they learn goes onto the [`Board`], and whoever waits
//! for something hears of it. [`crate::publish`] turns the board into scenes.

use crate::Wake;
use crate::reads::Wanted;
use jiff::Timestamp;
use mesh::board::{Board, Column, Observation};
use mesh::scene::{KindState, Step, StepState};
use mesh::{ClusterId, Kind, Object, Objects, Problem, Ref, Scene};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// The board and its channels.
pub(crate) struct Hub {
    board: Mutex<Board>,
    /// Whose tasks meet here.
    pub(crate) cluster: ClusterId,
    /// Wakes the publisher.
    pub(crate) dirty: Notify,
    /// Counts changes of the objects.
    pub(crate) revision: watch::Sender<u64>,
    /// Counts how often the user wanted a retry.
    pub(crate) retry: watch::Sender<u64>,
    /// Whether new scenes are held back, and measuring rests.
    pub(crate) paused: watch::Sender<bool>,
    /// Whether the user allows changes of workloads.
    pub(crate) workloads: watch::Sender<bool>,
    /// Measuring window in seconds.
    pub(crate) window: watch::Sender<u64>,
    /// What somebody looks at and wants read.
    pub(crate) wanted: watch::Sender<Wanted>,
    /// The latest scene.
    pub(crate) scene: watch::Sender<Arc<Scene>>,
    /// Wakes the window.
    pub(crate) wake: Wake,
}

impl Hub {
    pub(crate) fn new(wake: Wake, window_secs: u64) -> Arc<Self> {
        Arc::new(Self {
            board: Mutex::default(),
            cluster: ClusterId::default(),
            dirty: Notify::new(),
            revision: watch::Sender::new(0),
            retry: watch::Sender::new(0),
            paused: watch::Sender::new(false),
            workloads: watch::Sender::new(false),
            window: watch::Sender::new(window_secs),
            wanted: watch::Sender::new(Wanted::new()),
            scene: watch::Sender::new(Arc::default()),
            wake,
        })
    }

    /// Takes in what a task has learnt just now; the publisher is woken when it is news.
    pub(crate) fn take(&self, observation: Observation) {
        let (news, revision) = self.with(|board| {
            let news = board.take(Timestamp::now(), &self.cluster, observation);
            (news, board.column(&self.cluster).map_or(0, Column::revision))
        });
        self.revision.send_if_modified(|known| std::mem::replace(known, revision) != revision);
        if news {
            self.dirty.notify_one();
        }
    }

    /// Looks at the board, or shows it something; nobody else does meanwhile.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Board) -> T) -> T {
        look(&mut self.board.lock())
    }

    fn column<T>(&self, look: impl FnOnce(&Column) -> T) -> Option<T> {
        self.with(|board| board.column(&self.cluster).map(look))
    }

    /// How a step of connecting stands.
    pub(crate) fn step(&self, step: Step) -> Option<StepState> {
        self.column(|column| column.step(step).cloned()).flatten()
    }

    /// How a kind stands.
    pub(crate) fn kind(&self, kind: &'static Kind) -> Option<KindState> {
        self.column(|column| column.kind(kind).cloned()).flatten()
    }

    /// Why not all objects of a kind are seen, if not all are.
    pub(crate) fn unseen(&self, kind: &'static Kind) -> Option<Problem> {
        self.column(|column| column.unseen(kind).cloned()).flatten()
    }

    /// Why an object of a kind in a namespace is not seen, if it is not.
    pub(crate) fn hidden(&self, kind: &'static Kind, namespace: &str) -> Option<Problem> {
        self.column(|column| column.hidden(kind, namespace).cloned()).flatten()
    }

    /// An object, if it is there.
    pub(crate) fn object(&self, at: &Ref) -> Option<Object> {
        self.column(|column| column.objects().get(at).cloned()).flatten()
    }

    /// All objects.
    pub(crate) fn objects(&self) -> Objects {
        self.column(|column| column.objects().clone()).unwrap_or_default()
    }
}
