//! The table of panels.

use crate::panel::PanelRow;
use crate::selection::PanelId;
use crate::{changes, explain, graph, logs, metrics, objects, overview, problems, proxies, traces};

/// Every panel stands here, once: rail, palette and tests walk this table.
pub const PANELS: &[PanelRow] = &[
    PanelRow { id: PanelId::Overview, about: overview::ABOUT, make: || Box::<overview::Overview>::default() },
    PanelRow { id: PanelId::Graph, about: graph::ABOUT, make: || Box::<graph::Graph>::default() },
    PanelRow { id: PanelId::Metrics, about: metrics::ABOUT, make: || Box::<metrics::Metrics>::default() },
    PanelRow { id: PanelId::Traces, about: traces::ABOUT, make: || Box::<traces::Traces>::default() },
    PanelRow { id: PanelId::Logs, about: logs::ABOUT, make: || Box::<logs::Logs>::default() },
    PanelRow { id: PanelId::Proxies, about: proxies::ABOUT, make: || Box::<proxies::Proxies>::default() },
    PanelRow { id: PanelId::Objects, about: objects::ABOUT, make: || Box::<objects::Objects>::default() },
    PanelRow { id: PanelId::Problems, about: problems::ABOUT, make: || Box::<problems::Problems>::default() },
    PanelRow { id: PanelId::Explain, about: explain::ABOUT, make: || Box::<explain::Explain>::default() },
    PanelRow { id: PanelId::Changes, about: changes::ABOUT, make: || Box::<changes::Changes>::default() },
];

/// The row of a panel.
pub fn panel(id: PanelId) -> Option<&'static PanelRow> {
    PANELS.iter().find(|row| row.id == id)
}
