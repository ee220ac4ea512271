//! What is told of settings that are wrong, and which of two wins.

use super::*;

fn source(variables: &[(&str, &str)]) -> Source {
    Source::new(
        variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
    )
    .unwrap()
}

#[test]
fn every_mistake_is_named_at_once() {
    let mut source = source(&[
        ("POSTERN_LISTEN", "nowhere"),
        ("POSTERN_LIMITS", "none"),
        ("POSTERN_LISTENN", "x"),
        ("POSTERN_DATABASE_URL", "mysql://root:hunter2@db"),
        ("POSTERN_GRAPH_X", "of another service"),
        ("POSTERN_IDENTITY_NO_SUCH", "1"),
    ]);
    let _ = Common::read(&mut source, 0);
    let ConfigError(lines) = source.finish(&[ServiceName::Identity]).unwrap_err();
    let all = lines.join("\n");
    for name in [
        "POSTERN_LISTEN ",
        "POSTERN_LIMITS",
        "POSTERN_LISTENN",
        "POSTERN_DATABASE_URL",
        "POSTERN_IDENTITY_NO_SUCH",
    ] {
        assert!(all.contains(name), "{name} is missing in {all}");
    }
    assert!(
        !all.contains("hunter2") && !all.contains("POSTERN_GRAPH_X"),
        "{all}"
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postern.toml");
    std::fs::write(
        &path,
        "deadline_ms = 700\nlimits = \"off\"\n[graph]\nx = 1\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let mut source = source(&[("POSTERN_CONFIG", path), ("POSTERN_DEADLINE_MS", "900")]);
    let common = Common::read(&mut source, 1);
    assert_eq!((common.deadline_ms, common.limits), (900, Limits::Off));
    assert_eq!(common.listen.port(), 50_052);
    let mistakes = source.finish(&[ServiceName::Graph]).unwrap_err();
    assert!(mistakes.to_string().contains("`graph.x`"));
}

#[test]
fn a_broken_file_is_named_by_line_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postern.toml");
    std::fs::write(
        &path,
        "limits = \"off\"\ndatabase_url = postgres://hunter2\n",
    )
    .unwrap();
    let variables = [(
        "POSTERN_CONFIG".to_owned(),
        path.to_str().unwrap().to_owned(),
    )];
    let message = Source::new(variables).unwrap_err().to_string();
    assert!(
        message.contains("line 2") && !message.contains("hunter2"),
        "{message}"
    );
}

#[test]
fn addresses_may_be_several_and_a_database_has_its_service_filled_in() {
    let mut source = source(&[
        ("POSTERN_GRAPH_URL", "http://127.0.0.1:1, http://graph:2"),
        (
            "POSTERN_DATABASE_URL",
            "postgres://u:p@db/postern_{service}",
        ),
        (
            "POSTERN_NATS_URL",
            "nats://127.0.0.1:4222,nats://[::1]:4222",
        ),
    ]);
    let common = Common::read(&mut source, 0);
    source.finish(&ServiceName::ALL).unwrap();
    let urls = &common.peer_urls[&ServiceName::Graph];
    assert_eq!(urls, &["http://127.0.0.1:1", "http://graph:2"]);
    assert!(common.database_each());
    let url = common.database_of(ServiceName::Graph).unwrap();
    assert_eq!(url.reveal(), "postgres://u:p@db/postern_graph");
}

#[test]
fn each_service_has_an_address_for_the_others() {
    let names = ServiceName::ALL.map(|name| format!("POSTERN_{name}_URL").to_uppercase());
    let variables: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), "http://127.0.0.1:1"))
        .collect();
    let mut source = source(&variables);
    let common = Common::read(&mut source, 0);
    source.finish(&ServiceName::ALL).unwrap();
    assert!(common.peer_urls.keys().eq(&ServiceName::ALL));
}

#[test]
fn lists_of_addresses_are_refused_by_name_when_one_is_wrong() {
    for (name, value) in [
        ("POSTERN_GRAPH_URL", "http://127.0.0.1:1,graph:2"),
        ("POSTERN_GRAPH_URL", "http://127.0.0.1:1,"),
        ("POSTERN_NATS_URL", "127.0.0.1:4222"),
        ("POSTERN_NATS_URL", "nats://"),
        ("POSTERN_INTERNAL_PLAINTEXT", "yes"),
        ("POSTERN_INTERNAL_LISTEN", "0.0.0.0:50151"),
        ("POSTERN_DATABASE_CONNECTIONS", "3"),
    ] {
        let mut source = source(&[(name, value)]);
        let _ = Common::read(&mut source, 0);
        let ConfigError(lines) = source.finish(&ServiceName::ALL).unwrap_err();
        assert!(
            lines.len() == 1 && lines[0].starts_with(name),
            "{name}={value}: {lines:?}"
        );
    }
}
