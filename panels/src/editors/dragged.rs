//! Shares that are moved elsewhere than in their editor: on the edges of the graph. The editor of the service
//! takes them into its draft as if they were moved there, and tells what the draft says.

use egui::{Context, Id};
use mesh::ServiceId;

/// A share as it was moved last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// "v3".
    pub part: String,
    /// In percent.
    pub percent: u32,
    /// Whether the user let go.
    pub settled: bool,
}

/// Asks the editor of a service to move a share; until it has, asking for the same is nothing new.
pub fn ask(ctx: &Context, service: &ServiceId, moved: Moved) {
    let id = id("asked", service);
    if ctx.data(|data| data.get_temp(id)).as_ref() != Some(&moved) {
        ctx.data_mut(|data| data.insert_temp(id, moved));
        ctx.request_repaint();
    }
}

/// What was asked of the editor of a service, once.
pub(super) fn take(ctx: &Context, service: &ServiceId) -> Option<Moved> {
    ctx.data_mut(|data| data.remove_temp(id("asked", service)))
}

/// What was asked last and not taken yet.
#[cfg(test)]
pub(crate) fn asked(ctx: &Context, service: &ServiceId) -> Option<Moved> {
    ctx.data(|data| data.get_temp(id("asked", service)))
}

/// What its draft says now.
pub(super) fn tell(ctx: &Context, service: &ServiceId, shares: &[(String, u32)]) {
    let told = (ctx.cumulative_frame_nr(), shares.to_vec());
    ctx.data_mut(|data| data.insert_temp(id("told", service), told));
}

/// The shares of a draft that is being shown; `None` where none is.
pub fn drafted(ctx: &Context, service: &ServiceId) -> Option<Vec<(String, u32)>> {
    let told: Option<(u64, Vec<(String, u32)>)> = ctx.data(|data| data.get_temp(id("told", service)));
    told.filter(|(frame, _)| frame + 2 > ctx.cumulative_frame_nr()).map(|(_, shares)| shares)
}

fn id(word: &str, service: &ServiceId) -> Id {
    Id::new(("dragged share", word, &*service.namespace, &*service.name))
}
