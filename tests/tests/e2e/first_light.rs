//! The main job from end to end: connect, find the graph, drag a slider, push, watch requests follow, undo;
//! then a fault, then strict mutual TLS.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, choose, fill, push_until_live, slide, wait_live};
use anyhow::{Result, ensure};
use harness::Window;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Whether a GET without TLS, from outside the mesh, straight to a sidecar's inbound port, is answered.
fn plaintext_is_answered(port: u16, path: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut answer = Vec::new();
    // A refused connection may be reset instead of closed, and that before the whole request is written.
    let request = format!("GET {path} HTTP/1.1\r\nHost: ratings:9080\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer)).ok();
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}

#[test]
fn from_the_slider_to_the_proxies_and_back() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.wait_for("edge productpage to reviews v3", SOON)?;

    // Traffic split.
    let before = sandbox.spec("virtualservice", "reviews")?;
    window.click("reviews v3")?;
    window.wait_for("reviews v3 share", SOON)?;
    slide(window, "reviews v3 share", 80)?;
    push_until_live(window)?;
    // Chance alone leaves three standard deviations once in 370 samples, but not twice in a row.
    ensure!(
        share_fits(&sandbox)? || share_fits(&sandbox)?,
        "v3 did not take 80 % of the requests, see above"
    );
    window.click("Undo")?;
    window.wait_until("the old bytes", SOON, |_| {
        (sandbox.spec("virtualservice", "reviews").ok()? == before).then_some(())
    })?;
    wait_live(window)?;

    // Fault.
    window.click("ratings v1")?;
    window.wait_for("Fault", SOON)?;
    window.click("Fault")?;
    window.wait_for("abort calls", SOON)?;
    window.click("abort calls")?;
    fill(window, "abort status", "503")?;
    fill(window, "abort percentage", "100")?;
    push_until_live(window)?;
    let pages = (0..20).map(|_| sandbox.get("/productpage")).collect::<Result<Vec<_>>>()?;
    ensure!(pages.iter().all(|(status, _)| *status == 200), "the page itself has to go on");
    ensure!(pages.iter().all(|(_, page)| !page.contains('★')), "stars are still there");
    let faulty: Vec<_> = (0..20)
        .map(|_| sandbox.get("/api/v1/products/0/ratings").map(|(status, _)| status))
        .collect::<Result<_>>()?;
    ensure!(faulty.iter().all(|status| *status == 503), "ratings answered {faulty:?}");
    window.wait_until("a red edge", Duration::from_secs(30), |widgets| {
        widgets
            .iter()
            .find(|widget| {
                widget.name.starts_with("edge reviews v3 to ratings")
                    && widget.description.contains("Health Failing")
            })
            .cloned()
    })?;
    faulty_span_is_shown(window)?;
    remove_fault(window)?;
    let (status, _) = sandbox.get("/api/v1/products/0/ratings")?;
    ensure!(status == 200, "ratings still answer {status} after the fault was taken away");

    // Mutual TLS.
    let ratings = sandbox.real_port("ratings", "9080")?;
    ensure!(plaintext_is_answered(ratings, "/ratings/0")?, "PERMISSIVE takes plaintext");
    strict(window)?;
    ensure!(!plaintext_is_answered(ratings, "/ratings/0")?, "STRICT refuses plaintext");
    ensure!(sandbox.get("/productpage")?.0 == 200, "calls inside the mesh go on");
    window.click("Undo")?;
    window.wait_until("plaintext again", SOON, |_| {
        plaintext_is_answered(ratings, "/ratings/0").ok()?.then_some(())
    })?;
    Ok(())
}

/// Whether v3's share of 400 requests is within three standard deviations of 80 %.
fn share_fits(sandbox: &Sandbox) -> Result<bool> {
    let seen = sandbox.reviews_versions(400)?;
    let share = *seen.get("v3").unwrap_or(&0) as f64 / 400.0;
    let sigma = (0.8_f64 * 0.2 / 400.0).sqrt();
    println!("v3 took {:.1} % of 400 requests, wanted 80 ± {:.1}: {seen:?}", share * 100.0, 300.0 * sigma);
    Ok((share - 0.8).abs() <= 3.0 * sigma)
}

/// From the edge to its failed traces, and to the span that the fault made.
fn faulty_span_is_shown(window: &Window) -> Result<()> {
    window.click("Failed traces")?;
    let failed = window.wait_until("a failed trace", SOON, |widgets| {
        widgets
            .iter()
            .find(|widget| widget.name.starts_with("trace ") && widget.name.contains("error"))
            .cloned()
    })?;
    window.click_at(failed.rect.center())?;
    window.wait_until("the faulty span", SOON, |widgets| {
        widgets
            .iter()
            .find(|widget| {
                widget.name.starts_with("span ")
                    && widget.name.contains("ratings")
                    && widget.name.contains("503")
            })
            .cloned()
    })?;
    window.click("Graph")
}

fn remove_fault(window: &Window) -> Result<()> {
    window.wait_for("ratings v1", SOON)?;
    window.click("ratings v1")?;
    window.wait_for("Remove fault", SOON)?;
    window.reveal("Remove fault", 170.0..780.0)?;
    window.click("Remove fault")?;
    push_until_live(window)
}

/// Takes only mutual TLS for the whole mesh.
fn strict(window: &Window) -> Result<()> {
    window.click("Mutual TLS")?;
    window.wait_for("mTLS scope", SOON)?;
    choose(window, "mTLS scope", "the whole mesh")?;
    choose(window, "mTLS mode", "STRICT")?;
    push_until_live(window)
}

#[test]
fn routing_is_made_where_there_is_none() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.kubectl(&["delete", "virtualservice,destinationrule", "reviews", "-n", "bookinfo"])?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("reviews v1")?;
    window.wait_for("reviews v1 share", SOON)?;
    slide(window, "reviews v1 share", 100)?;
    push_until_live(window)?;
    let listed =
        sandbox.kubectl(&["get", "virtualservice,destinationrule", "-n", "bookinfo", "-o", "name"])?;
    ensure!(listed.contains("virtualservice.networking.istio.io/reviews"), "{listed}");
    ensure!(listed.contains("destinationrule.networking.istio.io/reviews"), "{listed}");
    let seen = sandbox.reviews_versions(50)?;
    ensure!(seen.get("v1") == Some(&50), "v1 should take every request: {seen:?}");
    window.click("Undo")?;
    window.wait_until("both objects gone", SOON, |_| {
        let listed = sandbox
            .kubectl(&["get", "virtualservice,destinationrule", "-n", "bookinfo", "-o", "name"])
            .ok()?;
        (!listed.contains("/reviews")).then_some(())
    })?;
    ensure!(sandbox.reviews_versions(50)?.len() == 3, "any version may answer again");
    Ok(())
}
