use super::*;
use crate::views::gateway_api::GROUP;
use std::collections::BTreeSet;

#[test]
fn every_kind_stands_there_once() {
    let names: BTreeSet<_> = KINDS.iter().map(|kind| (kind.group, kind.plural)).collect();
    assert_eq!(names.len(), KINDS.len());
    for row in KINDS {
        assert_eq!(kind(row.group, row.kind), Some(*row));
        assert!(!row.plural.is_empty() && !row.why.is_empty() && !row.versions.is_empty(), "{row}");
        let written = row.group == GROUP || row.group.ends_with("istio.io");
        assert_eq!(row.editable, written, "{row}");
        assert!(!(row.editable && row.operates.is_some()), "{row}: Istio's, or a workload's");
    }
}

#[test]
fn a_kind_is_found_by_its_group_too() {
    assert_eq!(kind("networking.istio.io", "Gateway"), Some(&GATEWAY));
    assert_eq!(kind(GROUP, "Gateway"), Some(&API_GATEWAY));
    assert_ne!(kind(GROUP, "Gateway"), Some(&GATEWAY));
    assert_eq!(kind(group("v1"), "Service"), Some(&SERVICE));
    assert_eq!(group("security.istio.io/v1beta1"), "security.istio.io");
}
