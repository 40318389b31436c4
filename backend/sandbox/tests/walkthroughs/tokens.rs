//! Who has no token, or the wrong one, does not see the page.

use super::walk::{Walk, eventually, holds};
use sandbox::Scenario;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens() {
    let walk = Walk::open(Scenario::Bookinfo, "bookinfo").await;
    let file = |name: &str| format!("{}/../../assets/samples/tokens/{name}", env!("CARGO_MANIFEST_DIR"));
    let bearer = |name: &str| format!("Bearer {}", std::fs::read_to_string(file(name)).unwrap().trim());
    let (demo, customer) = (bearer("demo.jwt"), bearer("customer.jwt"));
    let unknown = demo.replace(".eyJ", ".eyK");
    for (manifest, expect) in [
        ("request-authentication.yaml", [(200, "The Comedy of Errors"), (401, "Jwt"), (200, "Comedy"), (200, "Comedy")]),
        ("require-token.yaml", [(403, "RBAC: access denied"), (401, "Jwt"), (200, "Comedy"), (200, "Comedy")]),
        ("require-customer.yaml", [(403, "RBAC: access denied"), (401, "Jwt"), (403, "RBAC"), (200, "Comedy")]),
    ] {
        walk.kubectl(&["apply", "-f", &file(manifest)]).await;
        eventually(manifest, || async {
            let mut seen = Vec::new();
            for token in ["", &unknown, &demo, &customer] {
                let header = [("authorization", token)];
                seen.push(walk.get_with("/productpage", if token.is_empty() { &[] } else { &header }).await);
            }
            let fits = seen.iter().zip(expect).all(|(got, (status, part))| got.status == status && got.body.contains(part));
            let seen: Vec<_> = seen.iter().map(|got| (got.status, got.body.chars().take(60).collect::<String>())).collect();
            if fits {
                println!("{manifest}: {:?}", seen.iter().map(|(status, _)| status).collect::<Vec<_>>());
            }
            holds(fits, seen)
        })
        .await;
    }
    walk.sandbox.stop().await;
}
