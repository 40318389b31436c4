//! Reads a proxy's own configuration (`/config_dump` of Envoy's admin port), no more of it than a question
//! needs: one entry after the other, of which only those are kept that the question is about.

use crate::find::PodPort;
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::tunnel::{Answer, Place};
use mesh::Problem;
use mesh::confirm::{self, Filters, Held};
use mesh::evidence::{Evidence, Probe, Xds};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::Semaphore;

const ADMIN: u16 = 15000;
const ANSWER: Duration = Duration::from_secs(10);
pub(crate) const WHAT: &str = "A proxy's configuration cannot be read";
/// Many proxies are asked at once; only one large answer is in memory at a time.
static LANE: Semaphore = Semaphore::const_new(1);

/// Closes the ways to proxies that were asked.
pub(crate) fn close(session: &Session) {
    session.tunnel.close(ADMIN);
}

/// What a proxy's configuration says.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Of each thing that it has to show.
    pub(crate) held: Vec<Held>,
    /// Of an update that it did not take, in its own words.
    pub(crate) complaint: Option<String>,
}

/// What a proxy's configuration says of what it has to show, in these types.
pub(crate) async fn held(
    session: &Session,
    proxy: &str,
    types: impl IntoIterator<Item = Xds>,
    evidence: &Evidence,
) -> Result<Looked, Problem> {
    let place = admin(proxy)?;
    let mut all = Looked::default();
    for xds in types {
        let probes: Vec<&Probe> = evidence.for_proxy(proxy).filter(|probe| probe.xds() == xds).collect();
        let answer = asked(session, proxy, &place, xds).await?;
        // An Envoy that has none of these says so with 404.
        let dump = if answer.status == 404 {
            Kept { dump: whole(Vec::new(), xds), complaint: None }
        } else {
            let _turn = answer.turn.as_ref();
            concerned(answer.body_of(WHAT, &place)?, &probes, xds).map_err(|why| {
                let why = format!("What {proxy} answered {why}");
                Problem::new(WHAT, why, "Look at the proxy and its version")
            })?
        };
        all.held.extend(probes.into_iter().map(|probe| confirm::holds(probe, &dump.dump)));
        all.complaint = all.complaint.or(dump.complaint);
    }
    Ok(all)
}

/// The order of the filters of a proxy's listeners.
pub(crate) async fn filters(session: &Session, proxy: &str) -> Result<Filters, Problem> {
    let place = admin(proxy)?;
    let answer = asked(session, proxy, &place, Xds::Lds).await?;
    let mut filters = Filters::default();
    if answer.status == 404 {
        return Ok(filters);
    }
    let _turn = answer.turn.as_ref();
    let read = each(answer.body_of(WHAT, &place)?, |entry| filters.take(&entry));
    read.map_err(|why| {
        Problem::new(WHAT, format!("What {proxy} answered {why}"), "Look at the proxy and its version")
    })?;
    Ok(filters)
}

/// Where a proxy answers about itself.
pub(crate) fn admin(proxy: &str) -> Result<Place, Problem> {
    let Some((pod, namespace)) = proxy.rsplit_once('.') else {
        let why = format!("{proxy} is not named pod.namespace");
        return Err(Problem::new(WHAT, why, "Look at istiod's version"));
    };
    Ok(Place::Pod(PodPort { namespace: namespace.into(), pod: pod.into(), port: ADMIN }))
}

/// What a proxy answers about its configuration of a type.
async fn asked(session: &Session, proxy: &str, place: &Place, xds: Xds) -> Result<Answer, Problem> {
    let limit = Limit { bytes: limits::ANSWER, lane: Some(&LANE) };
    // Envoy tells endpoints only when it is asked for them.
    let more = if xds == Xds::Eds { "&include_eds" } else { "" };
    let path = format!("/config_dump?resource={}{more}", confirm::place(xds).0);
    let asked = session.tunnel.get_some(place, &path, WHAT, limit);
    tokio::time::timeout(ANSWER, asked).await.unwrap_or_else(|_elapsed| {
        let why = format!("{proxy} did not answer within {} s", ANSWER.as_secs());
        Err(Problem::new(WHAT, why, "Look whether its pod runs"))
    })
}

