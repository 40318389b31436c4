//! What a sandbox starts with: the manifests of a scenario.

use istio::{Object, Problem};
use serde_json::Value;
use std::str::FromStr;

/// A mesh to start with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// The bookstore: productpage, details, reviews in three versions, ratings.
    #[default]
    Bookinfo,
    /// The chain: customer, preference, recommendation in two versions.
    Tutorial,
    /// Both, with one way in.
    All,
    /// Many services and pods with nothing behind them, and made-up traffic: to see how a large mesh looks.
    Synthetic,
}

/// Every scenario, by name.
const NAMED: [(&str, Scenario); 4] = [
    ("bookinfo", Scenario::Bookinfo),
    ("tutorial", Scenario::Tutorial),
    ("all", Scenario::All),
    ("synthetic", Scenario::Synthetic),
];

impl FromStr for Scenario {
    type Err = Problem;

    fn from_str(name: &str) -> Result<Self, Problem> {
        if let Some((_, scenario)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Ok(*scenario);
        }
        let names: Vec<String> = NAMED.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let next = format!("Use one of {}", names.join(", "));
        Err(Problem::new("The sandbox cannot start", format!("there is no scenario \"{name}\""), next))
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = NAMED.iter().find(|(_, scenario)| scenario == self);
        f.write_str(named.map_or("", |(name, _)| name))
    }
}

type File = (&'static str, &'static str);

const MESH: &[File] = &[("istio-system.yaml", include_str!("../../../assets/scenarios/istio-system.yaml"))];
const BOOKINFO: &[File] = &[
    ("bookinfo/services.yaml", include_str!("../../../assets/scenarios/bookinfo/services.yaml")),
    ("bookinfo/routing.yaml", include_str!("../../../assets/scenarios/bookinfo/routing.yaml")),
];
const TUTORIAL: &[File] = &[
    ("tutorial/services.yaml", include_str!("../../../assets/scenarios/tutorial/services.yaml")),
    ("tutorial/routing.yaml", include_str!("../../../assets/scenarios/tutorial/routing.yaml")),
];

impl Scenario {
    fn files(self) -> Vec<&'static [File]> {
        match self {
            Self::Bookinfo => vec![MESH, BOOKINFO],
            Self::Tutorial => vec![MESH, TUTORIAL],
            Self::All => vec![MESH, BOOKINFO, TUTORIAL],
            Self::Synthetic => vec![MESH],
        }
    }

    /// Every object it starts with, in the order in which they are made.
    pub(crate) fn objects(self) -> Result<Vec<Object>, Problem> {
        let mut objects = Vec::new();
        for (name, text) in self.files().concat() {
            let read = serde_saphyr::from_multiple::<Value>(text).map_err(|error| {
                Problem::new(
                    "The sandbox cannot start",
                    format!("its manifest {name} cannot be read: {error}"),
                    "Report this",
                )
            })?;
            objects.extend(read.into_iter().map(Object::from));
        }
        Ok(objects)
    }

    /// The paths that the load generator asks for, all equally often.
    pub(crate) fn entries(self) -> &'static [&'static str] {
        match self {
            Self::Bookinfo => &["/productpage"],
            Self::Tutorial => &["/customer"],
            Self::All => &["/productpage", "/customer"],
            Self::Synthetic => &[],
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
            let of_kind =
                objects.iter().filter(|object| object.kind() == kind && object.namespace() == namespace);
            of_kind.map(|object| object.name().to_owned()).collect::<Vec<_>>()
        };
        let deployments =
            ["productpage-v1", "details-v1", "reviews-v1", "reviews-v2", "reviews-v3", "ratings-v1"];
        assert_eq!(names("Deployment", "bookinfo"), deployments);
        assert_eq!(names("VirtualService", "bookinfo"), ["bookinfo", "reviews"]);
        assert_eq!(names("DestinationRule", "bookinfo"), ["reviews"]);
        assert_eq!(
            names("Service", "istio-system"),
            ["istiod", "istio-ingressgateway", "prometheus", "tracing", "jaeger-collector"]
        );
    }

    #[test]
    fn every_scenario_has_programs_for_its_images_and_a_way_to_each_entry() {
        for (name, scenario) in NAMED {
            assert_eq!((name.parse::<Scenario>().unwrap(), scenario.to_string().as_str()), (scenario, name));
            let objects = scenario.objects().unwrap();
            let of_kind = |kind: &'static str| objects.iter().filter(move |object| object.kind() == kind);
            for deployment in
                of_kind("Deployment").filter(|deployment| deployment.namespace() != "istio-system")
            {
                let image = deployment
                    .spec()
                    .pointer("/template/spec/containers/0/image")
                    .and_then(Value::as_str)
                    .unwrap();
                assert!(crate::apps::find(image).is_some(), "{image} is no demo image");
            }
            let routes =
                of_kind("VirtualService").map(|routes| routes.spec().to_string()).collect::<String>();
            for entry in scenario.entries() {
                assert!(routes.contains(entry), "{name}: no route leads to {entry}");
            }
        }
    }

    #[test]
    fn other_scenarios_are_refused_by_name() {
        let problem = "shop".parse::<Scenario>().unwrap_err();
        assert!(
            problem.why.contains("there is no scenario \"shop\"") && problem.next.contains("\"tutorial\""),
            "{problem}"
        );
    }
}
