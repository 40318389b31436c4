//! Everything that was learnt, taken in one observation at a time: a column per cluster. A [`Scene`] is a
//! cheap snapshot of a column. Pure: the same observations make the same board, whether a cluster, a
//! recording or a test tells them.
//!
//! The model is derived, not learnt, and takes a while where much has changed: who holds the board takes what
//! is [`Board::unread`], reads it wherever it may take its time, and [shows](Board::show) the result. Objects
//! share what did not change, so the reading costs what was touched.

mod column;
mod observation;
#[cfg(test)]
mod tests;

pub use column::Column;
pub use observation::Observation;

use crate::model::{Mesh, Objects, Unseen as Hiding};
use crate::scene::Scene;
use istio::ClusterId;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of all clusters.
#[derive(Clone, Debug, Default)]
pub struct Board {
    columns: BTreeMap<ClusterId, Column>,
}

/// Objects of which the model has yet to be read.
#[derive(Debug)]
pub struct Unread {
    objects: Objects,
    revision: u64,
    before: Arc<Mesh>,
    unseen: Arc<Hiding>,
}

/// A model that was read, of which revision of the objects.
#[derive(Debug)]
pub struct Model {
    mesh: Arc<Mesh>,
    revision: u64,
}

impl Board {
    /// Takes in what was learnt of a cluster. Returns whether its scene says something new.
    pub fn take(&mut self, at: Timestamp, cluster: &ClusterId, observation: Observation) -> bool {
        match self.columns.get_mut(cluster) {
            Some(column) => column.take(at, observation),
            None => self.columns.entry(cluster.clone()).or_default().take(at, observation),
        }
    }
    /// What is known of a cluster.
    pub fn column(&self, cluster: &ClusterId) -> Option<&Column> {
        self.columns.get(cluster)
    }
    /// A picture of what is known of a cluster now.
    pub fn scene(&self, cluster: &ClusterId) -> Scene {
        self.columns.get(cluster).map(Column::scene).unwrap_or_default()
    }
    /// What the model of a cluster is to be read from, when objects have changed since it was read last.
    pub fn unread(&self, cluster: &ClusterId) -> Option<Unread> {
        self.columns.get(cluster).and_then(Column::unread)
    }
    /// Shows a model that was read.
    pub fn show(&mut self, cluster: &ClusterId, model: Model) {
        if let Some(column) = self.columns.get_mut(cluster) {
            column.show(model);
        }
    }
    /// Reads the model here and now, when objects have changed: for tests and recordings.
    pub fn read(&mut self, cluster: &ClusterId) {
        if let Some(unread) = self.unread(cluster) {
            self.show(cluster, unread.read());
        }
    }
}

impl Unread {
    /// Reads the model. It may take a while.
    pub fn read(self) -> Model {
        let mesh = Mesh::read(self.objects, Some(&self.before)).seeing_all_but(&self.unseen);
        Model { mesh: Arc::new(mesh), revision: self.revision }
    }
}
