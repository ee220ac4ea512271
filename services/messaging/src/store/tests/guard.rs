//! The fences: a decision made with older facts does not commit.

use super::{Owner, SEEN, World, friendly};
use crate::domain::Outcome::{Duplicate, Moved, Stored};

const OWNERS: [(Owner, u64); 3] = [
    (Owner::Graph, SEEN.graph),
    (Owner::Settings, SEEN.settings),
    (Owner::Identity, SEEN.identity),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_passes_what_is_equal_and_stops_what_is_older() {
    for (owner, seen) in OWNERS {
        for of_sender in [true, false] {
            let world = World::new().await;
            let (ada, ben, pair) = world.two().await;
            let fenced = if of_sender { ada } else { ben };
            let seen = i64::try_from(seen).unwrap();
            let what = format!("{owner:?} of the sender: {of_sender}");
            world.fence(fenced, owner, seen).await;
            let equal = world.commit(&[friendly(pair, ada, "equal")]).await;
            assert_eq!(equal, [Stored { seq: 1 }], "{what}");
            world.fence(fenced, owner, seen + 1).await;
            let older = world.commit(&[friendly(pair, ada, "older")]).await;
            assert_eq!(older, [Moved], "{what}");
            assert_eq!(world.messages().await.len(), 1, "{what}");
            // Writing numbers back left the fence where it was.
            let mut fresh = friendly(pair, ada, "fresh");
            let raised = if of_sender {
                &mut fresh.sender_versions
            } else {
                &mut fresh.recipient_versions
            };
            match owner {
                Owner::Graph => raised.graph += 1,
                Owner::Settings => raised.settings += 1,
                Owner::Identity => raised.identity += 1,
            }
            let mixed = [friendly(pair, ada, "older"), fresh];
            let outcomes = world.commit(&mixed).await;
            assert_eq!(outcomes, [Moved, Stored { seq: 2 }], "{what}");
            let older = world.commit(&[friendly(pair, ada, "older")]).await;
            assert_eq!(older, [Moved], "{what}");
            world.audit().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_raised_after_the_commit_undoes_nothing() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    world.commit(&[friendly(pair, ada, "one")]).await;
    world.fence(ben, Owner::Graph, 9).await;
    // The repetition is decided anew, and finds the message before that.
    let found = world.commit(&[friendly(pair, ada, "one")]).await;
    assert!(matches!(found[..], [Moved | Duplicate]));
    assert_eq!(world.messages().await.len(), 1);
    world.audit().await;
}
