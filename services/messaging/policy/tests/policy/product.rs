//! The full product of relation and content, decided twice.
//!
//! For: leaving no combination of the everyday inputs to a rule of thumb.
//!
//! Promises: `decide` and the oracle agree on each one.
//!
//! Must not: sample.

use postern_policy::decide;

use crate::inputs::{for_each_product, relation_and_content, standing_and_budgets};
use crate::oracle::oracle;

#[test]
fn decide_and_the_oracle_agree_on_the_full_product() {
    let mut inputs = relation_and_content();
    let filters = standing_and_budgets()
        .into_iter()
        .filter(|(name, _)| *name == "filters(B)");
    inputs.extend(filters);
    let compared = for_each_product(&inputs, |facts| {
        assert_eq!(decide(facts), oracle(facts), "{facts:#?}");
    });
    // Settings of both, edges, blocks, consent, request, verdict, content, filters.
    assert_eq!(compared, 9 * 4 * 4 * 5 * 8 * 10 * 3 * 8);
}
