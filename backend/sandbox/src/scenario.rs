//! What a sandbox starts with: the manifests of a scenario.

use mesh::{Object, Problem};
use serde_json::Value;
use std::str::FromStr;

/// A mesh to start with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// The bookstore: productpage, details, reviews in three versions, ratings.
    #[default]
    Bookinfo,
}

/// Names that are understood but that this sandbox does not have.
const NOT_HERE: [&str; 3] = ["tutorial", "all", "synthetic"];

impl FromStr for Scenario {
    type Err = Problem;

    fn from_str(name: &str) -> Result<Self, Problem> {
        let why = match name {
            "bookinfo" => return Ok(Self::Bookinfo),
            name if NOT_HERE.contains(&name) => format!("this version has no scenario \"{name}\" yet"),
            name => format!("there is no scenario \"{name}\""),
        };
        Err(Problem::new("The sandbox cannot start", why, "Use the scenario \"bookinfo\""))
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bookinfo => f.write_str("bookinfo"),
        }
    }
}

impl Scenario {
    /// Every object it starts with, in the order in which they are made.
    pub(crate) fn objects(self) -> Result<Vec<Object>, Problem> {
        let files: &[(&str, &str)] = match self {
            Self::Bookinfo => &[
                ("istio-system.yaml", include_str!("../../../assets/scenarios/istio-system.yaml")),
                ("bookinfo/services.yaml", include_str!("../../../assets/scenarios/bookinfo/services.yaml")),
                ("bookinfo/routing.yaml", include_str!("../../../assets/scenarios/bookinfo/routing.yaml")),
            ],
        };
        let mut objects = Vec::new();
        for (name, text) in files {
            let read = serde_saphyr::from_multiple::<Value>(text).map_err(|error| {
                Problem::new("The sandbox cannot start", format!("its manifest {name} cannot be read: {error}"), "Report this")
            })?;
            objects.extend(read.into_iter().map(Object::from));
        }
        Ok(objects)
    }

    /// The path that the load generator asks for.
    pub(crate) fn entry(self) -> &'static str {
        match self {
            Self::Bookinfo => "/productpage",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookinfo_has_its_services_versions_and_routing() {
        let objects = Scenario::Bookinfo.objects().unwrap();
        let names = |kind: &str, namespace: &str| {
            let of_kind = objects.iter().filter(|object| object.kind() == kind && object.namespace() == namespace);
            of_kind.map(|object| object.name().to_owned()).collect::<Vec<_>>()
        };
        let deployments = ["productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1"];
        assert_eq!(names("Deployment", "bookinfo"), deployments);
        assert_eq!(names("VirtualService", "bookinfo"), ["bookinfo", "reviews"]);
        assert_eq!(names("DestinationRule", "bookinfo"), ["reviews"]);
        assert_eq!(names("Service", "istio-system"), ["istiod", "istio-ingressgateway", "prometheus", "tracing"]);
        let images = objects.iter().filter(|object| object.kind() == "Deployment" && object.namespace() == "bookinfo");
        for deployment in images {
            let image = deployment.spec().pointer("/template/spec/containers/0/image").and_then(Value::as_str).unwrap();
            assert!(crate::apps::find(image).is_some(), "{image} is no demo image");
        }
    }

    #[test]
    fn other_scenarios_are_refused_by_name() {
        for (name, why) in [("tutorial", "has no scenario \"tutorial\" yet"), ("shop", "there is no scenario \"shop\"")] {
            assert!(name.parse::<Scenario>().unwrap_err().why.contains(why), "{name}");
        }
    }
}
