//! What a pod may, how it is replaced, what it mounts, and how its database is brought up to date.

use std::collections::BTreeSet;

use postern_shared::{caller::ServiceName, run::DRAIN};
use serde_json::{Value, json};

use super::rendered::{Objects, Workload, at, list, number, text};

/// What holds for every pod, ours or not.
fn pod_rules() -> [(&'static str, Value); 4] {
    [
        ("securityContext/runAsNonRoot", json!(true)),
        (
            "securityContext/seccompProfile/type",
            json!("RuntimeDefault"),
        ),
        ("automountServiceAccountToken", json!(false)),
        // Links are variables that begin with POSTERN_, and none of them is a setting.
        ("enableServiceLinks", json!(false)),
    ]
}

/// What holds for every container.
fn container_rules() -> [(&'static str, Value); 3] {
    [
        ("securityContext/allowPrivilegeEscalation", json!(false)),
        ("securityContext/readOnlyRootFilesystem", json!(true)),
        ("securityContext/capabilities/drop", json!(["ALL"])),
    ]
}

/// Pod Security's `restricted`, a read-only root, no token, and a known appetite.
pub fn restricted(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for work in objects.workloads() {
        problems.extend(differing(&work, work.pod, &pod_rules()));
        for container in ["initContainers", "containers"]
            .iter()
            .flat_map(|c| list(work.pod, c))
        {
            problems.extend(differing(&work, container, &container_rules()));
            for path in ["requests/cpu", "requests/memory", "limits/memory"] {
                if text(container, &format!("resources/{path}")).is_empty() {
                    problems.push(work.wrong(&format!("resources/{path} is missing")));
                }
            }
        }
    }
    problems
}

/// Each service has its Deployment, its migration and its account, and no name is misspelt.
pub fn all_there(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for service in ServiceName::ALL {
        for (kind, name) in [
            ("Deployment", format!("postern-{service}")),
            ("Job", format!("postern-migrate-{service}")),
            ("Service", format!("postern-{service}")),
            ("Service", format!("postern-public-{service}")),
            ("ServiceAccount", format!("postern-{service}")),
        ] {
            if objects.get(kind, &name).is_none() {
                problems.push(format!("there is no {kind} `{name}`"));
            }
        }
    }
    for (service, work) in objects.ours() {
        if text(work.pod, "serviceAccountName") != format!("postern-{service}") {
            problems.push(work.wrong("it runs under the account of another"));
        }
        if list(work.pod, "containers").count() != 1 {
            problems.push(work.wrong("these tests look at one container"));
        }
    }
    problems
}

/// Nobody notices that pods are replaced: another is there first, and calls in progress end.
pub fn rollouts(objects: &Objects) -> Vec<String> {
    let rules = [
        ("spec/strategy/rollingUpdate/maxUnavailable", json!(0)),
        ("spec/strategy/rollingUpdate/maxSurge", json!(1)),
    ];
    let mut problems = Vec::new();
    for (_, work) in objects.servers() {
        problems.extend(differing(&work, work.object, &rules));
        if number(work.object, "spec/replicas").is_none_or(|replicas| replicas < 2) {
            problems.push(work.wrong("one replica is none while it is replaced"));
        }
        let pause = number(work.container(), "lifecycle/preStop/sleep/seconds").unwrap_or(0);
        let grace = number(work.pod, "terminationGracePeriodSeconds").unwrap_or(30);
        if pause == 0 {
            problems.push(work.wrong("it stops before its clients hear that it goes"));
        }
        if grace <= pause + DRAIN.as_secs() {
            let drain = DRAIN.as_secs();
            let problem = format!("{grace} s of grace for {pause} s and a drain of {drain} s");
            problems.push(work.wrong(&problem));
        }
    }
    problems
}

/// A migration is one run of the image that is rolled out, and ends.
pub fn migrations(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (service, work) in objects.ours() {
        let container = work.container();
        if work.kind == "Deployment" {
            if at(container, "args").or(at(container, "command")).is_some() {
                problems.push(work.wrong("a service takes no arguments"));
            }
            continue;
        }
        let rules = [("args", json!(["migrate"])), ("command", Value::Null)];
        problems.extend(differing(&work, container, &rules));
        let rules = [("restartPolicy", json!("Never"))];
        problems.extend(differing(&work, work.pod, &rules));
        for path in [
            "backoffLimit",
            "activeDeadlineSeconds",
            "ttlSecondsAfterFinished",
        ] {
            if number(work.object, &format!("spec/{path}")).is_none() {
                problems.push(work.wrong(&format!("{path} is missing")));
            }
        }
        let server = objects.get("Deployment", &format!("postern-{service}"));
        let server = server.map(|server| text(server, "spec/template/spec/containers/0/image"));
        if server != Some(text(container, "image")) {
            problems.push(work.wrong("it runs another image than the service"));
        }
    }
    problems
}

/// Every image is named after the program in it.
pub fn images(objects: &Objects, tag: &str) -> Vec<String> {
    let ours = objects.ours().into_iter();
    ours.filter_map(|(service, work)| {
        let (image, expected) = (
            text(work.container(), "image"),
            format!("postern-{service}:{tag}"),
        );
        (image != expected).then(|| work.wrong(&format!("image `{image}`, not `{expected}`")))
    })
    .collect()
}

/// Every path in a variable is mounted, data can be written, and each pod sees its own keys only.
pub fn mounts(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (service, work) in objects.ours() {
        let container = work.container();
        for variable in list(container, "env") {
            let (name, path) = (text(variable, "name"), text(variable, "value"));
            if path.starts_with('/') && volume_of(&work, path).is_none() {
                problems.push(work.wrong(&format!("{name} is `{path}`, and no volume is there")));
            }
        }
        let data = volume_of(&work, text(container, "env/POSTERN_DATA_DIR/value"));
        if data.and_then(|volume| at(volume, "emptyDir")).is_none() {
            problems.push(work.wrong("POSTERN_DATA_DIR cannot be written to"));
        }
        let seen: BTreeSet<&str> = list(work.pod, "volumes")
            .flat_map(|volume| list(volume, "secret/items").map(|item| text(item, "path")))
            .collect();
        let needed: &[&str] = match (work.kind, service) {
            ("Deployment", ServiceName::Identity) => &["page.key", "service.key", "token.pem"],
            ("Deployment", _) => &["page.key", "service.key"],
            _ => &[],
        };
        if !seen.iter().eq(needed) {
            problems.push(work.wrong(&format!("keys {seen:?}, not {needed:?}")));
        }
        let names_key = at(container, "env/POSTERN_TOKEN_KEY_FILE").is_some();
        if names_key != needed.contains(&"token.pem") {
            problems.push(work.wrong("POSTERN_TOKEN_KEY_FILE is for identity alone"));
        }
    }
    problems
}

/// The volume that a path lies on.
pub fn volume_of<'a>(work: &Workload<'a>, path: &str) -> Option<&'a Value> {
    let mount = list(at(work.pod, "containers/0")?, "volumeMounts").find(|mount| {
        let rest = path.strip_prefix(text(mount, "mountPath"));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })?;
    at(work.pod, &format!("volumes/{}", text(mount, "name")))
}