/// Bare resources, as `?resource=` gives them.
#[derive(Deserialize)]
struct Resources<'a> {
    #[serde(borrow, default)]
    configs: Option<Vec<&'a RawValue>>,
}

/// What is kept of a dump.
#[derive(Debug)]
pub(crate) struct Kept {
    /// As far as it concerns the probes.
    pub(crate) dump: Value,
    complaint: Option<String>,
}

/// The dump as far as it concerns these probes.
pub(crate) fn concerned(body: &[u8], probes: &[&Probe], xds: Xds) -> Result<Kept, String> {
    let (mut kept, mut complaint) = (Vec::new(), None);
    each(body, |entry| {
        complaint = complaint.take().or_else(|| confirm::complaint(&entry).map(str::to_owned));
        if probes.iter().any(|probe| confirm::concerns(probe, &entry)) {
            kept.push(entry);
        }
    })?;
    Ok(Kept { dump: whole(kept, xds), complaint })
}

/// Looks at one entry of a dump after the other.
fn each(body: &[u8], mut look: impl FnMut(Value)) -> Result<(), String> {
    let Ok(Resources { configs }) = serde_json::from_slice(body) else {
        return Err("is no configuration".into());
    };
    for entry in configs.into_iter().flatten() {
        if entry.get().len() > limits::ENTRY {
            return Err(format!("has an entry of more than {}", limits::in_words(limits::ENTRY)));
        }
        match serde_json::from_str::<Value>(entry.get()) {
            Ok(entry) => look(entry),
            Err(_) => return Err("has an entry that cannot be read".into()),
        }
    }
    Ok(())
}

/// Resources of a type, in the form of the whole dump.
fn whole(resources: Vec<Value>, xds: Xds) -> Value {
    let (resource, dump) = confirm::place(xds);
    json!({ "configs": [{ "@type": format!("type.googleapis.com/envoy.admin.v3.{dump}"), resource: resources }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::evidence::{Owner, Want};

    fn probe() -> Probe {
        let owner = Owner::Clusters { host: "cart.shop".into(), subset: String::new(), port: None };
        Probe {
            proxies: ["cart-v1-77.shop".to_owned()].into(),
            owner,
            path: String::new(),
            want: Want::Present,
        }
    }

    fn read(body: &Value) -> Result<Value, String> {
        concerned(body.to_string().as_bytes(), &[&probe()], Xds::Cds).map(|kept| kept.dump)
    }

    #[test]
    fn what_envoy_did_not_take_is_quoted() {
        let refused = json!({ "configs": [{}, { "error_state": null }, { "name": "0.0.0.0_443", "client_status": "NACKED",
            "error_state": { "details": "filter chain match rules overlap" } }] });
        let kept = concerned(refused.to_string().as_bytes(), &[], Xds::Lds).unwrap();
        assert_eq!(kept.complaint.as_deref(), Some("filter chain match rules overlap"));
    }

    #[test]
    fn only_what_the_question_is_about_is_kept() {
        let cluster =
            |host: &str| json!({ "@type": "x", "cluster": { "name": format!("outbound|80||{host}") } });
        let got = read(&json!({ "configs": [cluster("pay.shop"), cluster("cart.shop"), {}] })).unwrap();
        assert_eq!(got["configs"][0]["dynamic_active_clusters"], json!([cluster("cart.shop")]));
        assert_eq!(confirm::holds(&probe(), &got), Held::Yes);
    }

    /// Whatever it is, it is no reason to break off.
    #[test]
    fn a_dump_of_another_form() {
        for body in [json!("x"), json!([1]), json!(7), Value::Null, json!({ "configs": {} })] {
            assert_eq!(read(&body).unwrap_err(), "is no configuration", "{body}");
        }
        for body in
            [json!({}), json!({ "configs": null }), json!({ "configs": [null, 7, "x", [], {"cluster": 3}] })]
        {
            assert_eq!(confirm::holds(&probe(), &read(&body).unwrap()), Held::Elsewhere, "{body}");
        }
        let large = json!({ "configs": [{ "x": "y".repeat(limits::ENTRY) }] });
        assert_eq!(read(&large).unwrap_err(), "has an entry of more than 16 MB");
    }
}
