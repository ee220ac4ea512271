//! A bad network between the services: requests and answers are lost, doubled, delayed and
//! overtaken. Clients repeat what failed with the same ids, and nothing is lost or stored twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use postern_proto::messaging::v1::Message;
use postern_shared::{config::Limits, peer::Faults};
use tokio::task::JoinSet;
use tonic::Code;

use super::{all, letter};
use crate::suite::{Person, Suite, delivered, seed};

/// How long a client waits before it repeats.
const WAIT: Duration = Duration::from_millis(400);
/// A client that repeats more often than this has found a fault of ours.
const REPETITIONS_MAX: usize = 100;
const STRANGERS: usize = 12;
/// As many as a request may hold.
const EACH: usize = 3;
const SENDS: usize = 200;

pub fn bad_network(seed: u64) -> Faults {
    Faults {
        seed,
        request_lost_permille: 60,
        answer_lost_permille: 60,
        silent_permille: 300,
        duplicated_permille: 150,
        duplicate_ms_max: 20,
        delayed_permille: 200,
        delay_ms_max: 10,
        reordered_permille: 150,
        reorder_ms_max: 10,
    }
}

/// Sends until there is an answer: the message, and how often it took.
async fn insist(from: &Person, to: &Person, id: &str) -> (Message, usize) {
    for sends in 1..=REPETITIONS_MAX {
        let mut ask = from.ask(letter(to, id));
        ask.set_timeout(WAIT);
        let failed = match from.messages().send_message(ask).await {
            Ok(answer) => return (delivered(answer.into_inner()).message.unwrap(), sends),
            Err(failed) => failed,
        };
        let passes = [Code::Unavailable, Code::DeadlineExceeded, Code::Cancelled];
        assert!(passes.contains(&failed.code()), "{failed:?}");
    }
    panic!("`{id}` was never answered");
}

struct People {
    ada: Person,
    ben: Person,
    cleo: Person,
    strangers: Vec<Person>,
}

impl People {
    async fn register(suite: &Suite) -> Self {
        let (ada, ben) = super::friends(suite).await;
        let cleo = suite.open_person("cleo").await;
        let mut strangers = Vec::new();
        for index in 0..STRANGERS {
            strangers.push(suite.person(&format!("stranger{index}")).await);
        }
        Self {
            ada,
            ben,
            cleo,
            strangers,
        }
    }

    fn call(&mut self, suite: &Suite) {
        let known = [&mut self.ada, &mut self.ben, &mut self.cleo];
        for person in known.into_iter().chain(&mut self.strangers) {
            person.channel = suite.channel.clone();
        }
    }

    /// From whom to whom the send of a number goes: the strangers' first.
    fn of(&self, number: usize) -> (&Person, &Person) {
        match self.strangers.get(number / EACH) {
            Some(stranger) => (stranger, &self.cleo),
            None if number.is_multiple_of(2) => (&self.ada, &self.ben),
            None => (&self.ben, &self.ada),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_over_a_bad_network_is_there_once_and_in_order() {
    let seed = seed();
    let calm = Suite::start().await;
    let mut people = People::register(&calm).await;
    let (home, clock) = calm.stop().await;
    let suite = Suite::start_setup(home, clock, |setup| {
        setup.faults = Some(bad_network(seed));
        // The clock stands still, and the two send more than a minute's worth.
        setup.common.limits = Limits::Off;
    })
    .await;
    people.call(&suite);
    let people = Arc::new(people);

    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let people = Arc::clone(&people);
        senders.spawn(async move {
            let (mut acknowledged, mut sends) = (Vec::new(), 0);
            for number in (sender..SENDS).step_by(8) {
                let (from, to) = people.of(number);
                let (message, took) = insist(from, to, &format!("id-{number}")).await;
                acknowledged.push(message);
                sends += took;
            }
            (acknowledged, sends)
        });
    }
    let (mut acknowledged, mut sends) = (Vec::new(), 0);
    for (messages, took) in senders.join_all().await {
        acknowledged.extend(messages);
        sends += took;
    }
    assert_eq!(acknowledged.len(), SENDS);
    assert!(
        sends > SENDS,
        "nothing was repeated: the network is too good"
    );

    // By conversation, each message in the place that its acknowledgement named.
    let mut conversations = BTreeMap::<_, Vec<Message>>::new();
    for message in acknowledged {
        let conversation = message.conversation_id.clone();
        conversations.entry(conversation).or_default().push(message);
    }
    assert_eq!(conversations.len(), 1 + STRANGERS);
    let calm = suite.stop().await;
    let suite = Suite::start_in(calm.0, calm.1, &[]).await;
    for (conversation, mut messages) in conversations {
        messages.sort_by_key(|message| message.seq);
        let reads = |person: &&Person| {
            messages
                .iter()
                .any(|m| m.sender_id == person.id.to_string())
        };
        let mut everyone = people.strangers.iter().chain([&people.ada, &people.ben]);
        let reader = everyone.find(reads).unwrap();
        let channel = suite.channel.clone();
        let reader = Person {
            channel,
            ..reader.clone()
        };
        let found = all(&reader, &conversation).await;
        let told = |messages: &[Message]| -> Vec<_> {
            let of = |m: &Message| (m.seq, m.sender_id.clone(), m.content.clone());
            messages.iter().map(of).collect()
        };
        assert_eq!(told(&found), told(&messages));
    }
}
