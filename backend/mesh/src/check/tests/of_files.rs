//! Objects that stand in files, and how what is found in them is printed.

use super::*;
use crate::check::files::Files;
use crate::check::report::{Report, Suppress};

const SHOP: &str = "\
# Two objects, a broken one, and what Helm left.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
spec:
  hosts: [cart]
  http:
  - route:
    - destination:
        host: nowhere
---
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { ports: [{ name: http, port: 80 }] }
---
a: \"b
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: plug }
spec: {}
---
replicaCount: 1
";

fn report(texts: &[(&str, &str)], suppress: &[&str]) -> Report {
    let mut files = Files::default();
    texts.iter().for_each(|(file, text)| files.read(file, text, "shop"));
    let mesh = files.mesh(None);
    let judged = judge(&World::new(&mesh, unknown()).from_files());
    let suppress: Vec<Suppress> = suppress.iter().flat_map(|text| Suppress::read(text).unwrap()).collect();
    Report::of(&judged, mesh.objects(), &files, &suppress, &[])
}

#[test]
fn findings_have_the_lines_of_their_files() {
    let report = report(&[("shop.yaml", SHOP)], &[]);
    let told: Vec<(&str, &str, Option<usize>)> =
        report.rows.iter().map(|row| (row.name, row.object.as_str(), row.line)).collect();
    assert_eq!(
        told,
        [
            ("HostNotFound", "VirtualService shop/cart", Some(11)),
            ("NotYaml", "", Some(18)),
            ("Invalid", "WasmPlugin shop/plug", Some(23)),
        ]
    );
    assert_eq!(report.rows[0].column, Some(9));
    assert!(report.not_made.iter().any(|one| one.check.name == "SubsetWithoutPods"), "no pods in the files");
    let text = report.text();
    assert!(text.contains("shop.yaml:11: error: VirtualService shop/cart spec.http[0]"), "{text}");
    assert!(text.contains("3 errors, 0 warnings, 0 remarks."), "{text}");
}

#[test]
fn what_somebody_asked_to_leave_out_is_counted() {
    let all = report(&[("shop.yaml", SHOP)], &["IST0101=VirtualService cart.shop", "NotYaml", "invalid"]);
    assert_eq!((all.rows.len(), all.suppressed), (0, 3));
    assert!(Suppress::read("NoSuchCheck").is_err());
    let ignored = SHOP.replace(
        "  name: cart\nspec",
        "  name: cart\n  annotations: { kiali.io/ignore-validations: KIA1101 }\nspec",
    );
    let all = report(&[("shop.yaml", &ignored)], &[]);
    assert_eq!((all.rows.iter().filter(|row| row.name == "HostNotFound").count(), all.suppressed), (0, 1));
}

#[test]
fn an_object_that_stands_twice() {
    let twice = |other: &str| -> Vec<String> {
        let all = report(&[("a.yaml", SHOP), ("b.yaml", other)], &[]);
        all.rows.into_iter().filter(|row| row.name == "GivenTwice").map(|row| row.what).collect()
    };
    assert_eq!(twice(SHOP), [] as [String; 0], "a copy is the same");
    let other = SHOP.replace("nowhere", "cart").replace("port: 80", "port: 81");
    assert_eq!(twice(&other), [2, 13].map(|line| format!("It stands in a.yaml at line {line} too")));
}

/// What Helm leaves: placeholders, where they are YAML and where they are none, and documents of comments.
#[test]
fn templates_are_said_to_be_templates() {
    let text = "# Source: shop/templates/all.yaml\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\nspec: {}\n---\n\
        {{- if .Values.cart }}\napiVersion: v1\nkind: Service\nmetadata: { name: cart }\n{{- end }}\n---\napiVersion: v1\nkind: Service\n\
        metadata: { name: \"{{ .Values.name }}\" }\n---\nreplicaCount: 1\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n\
        metadata: { name: a }\nspec: { hosts: [a], http: [{ route: [{ destination: { host: gone } }] }] }\n\
        ---\napiVersion: v1\nkind: Service\nmetadata: { name: a }\nspec: {}\n";
    let all = report(&[("all.yaml", text)], &[]);
    let told: Vec<(&str, Option<usize>)> = all.rows.iter().map(|row| (row.name, row.line)).collect();
    assert_eq!(
        told,
        [
            ("HostNotFound", Some(24)),
            ("NotRendered", Some(6)),
            ("NotRendered", Some(9)),
            ("NotRendered", Some(17))
        ]
    );
}