/// Pods during a rollout, each with its pool, and the migrations fit into what the server takes.
pub fn connections(objects: &Objects) -> Vec<String> {
    let wanted: u64 = objects
        .servers()
        .iter()
        .map(|(_, work)| {
            let pool = text(work.container(), "env/POSTERN_DATABASE_CONNECTIONS/value");
            let pods = number(work.object, "spec/replicas").unwrap_or(1) + 1;
            pods * pool.parse::<u64>().unwrap_or(u64::MAX / 1_000)
        })
        .sum();
    // Two for a migration, and what PostgreSQL keeps for its superuser.
    let wanted = wanted + 2 * 4 + 3;
    let server = objects.get("StatefulSet", "postgres");
    let most = server
        .into_iter()
        .flat_map(|server| list(server, "spec/template/spec/containers/postgres/args"))
        .find_map(|arg| {
            arg.as_str()?
                .strip_prefix("max_connections=")?
                .parse::<u64>()
                .ok()
        });
    match most {
        Some(most) if wanted <= most => Vec::new(),
        most => vec![format!(
            "{wanted} connections may be wanted, and there are {most:?}"
        )],
    }
}

fn differing(work: &Workload<'_>, value: &Value, rules: &[(&str, Value)]) -> Vec<String> {
    let wrong = rules.iter().filter_map(|(path, expected)| {
        let found = at(value, path).unwrap_or(&Value::Null);
        (found != expected).then(|| work.wrong(&format!("{path} is {found}, not {expected}")))
    });
    wrong.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "spec/template/spec";

    /// Each change to an object is one problem.
    #[track_caller]
    fn caught(check: fn(&Objects) -> Vec<String>, kind: &str, name: &str, cases: &[(&str, Value)]) {
        let good = Objects::dev();
        for (path, value) in cases {
            let found = check(&good.with(kind, name, path, value.clone()));
            assert_eq!(found.len(), 1, "{path} = {value}: {found:#?}");
        }
    }

    #[test]
    fn a_pod_that_may_more_is_refused() {
        let container = format!("{POD}/containers/0");
        for (kind, name) in [
            ("Deployment", "postern-graph"),
            ("Job", "postern-migrate-identity"),
            ("StatefulSet", "postgres"),
        ] {
            let inside = |rules: &[(&'static str, Value)], place: &str| {
                let paths = rules.iter().map(|(path, _)| format!("{place}/{path}"));
                paths.collect::<Vec<_>>()
            };
            let resources = ["requests/cpu", "requests/memory", "limits/memory"];
            let resources = resources.map(|path| format!("{container}/resources/{path}"));
            let rules = [
                inside(&pod_rules(), POD),
                inside(&container_rules(), &container),
                resources.to_vec(),
            ];
            let gone = rules
                .iter()
                .flatten()
                .map(|path| (path.as_str(), Value::Null));
            caught(restricted, kind, name, &gone.collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        caught(
            all_there,
            "Deployment",
            "postern-graph",
            &[
                ("metadata/name", json!("postern-grahp")),
                (&format!("{POD}/serviceAccountName"), json!("default")),
                (&format!("{POD}/containers"), json!([])),
            ],
        );
    }

    #[test]
    fn a_rollout_that_somebody_notices_is_refused() {
        let rolling = "spec/strategy/rollingUpdate";
        let pause = format!("{POD}/containers/0/lifecycle/preStop/sleep/seconds");
        let grace = format!("{POD}/terminationGracePeriodSeconds");
        caught(
            rollouts,
            "Deployment",
            "postern-graph",
            &[
                (&format!("{rolling}/maxUnavailable"), json!(1)),
                (&format!("{rolling}/maxSurge"), json!(0)),
                ("spec/replicas", json!(1)),
                (&pause, Value::Null),
                (&pause, json!(20)),
                (&grace, json!(30)),
                (&grace, Value::Null),
            ],
        );
    }

    #[test]
    fn a_migration_that_is_none_is_refused() {
        let container = format!("{POD}/containers/0");
        caught(
            migrations,
            "Job",
            "postern-migrate-graph",
            &[
                (&format!("{container}/args"), json!(["migrat"])),
                (&format!("{container}/image"), json!("postern-graph:old")),
                (&format!("{POD}/restartPolicy"), json!("OnFailure")),
                ("spec/backoffLimit", Value::Null),
                ("spec/ttlSecondsAfterFinished", Value::Null),
            ],
        );
    }

    #[test]
    fn images_of_another_name_are_refused() {
        let image = format!("{POD}/containers/0/image");
        let check = |objects: &Objects| images(objects, "dev");
        let other = [
            (image.as_str(), json!("postern-grahp:dev")),
            (&image, json!("postern-graph")),
        ];
        caught(check, "Deployment", "postern-graph", &other);
    }

    #[test]
    fn paths_without_a_volume_and_keys_of_others_are_refused() {
        let container = format!("{POD}/containers/0");
        let keys = format!("{container}/env/POSTERN_KEYS_DIR/value");
        let data = format!("{POD}/volumes/data/emptyDir");
        let item = format!("{POD}/volumes/keys/secret/items/0/path");
        caught(
            mounts,
            "Deployment",
            "postern-graph",
            &[
                (&keys, json!("/etc/postern/key")),
                (&keys, json!("/etc/postern/keysmith")),
                (&data, Value::Null),
                (&item, json!("token.pem")),
                (
                    &format!("{container}/env/POSTERN_LOG_FORMAT/name"),
                    json!("POSTERN_TOKEN_KEY_FILE"),
                ),
            ],
        );
    }

    #[test]
    fn more_connections_than_the_server_takes_are_refused() {
        let pool = format!("{POD}/containers/0/env/POSTERN_DATABASE_CONNECTIONS/value");
        caught(
            connections,
            "Deployment",
            "postern-graph",
            &[(&pool, json!("50"))],
        );
        let most = format!("{POD}/containers/postgres/args/1");
        caught(
            connections,
            "StatefulSet",
            "postgres",
            &[(&most, json!("max_connections=100"))],
        );
    }
}
