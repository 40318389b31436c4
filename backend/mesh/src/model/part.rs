//! What was read of one namespace. Revisions of a mesh share the parts in which nothing changed.

use super::{Revision, Service, Workload};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Services and workloads of one namespace. One that is emptied stays, so that its revision tells that it
/// was.
#[derive(Clone, Debug, Default)]
pub struct Part {
    revision: Revision,
    services_revision: Revision,
    services: BTreeMap<Arc<str>, Arc<Service>>,
    workloads: BTreeMap<Arc<str>, Arc<Workload>>,
}

impl Part {
    /// Names what stands in it: the same for as long as no service and no workload of it changes.
    pub fn revision(&self) -> Revision {
        self.revision
    }
    /// Names its services: the same for as long as none of them changes, whatever its pods do.
    pub fn services_revision(&self) -> Revision {
        self.services_revision
    }
    /// Its services, by name.
    pub fn services(&self) -> impl ExactSizeIterator<Item = &Arc<Service>> {
        self.services.values()
    }
    /// One of its services.
    pub fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.get(name)
    }
    /// Its workloads, by name.
    pub fn workloads(&self) -> impl ExactSizeIterator<Item = &Arc<Workload>> {
        self.workloads.values()
    }
    /// One of its workloads.
    pub fn workload(&self, name: &str) -> Option<&Arc<Workload>> {
        self.workloads.get(name)
    }

    /// Takes in what a service is now, `None` when it is gone. What is as it was stays shared.
    pub(super) fn put_service(&mut self, name: &Arc<str>, service: Option<Service>) {
        if put(&mut self.services, name, service) {
            self.revision = Revision::fresh();
            self.services_revision = self.revision;
        }
    }
    /// Takes in what a workload is now, `None` when it is gone. What is as it was stays shared.
    pub(super) fn put_workload(&mut self, name: &Arc<str>, workload: Option<Workload>) {
        if put(&mut self.workloads, name, workload) {
            self.revision = Revision::fresh();
        }
    }
}

/// Whether anything changed.
fn put<T: PartialEq>(all: &mut BTreeMap<Arc<str>, Arc<T>>, name: &Arc<str>, now: Option<T>) -> bool {
    match now {
        None => all.remove(name).is_some(),
        Some(now) if all.get(name).is_some_and(|was| **was == now) => false,
        Some(now) => {
            all.insert(name.clone(), Arc::new(now));
            true
        }
    }
}