#[test]
fn a_key_that_stands_twice_costs_its_document() {
    let text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: a }\nspec:\n  hosts: [a]\n  hosts: [b]\n---\n\
        apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: b }\nspec: { hosts: [b], http: [{ route: [{ destination: { host: gone } }] }] }\n\
        ---\napiVersion: v1\nkind: Service\nmetadata: { name: b }\nspec: {}\n";
    let all = report(&[("all.yaml", text)], &[]);
    let told: Vec<(&str, Option<usize>, Option<usize>, &str)> =
        all.rows.iter().map(|row| (row.name, row.line, row.column, &*row.what)).collect();
    assert_eq!(
        told,
        [
            ("NotYaml", Some(6), Some(3), "hosts stands here twice"),
            ("HostNotFound", Some(11), Some(55), "No service has the host gone")
        ]
    );
}

/// A hundred thousand lines are read and judged without more ado; `binnacle check` reads a million as well.
#[test]
fn a_long_file_is_judged_to_its_end() {
    let one = |index: usize| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: svc-{index}\nspec:\n  hosts:\n  - svc-{index}\n  \
             http:\n  - route:\n    - destination:\n        host: svc-{index}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: svc-{index}\n\
             spec:\n  ports:\n  - name: http\n    port: 80\n"
        )
    };
    let text: String = (0..5_000).map(one).chain(["---\nb: \"c\n".to_owned()]).collect();
    let lines = text.lines().count();
    assert!(lines > 100_000, "{lines}");
    let all = report(&[("long.yaml", &text)], &[]);
    let told: Vec<(&str, Option<usize>)> = all.rows.iter().map(|row| (row.name, row.line)).collect();
    assert_eq!((told, all.objects), (vec![("NotYaml", Some(lines))], 10_000));
}

/// Names that no kind has are found with their lines, in objects of all of Istio's kinds.
#[test]
fn fields_that_no_kind_has() {
    const ODD: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
hosts: [cart]
spec:
  hostt: [cart]
  http:
  - route: [{ destination: { host: cart }, timeout: 5s }]
---
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: { name: few }
spec:
  concurency: 1
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: strict }
spec:
  mtls: { mode: STRIC }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: cart }
spec:
  rules:
  - backendRef: [{ name: cart, port: 80 }]
    newest: 1
---
apiVersion: networking.istio.io/v1
kind: VirtualServices
metadata: { name: cart }
---
apiVersion: security.istio.io/v1alpha9
kind: PeerAuthentication
metadata: { name: cart }
";
    let all = report(&[("odd.yaml", ODD)], &[]);
    let told: Vec<(&str, Option<usize>, &str)> = all
        .rows
        .iter()
        .filter(|row| row.name.starts_with("Unknown"))
        .map(|row| (row.name, row.line, row.what.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("UnknownField", Some(4), "hosts stands beside spec, and belongs below it"),
            ("UnknownField", Some(6), "There is no field hostt: hosts will be meant"),
            (
                "UnknownField",
                Some(8),
                "There is no field timeout here: there are destination, weight, headers"
            ),
            ("UnknownField", Some(14), "There is no field concurency: concurrency will be meant"),
            ("UnknownValue", Some(20), "STRIC is none of UNSET, DISABLE, PERMISSIVE, STRICT"),
            ("UnknownField", Some(27), "There is no field backendRef: backendRefs will be meant"),
            (
                "UnknownKind",
                Some(31),
                "networking.istio.io has no kind VirtualServices: VirtualService will be meant"
            ),
            ("UnknownKind", Some(35), "PeerAuthentication has no version v1alpha9: it has v1, v1beta1"),
        ]
    );
    assert!(report(&[("shop.yaml", SHOP)], &[]).rows.iter().all(|row| row.name != "UnknownField"));
}

/// What need not stand in files is not missing: that is said once, and by no finding.
#[test]
fn what_does_not_stand_in_the_files_may_be_in_the_cluster() {
    const ALONE: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec:
  hosts: [cart]
  exportTo: [istio-system, other]
  gateways: [shop-gateway]
  http: [{ route: [{ destination: { host: cart, subset: v1 } }] }]
---
apiVersion: v1
kind: Namespace
metadata: { name: shop }
";
    let all = report(&[("alone.yaml", ALONE)], &[]);
    assert_eq!(all.rows, []);
    for name in ["HostNotFound", "SubsetNotFound", "GatewayNotFound"] {
        assert!(all.not_made.iter().any(|one| one.check.name == name), "{name}");
    }
    assert_eq!(all.text().matches("Services are not known").count(), 1, "{}", all.text());
    let typo = ALONE.replace("other", "shopp");
    let names: Vec<&str> = report(&[("typo.yaml", &typo)], &[]).rows.iter().map(|row| row.name).collect();
    assert_eq!(names, ["ExportToNowhere"]);
    // Somebody's pods are known, and the gateway's are elsewhere; a DaemonSet makes pods that nobody reads.
    const PODS: &str = "\
apiVersion: v1
kind: Service
metadata: { name: cart }
spec: { selector: { app: agent }, ports: [{ name: http, port: 80 }] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: cart }
spec: { template: { metadata: { labels: { app: cart } }, spec: { containers: [{ name: a }] } } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: shop-gateway }
spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [shop.example] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: cart }
spec: { hosts: [other.example], gateways: [shop-gateway], http: [{ route: [{ destination: { host: cart } }] }] }
";
    let names = |text: &str| -> Vec<&'static str> {
        report(&[("pods.yaml", text)], &[]).rows.iter().map(|row| row.name).collect()
    };
    assert_eq!(names(PODS), ["ServiceWithoutPods", "HostNotInGateway"]);
    let agent = format!(
        "{PODS}---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{ name: agent }}\nspec: {{ template: {{ spec: {{}} }} }}\n"
    );
    assert_eq!(names(&agent), ["HostNotInGateway"]);
}

