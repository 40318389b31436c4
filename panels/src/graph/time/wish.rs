//! Wishing for another moment.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::looked::Looked;

/// Shows another moment; what it is compared with stays.
pub(super) fn look(cx: &Cx<'_>, until: Option<i64>) {
    let looked = cx.reads.looked();
    if looked.until != until {
        cx.intents.send(Intent::Look(Looked { until, ..looked }));
    }
}
