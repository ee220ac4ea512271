//! A bad network between the services while people say no and are flooded: raises and the answers
//! of owners are lost, doubled, late and overtaken, over the real stores and with what the owners
//! said kept for later. Once a "no" is acknowledged as ENFORCED nothing that it forbids is stored,
//! until it is taken back; and then all is as it was.

mod acts;
mod stored;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::future::try_join_all;
use postern_proto::messaging::v1::{Delivered, send_message_response::Outcome};
use postern_shared::{config::Limits, peer::Faults, run::Setup};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{letter, peers::bad_network};
use crate::suite::{Person, Suite, repetitions, seed};
use acts::{No, Parties, Said, insist, timed};
use stored::{Mark, Stored};

/// Recipients who are flooded side by side.
const LANES: usize = 6;
/// Who floods each of them.
const SENDERS: usize = 2;
/// Messages of each sender under way at the same time.
const STREAMS: usize = 2;
/// What each stream still sends when nothing is on its way any more.
const AFTERWARDS: usize = 2;
/// How long a client waits before it repeats a message.
const WAIT: Duration = Duration::from_millis(250);
/// All of it hangs if it takes longer, for each round.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// Nobody writes for a while: what the owners said is kept from before.
    Hushed,
    /// The "no" was acknowledged as enforced.
    Acknowledged,
    /// Nor is any older change on its way.
    Settled,
}

/// What came of a message.
struct Answer {
    id: String,
    /// When it was first sent.
    begun: Stage,
    outcome: Outcome,
}

/// A recipient, and who writes to them: all are friends.
struct Lane {
    number: usize,
    recipient: Someone,
    senders: Vec<Someone>,
}

/// What came of messages, and how many calls had no answer.
type Written = (Vec<Answer>, usize);

/// All who write to a recipient.
struct Flood {
    /// With the number of the sender.
    streams: Vec<(usize, JoinHandle<Written>)>,
    stage: watch::Sender<Stage>,
    landed: watch::Sender<usize>,
    resting: watch::Sender<usize>,
}

/// One who writes one message after the other.
struct Stream {
    from: Person,
    to: Person,
    name: String,
    stage: watch::Receiver<Stage>,
    landed: watch::Sender<usize>,
    resting: watch::Sender<usize>,
}

/// The same person, calling one replica and the other.
type Someone = [Person; 2];

/// Everyone, and what they have in common.
struct Cast {
    lanes: Vec<Lane>,
    moderator: Someone,
    /// Is blocked now and then, and does not write.
    bystander: Person,
    stored: Stored,
}

/// What was seen of a lane.
#[derive(Default)]
struct Seen {
    /// Each "no" that was enforced, by kind.
    noes: BTreeMap<No, usize>,
    /// Of those: whose first answer was PENDING.
    pending: usize,
    repeated: usize,
    /// The place of each message that was acknowledged, by its sender and its id.
    acknowledged: BTreeMap<(usize, String), i64>,
    refused: usize,
    marks: Vec<Mark>,
}

fn faults(seed: u64) -> Faults {
    Faults {
        silent_permille: 150,
        duplicate_ms_max: 100,
        delayed_permille: 400,
        delay_ms_max: 30,
        reorder_ms_max: 30,
        ..bad_network(seed)
    }
}

