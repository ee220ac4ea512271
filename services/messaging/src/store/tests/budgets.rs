//! Budgets under the locks: what cannot be paid there is not stored, and what is tried is charged
//! once.

use std::time::Duration;

use futures_util::future::join_all;
use postern_shared::id::UserId;
use sea_orm::EntityTrait as _;

use super::{NOW, World, asking, friendly, person, trusted};
use crate::{
    commit::Committers,
    domain::{
        Bill, Budget, Content, Left, Mark, MarkKey, Marked,
        Outcome::{Duplicate, Moved, Stored},
        PreparedSend, Price,
    },
    store::{Charged, entity::attempts_refused},
};

const SECOND: Budget = Budget::new(3, 1_000);

const fn one(budget: Budget) -> Option<Price> {
    Some(Price { budget, cost: 1 })
}

fn billed(mut send: PreparedSend, bill: Bill) -> PreparedSend {
    send.bill = bill;
    send
}

fn stored(outcomes: &[crate::domain::Outcome]) -> usize {
    let stored = |outcome: &&_| matches!(outcome, Stored { .. });
    outcomes.iter().filter(stored).count()
}

async fn left(world: &World, from: UserId, to: UserId) -> Left {
    world.store.pair(from, to).await.unwrap().left
}

/// What was counted of a person, minute by minute.
async fn counted(world: &World, sender: UserId) -> Vec<(i64, i64)> {
    let rows = attempts_refused::Entity::find().all(world.db.reader());
    let rows = rows.await.unwrap();
    let own = rows.iter().filter(|row| row.sender_id == sender.uuid());
    own.map(|row| (row.minute, row.refused)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_a_batch_is_charged_and_the_first_that_cannot_pay_moves() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let bill = Bill {
        attempts: one(SECOND),
        pair: one(SECOND),
        ..Bill::FREE
    };
    let mut batch: Vec<_> = (0..5)
        .map(|index| billed(friendly(pair, ada, &format!("{index}")), bill))
        .collect();
    // A repetition costs nothing, and the other's messages are charged to the other.
    batch.insert(1, batch[0].clone());
    batch.push(billed(friendly(pair, ben, "other"), bill));
    let outcomes = world.commit(&batch).await;
    let seq = |seq| Stored { seq };
    assert_eq!(
        outcomes,
        [seq(1), Duplicate, seq(2), seq(3), Moved, Moved, seq(4)]
    );
    let whole = |seconds: i64| NOW.unix_millis() + seconds * 1_000;
    let hers = left(&world, ada, ben).await;
    assert_eq!((hers.attempts_ms, hers.pair_ms), (whole(3), whole(3)));
    let his = left(&world, ben, ada).await;
    assert_eq!((his.attempts_ms, his.pair_ms), (whole(1), whole(1)));
    assert_eq!((his.new_strangers_ms, his.inbound_strangers_ms), (0, 0));
    // A second later there is room for one.
    for send in &mut batch {
        send.sent_at = NOW.plus(Duration::from_secs(1));
    }
    assert_eq!(stored(&world.commit(&batch[4..6]).await), 1);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_budget_stops_by_itself_and_takes_nothing_from_the_others() {
    let empty = Budget::new(1, 1_000);
    let only = |which: usize| {
        let price = |index| {
            if index == which {
                one(empty)
            } else {
                one(SECOND)
            }
        };
        Bill {
            attempts: price(0),
            new_strangers: price(1),
            inbound_strangers: price(2),
            pair: price(3),
        }
    };
    for which in 0..4 {
        let world = World::new().await;
        let (ada, ben, pair) = world.two().await;
        let first = billed(friendly(pair, ada, "1"), only(which));
        assert_eq!(stored(&world.commit(&[first]).await), 1);
        let before = left(&world, ada, ben).await;
        let second = billed(friendly(pair, ada, "2"), only(which));
        assert_eq!(world.commit(&[second]).await, [Moved], "{which}");
        assert_eq!(left(&world, ada, ben).await, before);
        world.audit().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_leaves_budgets_as_they_are() {
    let world = World::new().await;
    let (ada, ben, new) = world.two().await;
    let bill = Bill {
        pair: one(SECOND),
        ..Bill::FREE
    };
    world.commit(&[billed(asking(new, ben, "1"), bill)]).await;
    let before = world.conversation_of(ada, ben).await;
    let after = crate::domain::decline(before, ben, Duration::from_secs(1), NOW);
    let settled = crate::store::Settled {
        before,
        after,
        person: ada,
        versions: None,
        how: crate::store::Settlement::Declined,
        at: NOW,
    };
    assert!(world.store.settle(settled).await.unwrap());
    let spent = NOW.unix_millis() + 1_000;
    assert_eq!(left(&world, ben, ada).await.pair_ms, spent);
}

/// Two processes over one database, four clients, every client with messages of its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_as_many_as_the_budget_holds_are_stored() {
    let burst = 10;
    let world = World::new().await;
    let replicas = [
        Committers::start(&world.store, 4),
        Committers::start(&world.store, 4),
    ];
    let ada = person();
    let bill = Bill {
        attempts: one(Budget::new(burst, 60_000)),
        ..Bill::FREE
    };
    let mut pairs = Vec::new();
    for _ in 0..40 {
        pairs.push(world.pair(ada, person()).await);
    }
    let clients = (0..4).map(|client| {
        let (replicas, pairs) = (&replicas, &pairs);
        async move {
            let sends = (pairs.iter().enumerate()).filter(|(index, _)| index % 4 == client);
            let sends = sends.map(|(index, pair)| {
                let send = billed(trusted(*pair, ada, &format!("{index}")), bill);
                replicas[index / 4 % 2].commit(send)
            });
            let outcomes = join_all(sends).await;
            outcomes.into_iter().map(Result::unwrap).collect::<Vec<_>>()
        }
    });
    let outcomes = join_all(clients).await.concat();
    assert_eq!(stored(&outcomes), usize::try_from(burst).unwrap());
    assert_eq!(world.messages().await.len(), stored(&outcomes));
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_without_a_message_are_charged_exactly_too() {
    let world = World::new().await;
    let ada = person();
    let tries = (0..12).map(|_| world.store.charge_attempt(ada, NOW, SECOND));
    let charged: Vec<_> = join_all(tries)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let paid = charged.iter().filter(|one| **one == Charged::Paid).count();
    assert_eq!(paid, 3);
    let empty = Charged::Empty {
        retry_after_ms: 1_000,
    };
    assert_eq!(charged.iter().filter(|one| **one == empty).count(), 9);
    // A mailbox for the one who tried, a count, and nothing else.
    assert_eq!(world.rows().await, [0, 1, 0, 0, 0]);
    let minute = NOW.unix_millis() / 60_000;
    assert_eq!(counted(&world, ada).await, [(minute, 9)]);
    let later = NOW.plus(Duration::from_secs(60));
    world.store.count_refused_attempt(ada, later).await.unwrap();
    let two = [(minute, 9), (minute + 1, 1)];
    assert_eq!(counted(&world, ada).await, two);
    // An attempt leaves the rest of a mailbox as it is.
    let pair = world.pair(ada, person()).await;
    world.commit(&[friendly(pair, ada, "1")]).await;
    let paid = world.store.charge_attempt(ada, later, SECOND).await;
    assert_eq!(paid.unwrap(), Charged::Paid);
    world.audit().await;
}

/// However many go at once: the fifth stranger's is decided anew, with the text flagged.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_text_to_a_fifth_stranger_is_decided_anew() {
    let world = World::new().await;
    let ada = person();
    let content = Content::text("the same".to_owned()).unwrap();
    let mark = Mark::of(&MarkKey::new(&[7; 32]), ada, &content).unwrap();
    let mut sends = Vec::new();
    for index in 0..6 {
        let pair = world.pair(ada, person()).await;
        let mut send = asking(pair, ada, &format!("{index}"));
        send.marked = Some(Marked {
            mark,
            most: 5,
            flagged: false,
        });
        sends.push(send);
    }
    let outcomes = world.commit(&sends).await;
    assert_eq!(outcomes[..4], [Stored { seq: 1 }; 4]);
    assert_eq!(outcomes[4..], [Moved, Moved]);
    // The second message to one who has it is nothing new.
    let asked = world.conversation_of(ada, sends[0].recipient).await;
    let again = PreparedSend {
        marked: sends[0].marked,
        ..asking(asked, ada, "again")
    };
    assert_eq!(world.commit(&[again]).await, [Stored { seq: 2 }]);
    for send in &mut sends[4..] {
        send.marked = Some(Marked {
            mark,
            most: 5,
            flagged: true,
        });
    }
    let outcomes = world.commit(&sends[4..]).await;
    assert_eq!(outcomes, [Stored { seq: 1 }; 2]);
    let others = |now| {
        world
            .store
            .others_who_got(mark, ada, sends[0].recipient, now)
    };
    assert_eq!(others(NOW).await.unwrap(), 5);
    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(others(NOW.plus(day)).await.unwrap(), 0);
    world.audit().await;
}
