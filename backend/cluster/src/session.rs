//! What the tasks of one established connection share.

use crate::Target;
use crate::connect::Api;
use crate::hub::Hub;
use crate::tunnel::Tunnel;
use std::sync::Arc;

/// An established connection.
pub(crate) struct Session {
    pub(crate) api: Api,
    pub(crate) target: Target,
    pub(crate) hub: Arc<Hub>,
    pub(crate) tunnel: Tunnel,
}