/// Deployments stand in files, and the pods that they make do not: those of a namespace with injection get a proxy.
#[test]
fn pods_to_come_have_a_proxy_where_the_namespace_says_so() {
    let text = |label: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: shop{label} }}\n---\n\
             apiVersion: v1\nkind: Service\nmetadata: {{ name: cart }}\nspec: {{ selector: {{ app: cart }}, ports: [{{ name: http, port: 80 }}] }}\n---\n\
             apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: cart }}\nspec: {{ template: {{ metadata: {{ labels: {{ app: cart }} }}, spec: {{ containers: [{{ name: a }}] }} }} }}\n---\n\
             apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{ name: strict }}\nspec: {{ mtls: {{ mode: STRICT }} }}\n---\n\
             apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{ name: cart }}\nspec: {{ host: cart, trafficPolicy: {{ tls: {{ mode: DISABLE }} }} }}\n"
        )
    };
    let names = |label: &str| -> Vec<&'static str> {
        let rows = report(&[("a.yaml", &text(label))], &[]).rows.into_iter();
        rows.filter(|row| row.severity == Severity::Error).map(|row| row.name).collect()
    };
    assert_eq!(names(", labels: { istio-injection: enabled }"), ["PlainTextToStrict"]);
    assert_eq!(names(""), [] as [&str; 0], "nothing says that it has one");
}

#[test]
fn a_list_is_its_items() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: VirtualService\n  \
                metadata: { name: a }\n  spec: { hosts: [a], http: [{ route: [{ destination: { host: gone } }] }] }\n\
                - { apiVersion: v1, kind: Service, metadata: { name: a }, spec: {} }\n";
    let all = report(&[("list.yaml", list)], &[]);
    assert_eq!(
        all.rows.iter().map(|row| (row.name, row.line)).collect::<Vec<_>>(),
        [("HostNotFound", Some(7))]
    );
}

#[test]
fn files_are_laid_over_a_mesh() {
    let mut files = Files::default();
    files.read("f.yaml", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: ratings, namespace: bookinfo }\n\
        spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, subset: v9 } }] }] }\n", "default");
    let mesh = files.mesh(Some(&demo::bookinfo()));
    let judged = judge(&World::new(&mesh, unknown()));
    let report = Report::of(&judged, mesh.objects(), &files, &[], &[]);
    assert_eq!(
        report.rows.iter().map(|row| (row.name, row.line)).collect::<Vec<_>>(),
        [("SubsetNotFound", Some(4))]
    );
    assert_eq!(Report::of(&judged, mesh.objects(), &files, &[], &["shop".to_owned()]).rows, []);
}

#[test]
fn sarif_names_every_check_and_every_place() {
    let report = report(&[("shop.yaml", SHOP)], &[]);
    let sarif = report.sarif("1");
    let run = &sarif["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), checks().count());
    let place = &run["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(
        (place["artifactLocation"]["uri"].as_str(), place["region"]["startLine"].as_u64()),
        (Some("shop.yaml"), Some(11))
    );
    let json = report.json();
    assert_eq!(json["findings"][0]["codes"], json!(["IST0101", "KIA1101", "KIA1402"]));
    assert_eq!(json["findings"][0]["severity"], "error");
}

/// Laid over a mesh a new object is the youngest, and one that is there keeps its age.
#[test]
fn what_is_not_there_yet_is_the_youngest() {
    let mut objects = demo::bookinfo_objects();
    let at = crate::Ref::new(&crate::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let there = objects.get(&at).unwrap().of_age("2026-01-01T00:00:00Z");
    objects.insert(at, there);
    let over = Mesh::read(objects, None);
    let text = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: { name: again }\nspec:\n  \
        hosts: [reviews]\n  http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }]\n";
    let mut files = Files::default();
    files.read("again.yaml", text, "bookinfo");
    let config = config();
    let judged = judge(&World::new(&files.mesh(Some(&over)), Ok(&config)));
    let all: Vec<String> =
        judged.findings.iter().map(|one| format!("{} {}", one.check.name, one.at)).collect();
    assert_eq!(all, ["Overruled VirtualService bookinfo/again"]);
}
