//! What kustomize makes of `k8s/`, held against the code that is to run there: every variable is a
//! setting, every port is listened on, every probe is answered, every name names something. A check
//! is a pure function over the rendered objects that returns what is wrong; beside each check
//! stands a test that it can fail, which breaks one thing in what is rendered.

mod image;
mod pods;
mod ports;
mod rendered;
mod settings;
mod starts;

use rendered::Objects;

/// Fails with every problem at once, one a line.
#[track_caller]
fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The base, and an overlay of it.
fn both() -> [Objects; 2] {
    [Objects::base(), Objects::dev()]
}

#[test]
fn every_service_has_what_it_needs() {
    for objects in both() {
        none(pods::all_there(&objects));
        none(pods::rollouts(&objects));
        none(pods::migrations(&objects));
        none(pods::mounts(&objects));
    }
}

#[test]
fn no_pod_may_more_than_it_must() {
    for objects in both() {
        none(pods::restricted(&objects));
    }
}

#[test]
fn images_are_what_the_dockerfile_builds() {
    none(pods::images(&Objects::base(), env!("CARGO_PKG_VERSION")));
    none(pods::images(&Objects::dev(), "dev"));
    none(image::services(&image::dockerfile()));
}

#[test]
fn ports_are_those_that_are_listened_on() {
    for objects in both() {
        none(ports::containers(&objects));
        none(ports::services(&objects));
        none(ports::peers(&objects));
    }
}

#[test]
fn what_the_overlay_names_it_brings() {
    none(ports::servers(&Objects::dev()));
    none(settings::references(&Objects::dev()));
    none(pods::connections(&Objects::dev()));
}

#[test]
fn every_variable_is_a_setting() {
    none(settings::unreadable(&Objects::dev()));
}

#[test]
fn the_base_waits_for_somebody_to_allow_plaintext_and_for_nothing_else() {
    let found = settings::unreadable(&Objects::base());
    let plaintext = "POSTERN_INTERNAL_LISTEN must be a loopback address";
    assert!(
        found.iter().all(|line| line.contains(plaintext)),
        "{found:#?}"
    );
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_starts_as_in_its_pod_and_answers_its_probes() {
    none(starts::problems(&Objects::dev()).await);
}
