//! Memory of traces goes back to the system when nobody looks at them any more.

use mesh::trace::Found;
use std::sync::Arc;

/// Lets go of traces that may be large. It takes a while: not on a thread that draws.
pub fn give_back(found: Arc<Found>) {
    drop(found);
    crate::given_back::trim();
}