fn troubled(seed: u64) -> impl FnOnce(&mut Setup) {
    move |setup| {
        setup.faults = Some(faults(seed));
        // The clock stands still, and a flood is more than a minute's worth.
        setup.common.limits = Limits::Off;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lands_after_an_acknowledged_no_over_a_bad_network() {
    let seed = seed();
    let calm = Suite::start().await;
    let people = register(&calm).await;
    let (home, clock) = calm.stop().await;
    let suite = Suite::start_setup(home, clock, troubled(seed)).await;
    let other = suite.replica_setup(troubled(seed ^ 1)).await;
    let seen_by_both = |person: &Person| {
        let channel = suite.channel.clone();
        let one = Person {
            channel,
            ..person.clone()
        };
        [one, other.seen_by(person)]
    };
    let (moderator, bystander, lanes) = people;
    let lanes = lanes.into_iter().enumerate();
    let cast = Arc::new(Cast {
        lanes: lanes
            .map(|(number, (recipient, senders))| Lane {
                number,
                recipient: seen_by_both(&recipient),
                senders: senders.iter().map(seen_by_both).collect(),
            })
            .collect(),
        moderator: seen_by_both(&moderator),
        bystander,
        stored: Stored::of(&suite.home).await,
    });

    let rounds = repetitions(1, 20);
    let playing = (0..LANES).map(|lane| {
        let cast = Arc::clone(&cast);
        let rng = Rng::with_seed(seed ^ (lane as u64) << 32);
        tokio::spawn(async move { cast.play(lane, rng, rounds).await })
    });
    let playing = try_join_all(playing.collect::<Vec<_>>());
    let patience = PATIENCE * u32::try_from(rounds).unwrap();
    let seen = timeout(patience, playing).await.unwrap().unwrap();
    // What was PENDING is enforced in the end.
    let settling = async {
        while cast.stored.under_way().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, settling).await.unwrap();
    // What was handed over by whoever went away is stored when nobody serves any more, or never.
    drop(other);
    let _kept = suite.stop().await;
    cast.judge(&seen, rounds).await;
}

/// A moderator, a bystander, and the lanes: who receives and who sends.
async fn register(suite: &Suite) -> (Person, Person, Vec<(Person, Vec<Person>)>) {
    let moderator = suite.moderator("mia").await;
    let bystander = suite.person("bob").await;
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let recipient = suite.person(&format!("ada{lane}")).await;
        let mut senders = Vec::new();
        for sender in 0..SENDERS {
            let sender = suite.person(&format!("ben{lane}.{sender}")).await;
            recipient.befriend(&sender).await;
            senders.push(sender);
        }
        lanes.push((recipient, senders));
    }
    (moderator, bystander, lanes)
}

/// One trial: what is said about whom, and when.
struct Trial {
    no: No,
    /// The sender, where it is about one.
    target: usize,
    /// How many messages land before.
    after: usize,
    /// Whether it comes after another change of the recipient's, which may still be on its way.
    is_second: bool,
    /// Whether nobody writes while it is said.
    is_hushed: bool,
    patience: Duration,
    /// Through which replica it is said.
    replica: usize,
}

impl Trial {
    fn draw(no: No, rng: &mut Rng) -> Self {
        Self {
            no,
            target: rng.usize(..SENDERS),
            after: rng.usize(1..=2 * SENDERS * STREAMS),
            is_second: rng.bool(),
            is_hushed: rng.bool(),
            patience: Duration::from_millis(rng.u64(250..=800)),
            replica: rng.usize(..2),
        }
    }

    fn concerns(&self, sender: usize) -> bool {
        !self.no.is_for_one() || sender == self.target
    }
}

impl Cast {
    /// Plays trials of every kind in random order, as many rounds.
    async fn play(&self, lane: usize, mut rng: Rng, rounds: usize) -> Seen {
        let (lane, mut seen) = (&self.lanes[lane], Seen::default());
        for round in 0..rounds {
            let mut noes = No::ALL;
            rng.shuffle(&mut noes);
            for (number, no) in noes.into_iter().enumerate() {
                let name = format!("{}.{round}.{number}", lane.number);
                let trial = Trial::draw(no, &mut rng);
                self.trial(lane, &name, &trial, &mut seen).await;
            }
        }
        seen
    }

    async fn trial(&self, lane: &Lane, name: &str, trial: &Trial, seen: &mut Seen) {
        let (no, replica) = (trial.no, trial.replica);
        let parties = Parties {
            recipient: &lane.recipient[replica],
            sender: &lane.senders[trial.target][replica],
            moderator: &self.moderator[replica],
            patience: trial.patience,
        };
        if trial.is_second {
            seen.repeated += parties.block(&self.bystander).await;
            for sender in &lane.senders {
                seen.repeated += acts::refollow(&sender[replica], parties.recipient).await;
            }
        }
        let flood = lane.flood(name);
        flood.until_landed(trial.after).await;
        if trial.is_hushed {
            flood.hush().await;
        }
        let said = parties.say(no).await;
        let marks = self.look(lane, trial).await;
        if !trial.is_hushed {
            flood.stage.send_replace(Stage::Acknowledged);
        }
        parties.until_settled().await;
        flood.stage.send_replace(Stage::Settled);
        let mut refused = Vec::new();
        for (sender, flood) in flood.streams {
            let (answers, repeated) = flood.await.unwrap();
            seen.repeated += repeated;
            refused.extend(seen.note(trial, sender, answers));
        }
        for (mark, again) in marks.iter().zip(self.look(lane, trial).await) {
            assert_eq!(
                again.last_seq, mark.last_seq,
                "{name}: something landed after {no:?} was acknowledged: {said:?}"
            );
        }
        seen.marks.extend(marks);
        seen.repeated += self.heal(&parties, trial, &said).await;
        for (sender, id) in refused {
            let from = &lane.senders[sender][0];
            let (outcome, repeated) = send(from, parties.recipient, &id).await;
            seen.repeated += repeated;
            let Outcome::Delivered(delivered) = &outcome else {
                panic!("{name}: {no:?} was taken back: {outcome:?}");
            };
            seen.acknowledge(sender, id, delivered);
        }
        *seen.noes.entry(no).or_default() += 1;
        seen.pending += usize::from(said.was_pending);
        seen.repeated += said.repeated;
    }

    /// What stands of each sender whom a "no" is about.
    async fn look(&self, lane: &Lane, trial: &Trial) -> Vec<Mark> {
        let mut marks = Vec::new();
        let recipient = &lane.recipient[0];
        for (number, sender) in lane.senders.iter().enumerate() {
            if trial.concerns(number) {
                marks.push(self.stored.mark(trial.no, recipient, &sender[0]).await);
            }
        }
        marks
    }

    /// Takes everything back; how often something had to be repeated.
    async fn heal(&self, parties: &Parties<'_>, trial: &Trial, said: &Said) -> usize {
        let mut repeated = parties.take_back(trial.no, said).await;
        if trial.is_second {
            repeated += parties.unblock(&self.bystander).await;
        }
        repeated
    }

    /// Compares what was told with what is stored, when nothing happens any more.
    async fn judge(&self, seen: &[Seen], rounds: usize) {
        let (mut messages, mut refused, mut pending, mut repeated) = (0, 0, 0, 0);
        let mut noes = BTreeMap::<No, usize>::new();
        for (lane, seen) in self.lanes.iter().zip(seen) {
            for (number, sender) in lane.senders.iter().enumerate() {
                let ids = self.stored.ids(&sender[0]).await;
                messages += ids.len();
                let told = seen.acknowledged.iter();
                let told = told.filter(|((of, _), _)| *of == number);
                let told: BTreeMap<_, _> = told.map(|((_, id), seq)| (*seq, id.as_str())).collect();
                let there = (1..).zip(ids.iter().map(String::as_str)).collect();
                assert_eq!(
                    told, there,
                    "what was acknowledged is stored once, and no more"
                );
            }
            for mark in &seen.marks {
                let stale = self.stored.decided_before(mark).await;
                assert_eq!(stale, 0, "decided before a \"no\" and stored after it");
            }
            for (no, times) in &seen.noes {
                *noes.entry(*no).or_default() += times;
            }
            refused += seen.refused;
            pending += seen.pending;
            repeated += seen.repeated;
        }
        println!(
            "{noes:?}, {pending} of them pending at first; {messages} messages stored, \
             {refused} refused, {repeated} calls repeated"
        );
        assert_eq!(noes, No::ALL.map(|no| (no, LANES * rounds)).into());
        assert!(
            repeated > 0,
            "nothing was repeated: the network is too good"
        );
        assert!(refused >= 2 * LANES * rounds * No::ALL.len());
    }
}

impl Lane {
    /// Everyone writes, as long as the trial goes on.
    fn flood(&self, name: &str) -> Flood {
        let (stage, landed, resting) = (
            watch::Sender::new(Stage::Open),
            watch::Sender::new(0),
            watch::Sender::new(0),
        );
        let streams = (0..SENDERS * STREAMS).map(|stream| {
            let (sender, replica) = (stream % SENDERS, stream / SENDERS % 2);
            let stream = Stream {
                from: self.senders[sender][replica].clone(),
                to: self.recipient[0].clone(),
                name: format!("{name}.{stream}"),
                stage: stage.subscribe(),
                landed: landed.clone(),
                resting: resting.clone(),
            };
            (sender, tokio::spawn(stream.run()))
        });
        Flood {
            streams: streams.collect(),
            stage,
            landed,
            resting,
        }
    }
}

impl Flood {
    /// Waits until so many messages were delivered.
    async fn until_landed(&self, messages: usize) {
        let mut landed = self.landed.subscribe();
        landed.wait_for(|landed| *landed >= messages).await.unwrap();
    }

    /// Waits until nobody writes.
    async fn hush(&self) {
        self.stage.send_replace(Stage::Hushed);
        let mut resting = self.resting.subscribe();
        let all = self.streams.len();
        resting.wait_for(|resting| *resting == all).await.unwrap();
    }
}

impl Seen {
    /// Notes what a sender was told, who must have been told what is so. Answers the last message
    /// that was refused, where any was.
    fn note(
        &mut self,
        trial: &Trial,
        sender: usize,
        answers: Vec<Answer>,
    ) -> Option<(usize, String)> {
        let mut last = None;
        for Answer { id, begun, outcome } in answers {
            match &outcome {
                Outcome::Delivered(delivered) => {
                    let is_late = begun != Stage::Open && trial.concerns(sender);
                    assert!(!is_late, "{id}: sent after {:?} and delivered", trial.no);
                    self.acknowledge(sender, id, delivered);
                }
                Outcome::Refused(refused) => {
                    assert!(trial.concerns(sender), "{id}: {refused:?}");
                    assert_eq!(refused.reason(), trial.no.reason(), "{id}");
                    self.refused += 1;
                    last = Some((sender, id));
                }
            }
        }
        last
    }

    fn acknowledge(&mut self, sender: usize, id: String, outcome: &Delivered) {
        let message = outcome.message.as_ref().unwrap();
        let before = self.acknowledged.insert((sender, id), message.seq);
        assert_eq!(before, None, "a message has one answer");
    }
}

impl Stream {
    /// Sends until the trial is over.
    async fn run(mut self) -> Written {
        let (mut answers, mut repeated, mut left) = (Vec::new(), 0, AFTERWARDS);
        loop {
            let mut begun = *self.stage.borrow();
            if begun == Stage::Hushed {
                self.resting.send_modify(|resting| *resting += 1);
                let over = self.stage.wait_for(|stage| *stage != Stage::Hushed);
                begun = *over.await.unwrap();
            }
            if begun == Stage::Settled {
                if left == 0 {
                    return (answers, repeated);
                }
                left -= 1;
            }
            let id = format!("{}.{}", self.name, answers.len());
            let (outcome, took) = send(&self.from, &self.to, &id).await;
            repeated += took;
            if matches!(outcome, Outcome::Delivered(_)) {
                self.landed.send_modify(|landed| *landed += 1);
            }
            answers.push(Answer { id, begun, outcome });
        }
    }
}

/// Sends until there is an answer, and how many calls had none.
async fn send(from: &Person, to: &Person, id: &str) -> (Outcome, usize) {
    let (answer, repeated) = insist(|| {
        let (mut messages, ask) = (from.messages(), timed(from, WAIT, letter(to, id)));
        async move { messages.send_message(ask).await }
    })
    .await;
    (answer.outcome.unwrap(), repeated)
}
