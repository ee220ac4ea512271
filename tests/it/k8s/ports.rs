//! Numbers and names that must agree: what a process listens on, what its container shows, what a
//! Service leads to, what probes ask, and where the others look for it.

use serde_json::Value;

use super::rendered::{NAME_LABEL, Objects, Workload, at, list, number, text};

/// The name of each port, and the setting that it is listened on by.
const PORTS: [(&str, &str); 3] = [
    ("grpc", "POSTERN_LISTEN"),
    ("internal", "POSTERN_INTERNAL_LISTEN"),
    ("admin", "POSTERN_ADMIN_LISTEN"),
];
const PROBES: [&str; 3] = ["startupProbe", "readinessProbe", "livenessProbe"];
/// What gateways and meshes read to speak HTTP/2 without TLS.
const GRPC: &str = "kubernetes.io/h2c";

/// A container shows the ports that its process listens on, and its probes ask the admin port.
pub fn containers(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (_, work) in objects.servers() {
        let container = work.container();
        for (port, setting) in PORTS {
            let listened = text(container, &format!("env/{setting}/value"));
            let shown = number(container, &format!("ports/{port}/containerPort"));
            let expected = shown.map(|shown| format!("0.0.0.0:{shown}"));
            if expected.as_deref() != Some(listened) {
                let problem = format!("port {port} is {shown:?}, and {setting} `{listened}`");
                problems.push(work.wrong(&problem));
            }
        }
        if list(container, "ports").count() != PORTS.len() {
            problems.push(work.wrong("it shows a port that nothing listens on"));
        }
        for probe in PROBES {
            let asked = text(container, &format!("{probe}/httpGet/port"));
            if asked != "admin" {
                problems.push(work.wrong(&format!("{probe} asks `{asked}`, not `admin`")));
            }
        }
    }
    problems
}

/// A Service leads to the pods of one workload, by a port that they have.
pub fn services(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for service in objects.of("Service") {
        let name = text(service, "metadata/name");
        let chosen = selected(objects, service);
        let [work] = chosen.as_slice() else {
            let chosen: Vec<_> = chosen.iter().map(|work| work.name).collect();
            problems.push(format!(
                "Service `{name}` leads to {chosen:?}, not to one workload"
            ));
            continue;
        };
        if list(service, "spec/ports").next().is_none() {
            problems.push(format!("Service `{name}` has no port"));
        }
        for port in list(service, "spec/ports") {
            let target = text(port, "targetPort");
            let led = number(work.container(), &format!("ports/{target}/containerPort"));
            let shown = number(port, "port");
            if led.is_none() || led != shown {
                let problem = format!("port {shown:?} leads to `{target}`, which is {led:?}");
                problems.push(format!("Service `{name}`: {problem}"));
            }
            let speaks = at(port, "appProtocol").and_then(Value::as_str);
            let expected = ["grpc", "internal"].contains(&target).then_some(GRPC);
            if speaks != expected {
                problems.push(format!(
                    "Service `{name}`: port {shown:?} speaks {speaks:?}"
                ));
            }
        }
    }
    problems
}

/// Where a service looks for another, that one's internal port answers, on every pod of it.
pub fn peers(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (_, work) in objects.servers() {
        for variable in list(work.container(), "env") {
            let name = text(variable, "name");
            let peer = name
                .strip_prefix("POSTERN_")
                .and_then(|name| name.strip_suffix("_URL"));
            let Some(peer) = peer.filter(|peer| !["DATABASE", "NATS"].contains(peer)) else {
                continue;
            };
            let peer = format!("postern-{}", peer.to_lowercase());
            let url = text(variable, "value");
            let service = objects.get("Service", &peer);
            let port = service.and_then(|service| number(service, "spec/ports/internal/port"));
            let expected = port.map(|port| format!("http://{peer}:{port}"));
            if expected.as_deref() != Some(url) {
                problems.push(work.wrong(&format!("{name} is `{url}`, not {expected:?}")));
            }
            let headless = service.map(|service| text(service, "spec/clusterIP"));
            if headless != Some("None") {
                problems.push(work.wrong(&format!("{name}: one address hides the pods")));
            }
        }
    }
    problems
}

/// The servers of databases and events that the overlay names are there.
pub fn servers(objects: &Objects) -> Vec<String> {
    let mut problems = Vec::new();
    for (_, work) in objects.servers() {
        let url = text(work.container(), "env/POSTERN_NATS_URL/value");
        if !answers(objects, url) {
            problems.push(work.wrong(&format!("nothing answers at POSTERN_NATS_URL `{url}`")));
        }
    }
    for secret in objects.of("Secret") {
        let entries = at(secret, "stringData").and_then(Value::as_object);
        for (key, url) in entries.into_iter().flatten() {
            let url = url.as_str().unwrap_or_default();
            if url.starts_with("postgres://") && !answers(objects, url) {
                let name = text(secret, "metadata/name");
                problems.push(format!("Secret `{name}`: nothing answers at `{key}`"));
            }
        }
    }
    problems
}

