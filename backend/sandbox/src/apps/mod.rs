//! The demo services: small programs in this process, one instance for each pod that names one of their
//! images.
//!
//! The image decides which program runs, as in a cluster: the table below is searched by the last part of the
//! image's name, so that manifests written for the originals (`…/examples-bookinfo-reviews-v2:1.20.3`,
//! `…/istio-tutorial-recommendation:v2.1`) work unchanged.

pub(crate) mod bookinfo;
pub(crate) mod ext_authz;
pub(crate) mod headers;
pub(crate) mod mounts;
pub(crate) mod outgoing;
pub(crate) mod ratelimit;
pub(crate) mod tutorial;

use apiserver::LogRing;
use axum::Router;
use outgoing::Caller;
use std::collections::BTreeMap;

/// What a program sees of the pod it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// The pod's name, which is its host name.
    pub(crate) name: String,
    /// The tag of its container's image, "" when there is none.
    pub(crate) tag: String,
    /// Environment variables of its container.
    pub(crate) env: BTreeMap<String, String>,
    /// Its files from ConfigMaps.
    pub(crate) files: mounts::Mounts,
    /// How it calls other services.
    pub(crate) caller: Caller,
    /// Its container's log.
    pub(crate) log: LogRing,
}

impl Host {
    /// An environment variable, or what it is when unset.
    pub(crate) fn env_or(&self, name: &str, unset: &str) -> String {
        self.env.get(name).cloned().unwrap_or_else(|| unset.to_owned())
    }
}

/// One program and the image that runs it.
pub(crate) struct Demo {
    /// Last part of the image's name, without tag.
    pub(crate) image: &'static str,
    /// The ports that the program listens on.
    pub(crate) ports: &'static [u16],
    /// Makes the program for one pod.
    pub(crate) make: fn(Host) -> Router,
}

const fn book(image: &'static str, make: fn(Host) -> Router) -> Demo {
    Demo { image, ports: &[bookinfo::PORT], make }
}

const fn chain(image: &'static str, make: fn(Host) -> Router) -> Demo {
    Demo { image, ports: &[tutorial::PORT], make }
}

/// Every demo image. The tutorial's are published with and without the tutorial's name before them.
pub(crate) const DEMOS: &[Demo] = &[
    book("examples-bookinfo-productpage-v1", bookinfo::productpage::router),
    book("examples-bookinfo-details-v1", bookinfo::details::router),
    book("examples-bookinfo-details-v2", bookinfo::details::router),
    book("examples-bookinfo-ratings-v1", |host| bookinfo::ratings::router(host, "v1")),
    book("examples-bookinfo-ratings-v-faulty", |host| bookinfo::ratings::router(host, "v-faulty")),
    book("examples-bookinfo-ratings-v-delayed", |host| bookinfo::ratings::router(host, "v-delayed")),
    book("examples-bookinfo-ratings-v-unavailable", |host| bookinfo::ratings::router(host, "v-unavailable")),
    book("examples-bookinfo-ratings-v-unhealthy", |host| bookinfo::ratings::router(host, "v-unhealthy")),
    book("examples-bookinfo-reviews-v1", |host| bookinfo::reviews::router(host, None)),
    book("examples-bookinfo-reviews-v2", |host| bookinfo::reviews::router(host, Some("black"))),
    book("examples-bookinfo-reviews-v3", |host| bookinfo::reviews::router(host, Some("red"))),
    chain("istio-tutorial-customer", tutorial::customer),
    chain("istio-tutorial-preference", tutorial::preference),
    chain("istio-tutorial-recommendation", tutorial::recommendation),
    chain("customer", tutorial::customer),
    chain("preference", tutorial::preference),
    chain("recommendation", tutorial::recommendation),
    Demo { image: "ratelimit", ports: ratelimit::PORTS, make: ratelimit::router },
    Demo { image: "ext-authz", ports: ext_authz::PORTS, make: ext_authz::router },
];

/// The program that an image names, if it is one of the demo images.
pub(crate) fn find(image: &str) -> Option<&'static Demo> {
    let last = image.rsplit('/').next()?;
    let name = last.split(['@', ':']).next()?;
    DEMOS.iter().find(|demo| demo.image == name)
}

/// The tag of an image, "" when there is none.
pub(crate) fn tag(image: &str) -> &str {
    let last = image.rsplit('/').next().unwrap_or_default().split('@').next().unwrap_or_default();
    last.split_once(':').map_or("", |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_the_last_part_of_its_name() {
        for (image, expect) in [
            ("istio/examples-bookinfo-reviews-v2:1.20.3", Some("examples-bookinfo-reviews-v2")),
            (
                "example.test:5000/a/b/examples-bookinfo-ratings-v1@sha256:00",
                Some("examples-bookinfo-ratings-v1"),
            ),
            ("examples-bookinfo-details-v1", Some("examples-bookinfo-details-v1")),
            (
                "quay.io/rhdevelopers/istio-tutorial-recommendation:v2.1",
                Some("istio-tutorial-recommendation"),
            ),
            ("example/customer:v1", Some("customer")),
            ("nginx:1", None),
            ("", None),
        ] {
            assert_eq!(find(image).map(|demo| demo.image), expect, "{image}");
        }
    }

    #[test]
    fn a_tag_is_what_stands_behind_the_name() {
        let read = ["a/b:v1.1", "example.test:5000/b", "b:v2@sha256:00", "b@sha256:00", "b"].map(tag);
        assert_eq!(read, ["v1.1", "", "v2", "", ""]);
    }
}
