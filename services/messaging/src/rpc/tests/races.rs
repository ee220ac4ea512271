//! A "no" between the decision about a message and its commit, on the real database: messages are
//! decided and stand before their commit, some go on while the fence is raised, the others after
//! the raise was acknowledged. None of those lands; without the guard they do.

use std::sync::Arc;

use futures_util::future::join_all;
use postern_proto::{
    identity::v1::Sanction,
    messaging::v1::send_message_response::Outcome,
    policy::v1::{Gone, PolicyOwner, RefusalReason, SanctionKind, WhoCanMessage, effect::Effect},
};
use postern_shared::{clock::Clock, id::UserId, testing};

use super::{
    Rpc, delivered,
    fake::{Fake, replica},
    raising::raise,
    refused, send,
};
use crate::store::{Guard, NOW, World};

/// Messages that stand before their commit in a trial.
const SENDS: usize = 6;

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum No {
    Block,
    Unfollow,
    Nobody,
    Suspended,
}

const ALL: [No; 4] = [No::Block, No::Unfollow, No::Nobody, No::Suspended];

/// Two replicas on one database, and the owners whom both ask.
struct Race {
    world: Arc<World>,
    fake: Fake,
    replicas: [Arc<Rpc>; 2],
}

/// One trial: what is said, by which of the two, and how many messages go on at the same time.
#[derive(Debug, Clone, Copy)]
struct Trial {
    no: No,
    by_recipient: bool,
    early: usize,
}

impl Trial {
    /// Every kind, from either side, with every number of messages, in turn.
    fn of(number: usize) -> Self {
        Self {
            no: ALL[number % ALL.len()],
            by_recipient: (number / ALL.len()).is_multiple_of(2),
            early: number / (2 * ALL.len()) % SENDS,
        }
    }

    fn reason(self) -> RefusalReason {
        match (self.no, self.by_recipient) {
            (No::Unfollow, _) => RefusalReason::MutualFollowRequired,
            (No::Block | No::Suspended, true) => RefusalReason::NotAccepting,
            (No::Nobody, true) => RefusalReason::RecipientMessagesAreOff,
            (No::Block, false) => RefusalReason::YouBlockedRecipient,
            (No::Nobody, false) => RefusalReason::YourMessagesAreOff,
            (No::Suspended, false) => RefusalReason::SenderRestricted,
        }
    }
}

impl Race {
    async fn new(guard: Guard) -> Self {
        let mut world = World::new().await;
        world.store = world.store.under(guard);
        let fake = Fake::default();
        let clock = Clock::manual(NOW);
        let replicas = [(); 2].map(|()| replica(&world, &fake, &clock, |_| {}));
        Self {
            world: Arc::new(world),
            fake,
            replicas,
        }
    }

    /// Plays one trial; how many messages landed after the acknowledgement.
    async fn play(&self, trial: Trial) -> i64 {
        let [ada, ben] = [(); 2].map(|()| self.fake.person(WhoCanMessage::Friends));
        self.fake.befriend(ada, ben);
        delivered(send(&self.replicas[0], ben, ada, "first").await);
        let gates = self.replicas.each_ref().map(|rpc| &rpc.committers.gate);
        gates.iter().for_each(|gate| gate.shut());
        let sending: Vec<_> = (0..SENDS)
            .map(|number| {
                let rpc = Arc::clone(&self.replicas[number % 2]);
                tokio::spawn(async move { send(&rpc, ben, ada, &format!("m{number}")).await })
            })
            .collect();
        for gate in gates {
            gate.until_arrived(SENDS / 2).await;
        }
        gates[0].let_through(trial.early / 2);
        gates[1].let_through(trial.early.div_ceil(2));
        let (says, hears) = if trial.by_recipient {
            (ada, ben)
        } else {
            (ben, ada)
        };
        self.say(trial.no, says, hears).await;
        let acknowledged = self.last_seq(ada, ben).await;
        gates.iter().for_each(|gate| gate.open());
        let answers = join_all(sending).await.into_iter().map(Result::unwrap);
        let mut landed = 1;
        for answer in answers {
            match answer.as_ref().map(|answer| &answer.outcome) {
                Ok(Some(Outcome::Delivered(_))) => landed += 1,
                _ => assert_eq!(refused(answer).reason(), trial.reason(), "{trial:?}"),
            }
        }
        let end = self.last_seq(ada, ben).await;
        assert_eq!(end, landed, "who was told of a delivery has one: {trial:?}");
        // Once the owners are asked afresh nobody needs a guard.
        let late = refused(send(&self.replicas[1], ben, ada, "late").await);
        assert_eq!(late.reason(), trial.reason(), "{trial:?}");
        end - acknowledged
    }

    /// Changes what the owner says, then raises the fence: when this returns, the change was
    /// acknowledged.
    async fn say(&self, no: No, says: UserId, hears: UserId) {
        let id = says.to_string();
        let (owner, version, effect) = match no {
            No::Block => {
                self.fake.block(says, hears);
                self.fake.unfollow(says, hears, 6);
                self.fake.unfollow(hears, says, 5);
                let effect = Effect::PeerBlocked(hears.to_string());
                (PolicyOwner::Graph, 6, Some(effect))
            }
            No::Unfollow => {
                self.fake.unfollow(says, hears, 6);
                (PolicyOwner::Graph, 6, None)
            }
            No::Nobody => {
                self.fake.with(|state| {
                    let policy = state.policies.get_mut(&id).unwrap();
                    policy.who_can_message = WhoCanMessage::NoOne.into();
                    policy.version = 7;
                });
                (PolicyOwner::Settings, 7, None)
            }
            No::Suspended => {
                self.fake.with(|state| {
                    let standing = state.standings.get_mut(&id).unwrap();
                    standing.sanction = Some(Sanction {
                        kind: SanctionKind::Suspended.into(),
                        end_time: Some(NOW.plus(super::LONG).to_proto()),
                    });
                    standing.version = 8;
                });
                (PolicyOwner::Identity, 8, Some(Effect::Gone(Gone {})))
            }
        };
        let raised = raise(&self.replicas[0], owner, says, version, effect).await;
        raised.unwrap();
    }

    async fn last_seq(&self, one: UserId, other: UserId) -> i64 {
        self.world.conversation_of(one, other).await.last_seq
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lands_after_an_acknowledged_no() {
    let race = Race::new(Guard::default()).await;
    let trials = if testing::is_long() { 2_000 } else { 100 };
    for number in 0..trials {
        let trial = Trial::of(number);
        assert_eq!(race.play(trial).await, 0, "{number}: {trial:?}");
    }
    race.world.audit().await;
}

/// The trials are worth something: they find what the guard prevents.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_guard_every_kind_of_no_is_broken_within_twenty_trials() {
    let race = Race::new(Guard::OFF).await;
    let mut broken: Vec<No> = Vec::new();
    for number in 0..20 {
        let trial = Trial::of(number);
        if race.play(trial).await > 0 && !broken.contains(&trial.no) {
            broken.push(trial.no);
        }
    }
    assert_eq!(broken.len(), ALL.len(), "only {broken:?}");
}
