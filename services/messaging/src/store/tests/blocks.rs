//! Blocks and what ends them, heard of in any order between messages: what waits afterwards is what
//! would wait had everything come as it happened.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use postern_shared::{fence::Effect, id::UserId};

use super::{World, asking, fence::orders};
use crate::domain::{Conversation, Outcome, Request};

/// What messaging hears of, in one of its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Ben blocks Ada as his version.
    Block(u64),
    /// He ends it as his version.
    Unblock(u64),
    /// A message between the two that was decided at his version.
    Message(u64),
}

use Heard::{Block, Message, Unblock};

/// As it happened: nobody writes between a block and its end.
const HAPPENED: [Heard; 6] = [
    Block(5),
    Unblock(6),
    Message(6),
    Block(7),
    Unblock(8),
    Message(8),
];

/// Every order, with the last message and without it, in which the messages keep theirs: each is
/// decided upon what the one before left.
fn all_orders() -> Vec<Vec<Heard>> {
    let (without, place) = (&HAPPENED[..5], |order: &[Heard], heard| {
        order.iter().position(|one| *one == heard)
    });
    let mut all = orders(&HAPPENED);
    all.retain(|order| place(order, Message(6)) < place(order, Message(8)));
    all.extend(orders(without));
    all
}

/// Pairs that are told at once.
const AT_ONCE: usize = 16;

struct Pair<'a> {
    world: &'a World,
    ada: UserId,
    ben: UserId,
    /// Whether the one who blocks is the one who writes.
    ben_writes: bool,
}

impl Pair<'_> {
    /// Tells messaging; of a message, whether it is stored.
    async fn tell(&self, heard: Heard) -> bool {
        let (world, ada, ben) = (self.world, self.ada, self.ben);
        let version = match heard {
            Block(version) => {
                world.raise(ben, version, Effect::PeerBlocked(ada)).await;
                return false;
            }
            Unblock(version) => {
                world.raise(ben, version, Effect::PeerUnblocked(ada)).await;
                return false;
            }
            Message(version) => version,
        };
        let now = self.now().await;
        let author = if self.ben_writes { ben } else { ada };
        let mut send = asking(now, author, &format!("{version}"));
        let bens = if self.ben_writes {
            &mut send.sender_versions
        } else {
            &mut send.recipient_versions
        };
        bens.graph = version;
        matches!(world.commit(&[send]).await[..], [Outcome::Stored { .. }])
    }

    async fn now(&self) -> Conversation {
        self.world.conversation_of(self.ada, self.ben).await
    }
}

/// What waits in the end, of the messages that were stored.
fn expected(stored: &[u64], ben_writes: bool) -> (Request, &'static str) {
    match (stored, ben_writes) {
        ([], _) => (Request::None, ""),
        // What the other asked before the block is nothing any more.
        ([6], false) => (Request::None, "none"),
        ([8] | [6, 8], false) | ([8], true) => (Request::Pending { sent: 1 }, "requests"),
        // One's own is withdrawn by it, and refunds nothing.
        ([6], true) => (Request::Withdrawn { sent: 1 }, "none"),
        ([6, 8], true) => (Request::Pending { sent: 2 }, "requests"),
        other => panic!("{other:?}"),
    }
}

/// Tells messaging of everything in this order, looks at what waits then, and answers which
/// messages were stored.
async fn told(world: &World, order: &[Heard], ben_writes: bool) -> Vec<u64> {
    let (ada, ben, new) = world.two().await;
    let pair = Pair {
        world,
        ada,
        ben,
        ben_writes,
    };
    let mut stored = Vec::new();
    for heard in order {
        if let (true, Message(version)) = (pair.tell(*heard).await, *heard) {
            stored.push(version);
        }
    }
    let (author, reader) = if ben_writes { (ben, ada) } else { (ada, ben) };
    let (request, folder) = expected(&stored, ben_writes);
    assert_eq!(pair.now().await.side(author).request, request, "{order:?}");
    if !stored.is_empty() {
        let row = world.participant(reader, &new).await;
        assert_eq!(row.folder, folder, "{order:?}");
        assert!(!row.blocked);
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_does_not_depend_on_the_order_in_which_blocks_are_heard_of() {
    let world = World::new().await;
    let mut seen = BTreeSet::new();
    for ben_writes in [false, true] {
        for orders in all_orders().chunks(AT_ONCE) {
            let told = orders.iter().map(|order| told(&world, order, ben_writes));
            let stored = join_all(told).await.into_iter();
            seen.extend(stored.map(|stored| (stored, ben_writes)));
        }
    }
    assert_eq!(seen.len(), 8, "every outcome was met: {seen:?}");
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_messages_those_from_before_the_block_are_not_counted() {
    let world = World::new().await;
    for first in [Block(7), Unblock(8)] {
        let (ada, ben, _) = world.two().await;
        let pair = Pair {
            world: &world,
            ada,
            ben,
            ben_writes: false,
        };
        for version in [6, 8] {
            assert!(pair.tell(Message(version)).await);
        }
        let sent = pair.now().await;
        let mut third = asking(sent, ada, "third");
        third.recipient_versions.graph = 8;
        world.commit(&[third]).await;
        for heard in [first, Unblock(8), Block(7)] {
            pair.tell(heard).await;
        }
        let request = pair.now().await.side(ada).request;
        assert_eq!(request, Request::Pending { sent: 2 });
        assert_eq!(world.participant(ben, &sent).await.folder, "requests");
    }
    world.audit().await;
}
