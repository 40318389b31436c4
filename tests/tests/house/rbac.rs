//! The RBAC manifests give exactly what the table of kinds needs.

use crate::root;
use mesh::KINDS;

fn manifest(name: &str) -> String {
    std::fs::read_to_string(root().join("packaging/rbac").join(name)).expect("the manifest is there")
}

/// Whether some rule of the manifest names this group, resource and verb together.
fn allows(manifest: &str, group: &str, resource: &str, verb: &str) -> bool {
    manifest.split("- apiGroups:").skip(1).any(|rule| {
        rule.contains(&format!("\"{group}\""))
            && rule.contains(&format!("\"{resource}\""))
            && rule.contains(&format!("\"{verb}\""))
    })
}

#[test]
fn the_viewer_may_read_every_kind() {
    let viewer = manifest("viewer.yaml");
    for kind in KINDS {
        for verb in ["get", "list", "watch"] {
            assert!(allows(&viewer, kind.group, kind.plural, verb), "viewer.yaml: {verb} {}", kind.plural);
        }
        assert!(
            !allows(&viewer, kind.group, kind.plural, "patch"),
            "viewer.yaml must not allow writing {}",
            kind.plural
        );
    }
    assert!(allows(&viewer, "", "pods/portforward", "create"));
    for (group, plural) in [("", "events"), ("apps", "replicasets")] {
        assert!(allows(&viewer, group, plural, "list"), "viewer.yaml: list {plural}");
    }
}

#[test]
fn the_editor_may_write_what_binnacle_writes() {
    let editor = manifest("editor.yaml");
    for kind in KINDS {
        for verb in ["create", "patch", "delete"] {
            assert_eq!(
                allows(&editor, kind.group, kind.plural, verb),
                kind.editable,
                "editor.yaml: {verb} {}",
                kind.plural
            );
        }
    }
}

#[test]
fn changes_of_workloads_are_a_role_of_their_own() {
    let workloads = manifest("workloads.yaml");
    for kind in KINDS {
        let (patches, deletes) =
            kind.operates.map_or((false, false), |operates| (!operates.writes.is_empty(), operates.deletes));
        for (verb, expect) in [("patch", patches), ("delete", deletes), ("create", false)] {
            let allowed = allows(&workloads, kind.group, kind.plural, verb);
            assert_eq!(allowed, expect, "workloads.yaml: {verb} {}", kind.plural);
        }
    }
}
