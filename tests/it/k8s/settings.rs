//! The variables of a container, read by the very code that reads them there.

use postern_shared::{
    caller::ServiceName,
    config::{ConfigError, Source},
    run::Setup,
};
use serde_json::Value;

use super::rendered::{Objects, Workload, at, list, text};

/// What no setting can be.
const NONSENSE: &str = "\u{1}";

/// A container's variables, with something plausible where the value is not in the repository.
pub fn variables(objects: &Objects, work: &Workload<'_>) -> Vec<(String, String)> {
    let variable = |variable: &Value| {
        let name = text(variable, "name").to_owned();
        let value = match at(variable, "value").and_then(Value::as_str) {
            Some(value) => value.to_owned(),
            None => referred(objects, variable).unwrap_or_else(|| plausible(&name)),
        };
        (name, value)
    };
    list(work.container(), "env").map(variable).collect()
}

/// What the process of each pod would say about its settings and not start.
pub fn unreadable(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (service, work) in objects.ours() {
        let given = variables(objects, &work);
        if let Err(ConfigError(lines)) = read(service, given.clone()) {
            problems.extend(lines.iter().map(|line| work.wrong(line)));
        }
        // Nobody reads a value that may be nonsense; what is not ours is not missed otherwise.
        for (name, _) in given
            .iter()
            .filter(|(name, _)| !name.starts_with("POSTERN_"))
        {
            let other = given.iter().filter(|(other, _)| other != name).cloned();
            let nonsense = other.chain([(name.clone(), NONSENSE.to_owned())]).collect();
            let told = |ConfigError(lines)| lines.iter().any(|line: &String| line.contains(name));
            if !read(service, nonsense).is_err_and(told) {
                problems.push(work.wrong(&format!("{name}: nothing reads it")));
            }
        }
        let mut names: Vec<_> = given.iter().map(|(name, _)| name).collect();
        names.sort();
        for twice in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            problems.push(work.wrong(&format!("{} stands there twice", twice[0])));
        }
    }
    problems
}

/// The Secrets that variables refer to are there, and have the key.
pub fn references(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for work in objects.workloads() {
        for variable in list(work.container(), "env") {
            let secret = at(variable, "valueFrom/secretKeyRef");
            if secret.is_some() && referred(objects, variable).is_none() {
                let name = text(variable, "name");
                problems.push(work.wrong(&format!("{name} refers to nothing")));
            }
        }
    }
    problems
}

fn read(service: ServiceName, variables: Vec<(String, String)>) -> Result<Setup, ConfigError> {
    let mut services = postern::services();
    services.retain(|candidate| candidate.name == service);
    Setup::read(services, Source::new(variables)?)
}

/// The value that a Secret of the same rendering holds for a variable.
fn referred(objects: &Objects, variable: &Value) -> Option<String> {
    let reference = at(variable, "valueFrom/secretKeyRef")?;
    let secret = objects.get("Secret", text(reference, "name"))?;
    let key = at(secret, "stringData")?.get(text(reference, "key"))?;
    key.as_str().map(str::to_owned)
}

/// What an operator might put there.
fn plausible(name: &str) -> String {
    let value = match name {
        "POSTERN_DATABASE_URL" => "postgres://user:password@host:5432/name",
        "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://collector:4317",
        _ => NONSENSE,
    };
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENV: &str = "spec/template/spec/containers/0/env";

    #[test]
    fn a_variable_that_is_no_setting_is_refused() {
        let good = Objects::dev();
        for (path, value, said) in [
            (
                "POSTERN_NATS_URL/name",
                json!("POSTERN_NATS_URI"),
                "POSTERN_NATS_URI: there is no",
            ),
            (
                "POSTERN_LOG_FORMAT/value",
                json!("jsn"),
                "POSTERN_LOG_FORMAT is `jsn`",
            ),
            (
                "POSTERN_LOG_FORMAT/name",
                json!("LOG_FORMAT"),
                "LOG_FORMAT: nothing reads it",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT/name",
                json!("OTEL_EXPORTER_OTLP_ENDPOINTS"),
                "OTEL_EXPORTER_OTLP_ENDPOINTS: nothing reads it",
            ),
            (
                "POSTERN_DATABASE_CONNECTIONS/value",
                json!("1"),
                "POSTERN_DATABASE_CONNECTIONS",
            ),
            (
                "POSTERN_DATABASE_CONNECTIONS/value",
                json!("many"),
                "POSTERN_DATABASE_CONNECTIONS",
            ),
            (
                "POSTERN_INTERNAL_PLAINTEXT/value",
                json!("refuse"),
                "POSTERN_INTERNAL_LISTEN must",
            ),
            (
                "POSTERN_IDENTITY_URL/value",
                json!("postern-identity"),
                "POSTERN_IDENTITY_URL",
            ),
            (
                "POSTERN_KEYS_DIR/name",
                json!("POSTERN_DATA_DIR"),
                "stands there twice",
            ),
        ] {
            let path = format!("{ENV}/{path}");
            let found = unreadable(&good.with("Deployment", "postern-graph", &path, value));
            assert!(
                found.iter().any(|line| line.contains(said)),
                "{said}: {found:#?}"
            );
        }
        let job = format!("{ENV}/POSTERN_DATA_DIR/name");
        let change = json!("POSTERN_DATADIR");
        let found = unreadable(&good.with("Job", "postern-migrate-graph", &job, change));
        assert_eq!(found.len(), 1, "{found:#?}");
    }

    #[test]
    fn a_reference_to_nothing_is_refused() {
        let good = Objects::dev();
        let reference = format!("{ENV}/POSTERN_DATABASE_URL/valueFrom/secretKeyRef");
        for (field, value) in [("name", "postern-databases"), ("key", "grahp")] {
            let path = format!("{reference}/{field}");
            let changed = good.with("Deployment", "postern-graph", &path, json!(value));
            assert_eq!(references(&changed).len(), 1, "{field}");
        }
    }
}