/// Whether a Service has the name and the port of an address.
fn answers(objects: &Objects, url: &str) -> bool {
    let uri = url.parse::<tonic::transport::Uri>();
    uri.is_ok_and(|uri| {
        let service = uri.host().and_then(|host| objects.get("Service", host));
        let mut ports = service
            .into_iter()
            .flat_map(|service| list(service, "spec/ports"));
        ports.any(|port| number(port, "port") == uri.port_u16().map(u64::from))
    })
}

/// The workloads whose pods a Service leads to.
fn selected<'a>(objects: &'a Objects, service: &Value) -> Vec<Workload<'a>> {
    let selector = at(service, "spec/selector").and_then(Value::as_object);
    let Some(selector) = selector.filter(|selector| selector.contains_key(NAME_LABEL)) else {
        return Vec::new();
    };
    let mut chosen = objects.workloads();
    chosen.retain(|work| {
        selector
            .iter()
            .all(|(label, value)| work.labels.get(label) == Some(value))
    });
    chosen
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CONTAINER: &str = "spec/template/spec/containers/0";

    #[track_caller]
    fn caught(check: fn(&Objects) -> Vec<String>, changed: &Objects, what: &str) {
        let found = check(changed);
        assert_eq!(found.len(), 1, "{what}: {found:#?}");
    }

    #[test]
    fn a_port_that_nothing_listens_on_is_refused() {
        let good = Objects::dev();
        for (path, value) in [
            ("ports/grpc/containerPort", json!(50_053)),
            ("ports/admin/name", json!("metrics")),
            ("ports", json!([])),
            ("env/POSTERN_INTERNAL_LISTEN/value", json!("0.0.0.0:50151")),
            ("env/POSTERN_LISTEN/value", json!("127.0.0.1:50052")),
            (
                "env/POSTERN_ADMIN_LISTEN/name",
                json!("POSTERN_ADMIN_LISTENN"),
            ),
            ("readinessProbe/httpGet/port", json!("grpc")),
            ("livenessProbe", Value::Null),
        ] {
            let path = format!("{CONTAINER}/{path}");
            let found = containers(&good.with("Deployment", "postern-graph", &path, value));
            assert!(!found.is_empty(), "{path}");
        }
    }

    #[test]
    fn a_service_that_leads_elsewhere_is_refused() {
        let good = Objects::dev();
        for (name, path, value) in [
            ("postern-graph", "spec/ports/internal/port", json!(50_151)),
            (
                "postern-graph",
                "spec/ports/admin/targetPort",
                json!("metrics"),
            ),
            ("postern-graph", "spec/ports/grpc/appProtocol", Value::Null),
            ("postern-public-graph", "spec/ports/grpc/port", json!(443)),
            ("postern-public-graph", "spec/selector", json!({})),
            (
                "postern-graph",
                "spec/selector",
                json!({NAME_LABEL: "postern-graph"}),
            ),
            (
                "postern-graph",
                "spec/selector",
                json!({NAME_LABEL: "postern-grahp"}),
            ),
            ("postern-public-graph", "spec/ports", json!([])),
            ("nats", "spec/ports/nats/port", json!(4_223)),
        ] {
            let what = format!("{name} {path} {value}");
            caught(services, &good.with("Service", name, path, value), &what);
        }
    }

    #[test]
    fn a_peer_that_is_not_there_is_refused() {
        let good = Objects::dev();
        for url in [
            "http://postern-graph:50151",
            "http://postern-grahp:50152",
            "http://postern-settings:50153",
            "https://postern-graph:50152",
        ] {
            let path = format!("{CONTAINER}/env/POSTERN_GRAPH_URL/value");
            let changed = good.with("Deployment", "postern-identity", &path, json!(url));
            caught(peers, &changed, url);
        }
        let hidden = good.with("Service", "postern-graph", "spec/clusterIP", Value::Null);
        assert_eq!(peers(&hidden).len(), 2, "identity and messaging call graph");
        let name = "postern-messaging";
        let hidden = good.with("Service", name, "spec/clusterIP", Value::Null);
        assert_eq!(peers(&hidden).len(), 3, "the others raise at messaging");
    }

    #[test]
    fn a_server_that_is_not_there_is_refused() {
        let good = Objects::dev();
        let nats = format!("{CONTAINER}/env/POSTERN_NATS_URL/value");
        let change = json!("nats://nats:4223");
        let changed = good.with("Deployment", "postern-graph", &nats, change);
        caught(servers, &changed, "nats");
        for url in [
            "postgres://a:b@postgres:5433/c",
            "postgres://a:b@postgre:5432/c",
        ] {
            let key = "stringData/graph";
            let changed = good.with("Secret", "postern-database", key, json!(url));
            caught(servers, &changed, url);
        }
    }
}
