//! The demo services: small programs in this process, one instance for each pod that names one of their images.
//!
//! The image decides which program runs, as in a cluster: the table below is searched by the last part of the image's
//! name, so that manifests written for the originals (`…/examples-bookinfo-reviews-v2:1.20.3`) work unchanged.

pub(crate) mod bookinfo;
pub(crate) mod headers;
pub(crate) mod outgoing;

use apiserver::LogRing;
use axum::Router;
use outgoing::Caller;
use std::collections::BTreeMap;

/// What a program sees of the pod it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// The pod's name, which is its host name.
    pub(crate) name: String,
    /// Environment variables of its container.
    pub(crate) env: BTreeMap<String, String>,
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
    /// Makes the program for one pod.
    pub(crate) make: fn(Host) -> Router,
}

/// Every demo image.
pub(crate) const DEMOS: &[Demo] = &[
    Demo { image: "examples-bookinfo-productpage-v1", make: bookinfo::productpage::router },
    Demo { image: "examples-bookinfo-details-v1", make: bookinfo::details::router },
    Demo { image: "examples-bookinfo-ratings-v1", make: bookinfo::ratings::router },
    Demo { image: "examples-bookinfo-reviews-v1", make: |host| bookinfo::reviews::router(host, None) },
    Demo { image: "examples-bookinfo-reviews-v2", make: |host| bookinfo::reviews::router(host, Some("black")) },
    Demo { image: "examples-bookinfo-reviews-v3", make: |host| bookinfo::reviews::router(host, Some("red")) },
];

/// The program that an image names, if it is one of the demo images.
pub(crate) fn find(image: &str) -> Option<&'static Demo> {
    let last = image.rsplit('/').next()?;
    let name = last.split(['@', ':']).next()?;
    DEMOS.iter().find(|demo| demo.image == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_by_the_last_part_of_its_name() {
        for (image, expect) in [
            ("istio/examples-bookinfo-reviews-v2:1.20.3", Some("examples-bookinfo-reviews-v2")),
            ("example.test:5000/a/b/examples-bookinfo-ratings-v1@sha256:00", Some("examples-bookinfo-ratings-v1")),
            ("examples-bookinfo-details-v1", Some("examples-bookinfo-details-v1")),
            ("nginx:1", None),
            ("", None),
        ] {
            assert_eq!(find(image).map(|demo| demo.image), expect, "{image}");
        }
    }
}
