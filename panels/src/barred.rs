//! What bars a change in this window, whatever the server says of it.

use crate::cx::Cx;
use crate::words::READ_ONLY;
use mesh::Change;

const NO_WORKLOADS: &str =
    "Workload changes are not allowed in this connection: the editor Workload has the switch";

/// Why a change cannot be sent from this window.
pub(crate) fn barred(change: &Change, cx: &Cx<'_>) -> Option<&'static str> {
    match () {
        () if cx.read_only => Some(READ_ONLY),
        () if change.is_of_workloads() && !cx.workloads => Some(NO_WORKLOADS),
        () => None,
    }
}
