//! The table of editors.

use super::any_sheet::AnySheet;
use super::edits::Edits;
use super::fields::FieldRow;
use super::sheet::Sheet;
use super::{
    access, circuit_breaker, dark_launch, end_user, extensions, external, fault, load_balancing, mtls,
    rate_limit, route_rules, telemetry, timeouts, traffic_split, visibility, way_in, workload,
};
use crate::cx::Cx;
use crate::panel::About;
use crate::selection::Selected;
use mesh::{Kind, Mesh, Service};

/// One row of [`EDITORS`].
pub struct EditorRow {
    /// Name, icon, summary.
    pub about: About,
    /// Kinds that it writes; it is not offered where the cluster does not serve one of them.
    pub needs: &'static [&'static Kind],
    /// Its fields, where it has them in tables.
    pub fields: &'static [&'static [FieldRow]],
    /// Whether it may apply to a service.
    pub applies: fn(&Service) -> bool,
    /// Begins drafts for a selection, on what the cluster has; `None` where the editor does not apply.
    pub open: fn(&Mesh, &Selected) -> Option<Box<dyn AnySheet>>,
}

impl EditorRow {
    /// A kind that it writes and that this cluster does not serve.
    pub fn lacks(&self, cx: &Cx<'_>) -> Option<&'static Kind> {
        self.needs.iter().copied().find(|kind| cx.scene.lacks(kind))
    }
}

const fn row<E: Edits>() -> EditorRow {
    EditorRow {
        about: E::ABOUT,
        needs: E::NEEDS,
        fields: E::FIELDS,
        applies: E::applies,
        open: Sheet::<E>::open,
    }
}

/// Every editor stands here, once: detail, palette, the graph's menu and the laws walk this table.
pub const EDITORS: &[EditorRow] = &[
    row::<traffic_split::Shares>(),
    row::<route_rules::Rules>(),
    row::<dark_launch::Copies>(),
    row::<fault::Faults>(),
    row::<timeouts::Wait>(),
    row::<circuit_breaker::Breaker>(),
    row::<load_balancing::Balance>(),
    row::<rate_limit::Limit>(),
    row::<mtls::MutualTls>(),
    row::<access::Access>(),
    row::<end_user::EndUser>(),
    row::<way_in::WayIn>(),
    row::<external::External>(),
    row::<access::Asked>(),
    row::<access::OnlySeen>(),
    row::<visibility::Visible>(),
    row::<telemetry::Telemetry>(),
    row::<extensions::Extension>(),
    row::<workload::Operation>(),
];

/// The editors that apply to something, as menus name them: "Fault of reviews…".
pub fn offered(cx: &Cx<'_>, selected: &Selected) -> Vec<(&'static EditorRow, String)> {
    let name = |row: &'static EditorRow| {
        let sheet = (row.open)(&cx.scene.mesh, selected)?;
        Some((row, format!("{} of {}…", row.about.name, sheet.subject())))
    };
    EDITORS.iter().filter(|row| row.lacks(cx).is_none()).filter_map(name).collect()
}
