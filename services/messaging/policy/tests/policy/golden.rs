//! The printed table beside the one that was reviewed.
//!
//! For: making every change of policy visible as a diff of `tests/golden/decisions.txt`.
//!
//! Promises: with `UPDATE_GOLDEN=1` the file is rewritten, otherwise it must be equal.
//!
//! Must not: be the only test of anything.

use std::{env, fs};

use postern_policy::decision_table;

const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../tests/golden/decisions.txt"
);

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, not a setting of a service"
)]
fn the_printed_table_is_the_reviewed_one() {
    let printed = decision_table();
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(GOLDEN, &printed).unwrap();
    }
    let reviewed = fs::read_to_string(GOLDEN).unwrap();
    for (number, (new, old)) in printed.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(new, old, "line {} of {GOLDEN}", number + 1);
    }
    assert!(
        printed == reviewed,
        "{GOLDEN} differs in length; UPDATE_GOLDEN=1 rewrites it"
    );
}

#[test]
fn no_row_of_the_printed_table_loses_against_a_later_one() {
    assert!(!decision_table().contains("LOSES"));
}
