//! The Dockerfile builds each service by the name of its program, and nothing else.

use std::{collections::BTreeSet, fs};

use postern_shared::caller::ServiceName;

use super::rendered::root;

/// The Dockerfile's text.
pub fn dockerfile() -> String {
    fs::read_to_string(root().join("k8s/Dockerfile")).expect("the Dockerfile is there")
}

/// The values that it takes for SERVICE are the packages of the services, whose programs cargo
/// calls the same.
pub fn services(dockerfile: &str) -> Vec<String> {
    let case = dockerfile.lines().find_map(|line| {
        let names = line.trim().strip_suffix(") ;; \\")?;
        Some(names.split('|').map(str::trim).collect::<BTreeSet<_>>())
    });
    let taken = case.unwrap_or_default();
    let mut problems = Vec::new();
    let programs = ServiceName::ALL.map(|service| format!("postern-{service}"));
    for (service, program) in ServiceName::ALL.iter().zip(&programs) {
        let manifest = root().join(format!("services/{service}/Cargo.toml"));
        let manifest = fs::read_to_string(manifest).expect("each service has a manifest");
        let manifest: toml::Table = manifest.parse().expect("cargo has read it");
        // A program that only a feature builds is not what an image is made of.
        let others = manifest.get("bin").and_then(toml::Value::as_array);
        let named = others.is_some_and(|programs| {
            let built = |bin: &toml::Value| bin.get("required-features").is_none();
            programs.iter().any(built)
        });
        if manifest["package"]["name"].as_str() != Some(program) || named {
            problems.push(format!(
                "the program of {service} is not called `{program}`"
            ));
        }
    }
    let expected: BTreeSet<&str> = programs.iter().map(String::as_str).collect();
    for name in taken.symmetric_difference(&expected) {
        problems.push(format!(
            "the Dockerfile and the services differ in `{name}`"
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_cannot_be_built_is_told() {
        let good = dockerfile();
        for (from, to, wrong) in [
            ("| postern-graph |", "| postern-grahp |", 2),
            ("postern-identity |", "postern-identity | postern-load |", 1),
            (" | postern-messaging)", ")", 1),
            (") ;; \\", ") : ;; \\", 4),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(good, bad);
            assert_eq!(services(&bad).len(), wrong, "{to}");
        }
    }
}
