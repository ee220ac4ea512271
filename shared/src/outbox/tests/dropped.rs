//! A relay that ends at any point of its work: nothing is lost and nothing stays claimed.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use super::world::{Recorder, World, message, only};
use crate::testing::polled_at_most;

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_dropped_anywhere_loses_nothing_and_frees_its_shard() {
    let world = World::new().await;
    let recorder = Recorder::new();
    recorder.waits.store(5, Ordering::SeqCst);
    let next = world.relay(&only(&recorder));
    let (mut polls, mut dropped, mut half_way) = (0, 0, 0);
    let mut seqs = BTreeMap::<u8, i64>::new();
    loop {
        polls += 1;
        for _ in 0..2 {
            let events: Vec<_> = (0..3)
                .map(|n| {
                    let seq = seqs.entry(n).or_default();
                    *seq += 1;
                    message(n, *seq)
                })
                .collect();
            world.commit(&events).await;
        }
        let before = recorder.taken().len();
        let relay = world.relay(&only(&recorder));
        let turn = { polled_at_most(relay.turn(), polls).await };
        let whole = turn.is_some();
        dropped += usize::from(!whole);
        let sent = recorder.taken().len() - before;
        half_way += usize::from(!whole && sent > 0);
        // A transaction that was dropped rolls back behind our back: it may take a moment.
        while world.counts().await.contains_key("waiting") {
            assert_eq!(next.turn().await.stalled, None);
        }
        let all = usize::try_from(seqs.values().sum::<i64>()).unwrap();
        assert_eq!(recorder.ids().len(), all, "after {polls} polls");
        if whole {
            break;
        }
    }
    assert!(
        dropped > 8 && half_way > 0,
        "dropped {dropped} times, {half_way} half-way"
    );
    let last = u64::try_from(2 * polls).unwrap();
    recorder.assert_in_order(3, last);
}
