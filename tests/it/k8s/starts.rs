//! Each service, started here with the variables of its container and a folder in place of its
//! volumes: its ports are free ones and its database is a file, all else is as in the pod.

use std::path::Path;

use postern_shared::{
    auth::{load_or_generate_key, load_or_generate_signing_key},
    caller::ServiceName,
    config::Source,
    random::Random,
    run::{Running, Setup},
    telemetry::Telemetry,
};
use serde_json::Value;

use super::{
    pods::volume_of,
    rendered::{Objects, Workload, at, list, text},
    settings,
};
use crate::processes::child;

/// What a probe asks for must be answered with this.
const OK: u16 = 200;

/// What keeps a service from starting, and which probes are answered with no.
pub async fn problems(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (service, work) in objects.servers() {
        let folder = tempfile::tempdir().unwrap();
        let running = match start(objects, service, &work, folder.path()).await {
            Ok(running) => running,
            Err(error) => {
                problems.push(work.wrong(&error));
                continue;
            }
        };
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let path = text(work.container(), &format!("{probe}/httpGet/path"));
            let (admin, asked) = (running.admin, path.to_owned());
            let answer = tokio::task::spawn_blocking(move || child::get(admin, &asked));
            let (code, _) = answer.await.unwrap();
            if code != OK {
                problems.push(work.wrong(&format!("{probe} asks `{path}`, answered with {code}")));
            }
        }
        running.stop().await;
    }
    problems
}

async fn start(
    objects: &Objects,
    service: ServiceName,
    work: &Workload<'_>,
    root: &Path,
) -> Result<Running, String> {
    mount(work, root);
    let variables = settings::variables(objects, work).into_iter();
    let variables = variables.filter_map(|(name, value)| match name.as_str() {
        // Neither server is here; that they are there is another check.
        "POSTERN_DATABASE_URL" | "POSTERN_NATS_URL" => None,
        _ if name.ends_with("LISTEN") => Some((name, "127.0.0.1:0".to_owned())),
        _ if value.starts_with('/') => Some((name, inside(root, &value))),
        _ => Some((name, value)),
    });
    let mut services = postern::services();
    services.retain(|candidate| candidate.name == service);
    let source = Source::new(variables).map_err(|error| error.to_string())?;
    let setup = Setup::read(services, source).map_err(|error| error.to_string())?;
    let telemetry = Telemetry::without_logs().unwrap();
    let started = setup.start(&telemetry).await;
    started.map_err(|error| postern_shared::run::explain(&error))
}

/// Makes what the volumes hold in the pod: empty folders, and keys as an operator makes them.
fn mount(work: &Workload<'_>, root: &Path) {
    for mount in list(work.container(), "volumeMounts") {
        let path = text(mount, "mountPath");
        let folder = inside(root, path);
        std::fs::create_dir_all(&folder).unwrap();
        let items = volume_of(work, path).and_then(|volume| at(volume, "secret/items"));
        for item in items.and_then(Value::as_array).into_iter().flatten() {
            let file = Path::new(&folder).join(text(item, "path"));
            if text(item, "path") == "token.pem" {
                load_or_generate_signing_key(&file).unwrap();
            } else {
                load_or_generate_key(&file, &Random::system()).unwrap();
            }
        }
    }
}

fn inside(root: &Path, path: &str) -> String {
    format!("{}{path}", root.display())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CONTAINER: &str = "spec/template/spec/containers/0";

    #[tokio::test(flavor = "multi_thread")]
    async fn probes_that_nothing_answers_and_peers_that_are_not_named_are_refused() {
        let good = Objects::dev();
        for (name, path, value, said) in [
            (
                "postern-graph",
                "livenessProbe/httpGet/path",
                json!("/livesz"),
                "with 404",
            ),
            (
                "postern-graph",
                "readinessProbe/httpGet/path",
                json!("/ready"),
                "with 404",
            ),
            (
                "postern-messaging",
                "env/POSTERN_SETTINGS_URL/name",
                json!("POSTERN_GRAPH_URL"),
                "POSTERN_SETTINGS_URL is not set",
            ),
            (
                "postern-identity",
                "env/POSTERN_MESSAGING_URL/name",
                json!("POSTERN_SETTINGS_URL"),
                "POSTERN_MESSAGING_URL is not set",
            ),
            (
                "postern-identity",
                "env/POSTERN_TOKEN_KEY_FILE/value",
                json!("/etc/postern/token/tokens.pem"),
                "POSTERN_TOKEN_KEY_FILE",
            ),
        ] {
            let path = format!("{CONTAINER}/{path}");
            let found = problems(&good.with("Deployment", name, &path, value)).await;
            assert_eq!(found.len(), 1, "{path}: {found:#?}");
            assert!(found[0].contains(said), "{found:#?}");
        }
    }
}
