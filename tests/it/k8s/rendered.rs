//! What kustomize renders: made by `tests/run`, or here where kubectl is to be had.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use postern_shared::caller::ServiceName;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Number, Value};

/// Names the folder in which `tests/run` left what it rendered and validated.
const VARIABLE: &str = "POSTERN_TEST_RENDERED";
/// Which program a pod's label says it is.
pub const NAME_LABEL: &str = "app.kubernetes.io/name";

/// The objects that would be applied.
#[derive(Clone)]
pub struct Objects(pub Vec<Value>);

/// An object that makes pods.
#[derive(Clone, Copy)]
pub struct Workload<'a> {
    pub kind: &'a str,
    pub name: &'a str,
    pub object: &'a Value,
    /// The labels of its pods.
    pub labels: &'a Value,
    /// The specification of its pods.
    pub pod: &'a Value,
}

impl Objects {
    /// What `k8s/base` makes.
    pub fn base() -> Self {
        Self::parse(&render("base", "k8s/base"))
    }

    /// What `k8s/overlays/dev` makes.
    pub fn dev() -> Self {
        Self::parse(&render("dev", "k8s/overlays/dev"))
    }

    fn parse(text: &str) -> Self {
        let documents = Yaml::load_from_str(text).expect("kubectl writes YAML");
        Self(documents.into_iter().map(json).collect())
    }

    /// All of a kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0
            .iter()
            .filter(move |object| text(object, "kind") == kind)
    }

    /// One object.
    pub fn get(&self, kind: &str, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|object| text(object, "kind") == kind && text(object, "metadata/name") == name)
    }

    /// Every object that makes pods.
    pub fn workloads(&self) -> Vec<Workload<'_>> {
        let pods = self.0.iter().filter_map(|object| {
            Some(Workload {
                kind: object["kind"].as_str()?,
                name: object["metadata"]["name"].as_str()?,
                object,
                labels: at(object, "spec/template/metadata/labels")?,
                pod: at(object, "spec/template/spec")?,
            })
        });
        pods.collect()
    }

    /// Those that run one of our services.
    pub fn ours(&self) -> Vec<(ServiceName, Workload<'_>)> {
        let ours = |work: Workload<'_>| {
            let name = work.labels[NAME_LABEL].as_str()?.strip_prefix("postern-")?;
            ServiceName::parse(name)
        };
        let workloads = self.workloads().into_iter();
        workloads
            .filter_map(|work| Some((ours(work)?, work)))
            .collect()
    }

    /// Those of our services that serve.
    pub fn servers(&self) -> Vec<(ServiceName, Workload<'_>)> {
        let mut ours = self.ours();
        ours.retain(|(_, work)| work.kind == "Deployment");
        ours
    }

    /// The same with one thing changed: `null` takes it away.
    #[track_caller]
    pub fn with(&self, kind: &str, name: &str, path: &str, value: Value) -> Self {
        let mut changed = self.clone();
        let object = changed
            .0
            .iter_mut()
            .find(|object| text(object, "kind") == kind && text(object, "metadata/name") == name)
            .unwrap_or_else(|| panic!("there is no {kind} `{name}`"));
        let place = path.split('/').try_fold(object, |value, step| match value {
            Value::Array(items) => match step.parse::<usize>() {
                Ok(index) => items.get_mut(index),
                Err(_) => items.iter_mut().find(|item| item["name"] == step),
            },
            value => value.as_object_mut()?.get_mut(step),
        });
        let place = place.unwrap_or_else(|| panic!("{kind} `{name}` has no `{path}`"));
        assert_ne!(
            *place, value,
            "{kind} `{name}` has this in `{path}` already"
        );
        *place = value;
        changed
    }
}

impl Workload<'_> {
    /// The one container of a service's pod.
    pub fn container(&self) -> &Value {
        at(self.pod, "containers/0").unwrap_or(&Value::Null)
    }

    /// One problem, said of this.
    pub fn wrong(&self, problem: &str) -> String {
        format!("{} `{}`: {problem}", self.kind, self.name)
    }
}

/// What lies at a path; `null` is nothing. A step in a list is an index or an element's `name`.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let found = path.split('/').try_fold(value, |value, step| match value {
        Value::Array(items) => match step.parse::<usize>() {
            Ok(index) => items.get(index),
            Err(_) => items.iter().find(|item| item["name"] == step),
        },
        value => value.get(step),
    });
    found.filter(|value| !value.is_null())
}

/// The text at a path; without one, nothing.
pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a path.
pub fn number(value: &Value, path: &str) -> Option<u64> {
    at(value, path).and_then(Value::as_u64)
}

/// The elements of the list at a path.
pub fn list<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    at(value, path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn render(name: &str, folder: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test run has no other settings"
    )]
    if let Some(rendered) = std::env::var_os(VARIABLE) {
        let file = Path::new(&rendered).join(format!("{name}.yaml"));
        let problem = |error| panic!("{VARIABLE}: `{}`: {error}", file.display());
        return fs::read_to_string(&file).unwrap_or_else(problem);
    }
    // Where `tests/run` installs its tools, then wherever the shell would find it.
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools/bin/kubectl");
    for program in [installed.as_path(), Path::new("kubectl")] {
        let output = Command::new(program)
            .arg("kustomize")
            .arg(root().join(folder))
            .output();
        match output {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => panic!("`{}`: {error}", program.display()),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(
                    output.status.success(),
                    "kubectl kustomize {folder}: {said}"
                );
                return String::from_utf8(output.stdout).expect("kubectl writes UTF-8");
            }
        }
    }
    panic!("nothing renders `{folder}`: kubectl is not there; `tests/run` installs it");
}

fn json(yaml: Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(on)) => Value::Bool(on),
        Yaml::Value(Scalar::Integer(number)) => Value::from(number),
        Yaml::Value(Scalar::FloatingPoint(number)) => {
            Number::from_f64(number.into_inner()).map_or(Value::Null, Value::Number)
        }
        Yaml::Value(Scalar::String(text)) => Value::String(text.into_owned()),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect()),
        Yaml::Mapping(entries) => {
            let entry = |(key, value): (Yaml<'_>, Yaml<'_>)| match json(key) {
                Value::String(key) => (key, json(value)),
                key => panic!("`{key}` is no name of a field"),
            };
            Value::Object(entries.into_iter().map(entry).collect::<Map<_, _>>())
        }
        other => panic!("Kubernetes knows no such YAML: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_as_kubernetes_reads_them() {
        let read =
            Objects::parse("kind: A\nlist: [{name: x, on: true}, 5]\n---\nkind: B\nt: \"5\"\n");
        let expected = [
            json!({"kind": "A", "list": [{"name": "x", "on": true}, 5]}),
            json!({"kind": "B", "t": "5"}),
        ];
        assert_eq!(read.0, expected);
        assert_eq!(at(&read.0[0], "list/x/on"), Some(&json!(true)));
        assert_eq!(at(&read.0[0], "list/1"), Some(&json!(5)));
        assert_eq!(at(&read.0[0], "list/y/on"), None);
    }
}
