//! The whole table against the running service: every combination of settings, edges, blocks,
//! consent and request that people can reach by their own acts.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};

use super::{
    acting::World,
    oracle::{Act, Model, Told},
    reach::{Facts, all, facts_of, listed, ways},
};
use crate::{contract::golden::compare, suite::Suite};

/// Pairs of people that act at the same time.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn every_reachable_combination_is_decided_as_the_policy_says() {
    let suite = Suite::start_with(&[("POSTERN_LIMITS", "off")]).await;
    let mut ways: Vec<_> = ways().into_iter().collect();
    ways.sort_by_key(|(facts, _)| *facts);
    let reached: BTreeSet<Facts> = ways.iter().map(|(facts, _)| *facts).collect();
    let wrong: Vec<_> = stream::iter(ways.iter().enumerate())
        .map(|(number, (facts, way))| decided_wrongly(&suite, number, *facts, way))
        .buffer_unordered(AT_ONCE)
        .filter_map(|problem| async { problem })
        .collect()
        .await;
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let unreachable: BTreeSet<_> = (all().into_iter())
        .filter(|facts| !reached.contains(facts))
        .collect();
    assert_eq!(reached.len() + unreachable.len(), all().len());
    compare("unreachable.txt", &listed(&unreachable));
}

/// Leads two new people to a combination and lets the first write.
async fn decided_wrongly(
    suite: &Suite,
    number: usize,
    facts: Facts,
    way: &[Act],
) -> Option<String> {
    let people = vec![
        suite.person(&format!("a{number}")).await,
        suite.person(&format!("b{number}")).await,
    ];
    let (mut world, mut model) = (World::of(people), Model::new(2));
    for act in way {
        assert!(model.act(*act), "a way has no idle step");
        world.act(*act).await;
    }
    assert_eq!(facts_of(&model), facts);
    let expected = model.told(0, 1);
    let explained = world.explain(0, 1).await;
    let told = world.send(0, 1).await;
    let same = |found: Told| found == expected;
    (!same(explained) || !same(told)).then(|| {
        format!(
            "{facts:?}\n  by {way:?}\n  is {expected:?}, explained {explained:?}, sent {told:?}"
        )
    })
}
