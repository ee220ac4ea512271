//! The printed lists beside those that were reviewed.

use std::{fmt::Write as _, fs, path::Path};

use postern_shared::access::Access;

use super::{
    errors::{code_name, code_of, reasons},
    reflection, rpcs,
};
use crate::suite::Suite;

/// Compares a list with its file, or rewrites the file with `UPDATE_GOLDEN=1`.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, not a setting of a service"
)]
pub fn compare(name: &str, printed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, printed).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    let (new, old): (Vec<_>, Vec<_>) = (printed.lines().collect(), reviewed.lines().collect());
    for (number, line) in new.iter().enumerate() {
        assert_eq!(Some(line), old.get(number), "line {} of {name}", number + 1);
    }
    assert!(
        printed == reviewed,
        "{name} is longer than what is printed: UPDATE_GOLDEN=1 rewrites it"
    );
}

#[test]
fn every_rpc_and_who_may_call_it() {
    let mut lines: Vec<_> = rpcs()
        .into_iter()
        .map(|rpc| {
            let callers = match rpc.access {
                Access::Anyone => "anyone".to_owned(),
                Access::User => "user".to_owned(),
                Access::AnyStanding => "user, whatever their standing".to_owned(),
                Access::Holder(roles) => {
                    let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                    format!("roles: {}", roles.join(", "))
                }
                Access::Services(names) => {
                    let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
                    format!("services: {}", names.join(", "))
                }
            };
            format!("{:<70}{callers}\n", &rpc.path[1..])
        })
        .collect();
    lines.sort();
    compare("rpcs.txt", &lines.concat());
}

#[test]
fn every_reason_and_its_code() {
    let mut printed = String::new();
    for reason in reasons() {
        let (number, code) = (reason as i32, code_name(code_of(reason)));
        writeln!(printed, "{number:>3}  {code:<20}{}", reason.wire()).unwrap();
    }
    compare("errors.txt", &printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_of_each_port() {
    let suite = Suite::start().await;
    let mut printed = String::new();
    for (port, channel) in [("public", &suite.channel), ("internal", &suite.internal)] {
        writeln!(printed, "{port}").unwrap();
        for service in reflection::services(channel, reflection::VERSIONS[0]).await {
            writeln!(printed, "  {service}").unwrap();
        }
    }
    compare("services.txt", &printed);
}
