//! Owners of facts that are away, one after the other, while people write: who wrote a moment ago
//! may go on for a minute, for nothing that the owner would have to forbid can have been
//! acknowledged without a fence; then they are told to try again, as everybody else is at once.
//! Nothing is stored that was not decided.

use std::time::Duration;

use futures_util::future::join_all;
use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::BlockRequest,
    messaging::v1::send_message_response::Outcome,
    policy::v1::{Enforcement, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{self, Graph, Identity, Settings},
    error::reason_of,
    random::Random,
};
use tonic::{Code, Status};

use super::apart::{Apart, SOON, calling};
use crate::suite::{Home, Person, Suite, delivered};

/// For how long what an owner said may be used.
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// Who write to Ada, each one message after the other.
const FRIENDS: usize = 4;
const MESSAGES: i64 = 10;

/// People write more here than a clock that stands still allows.
const NO_LIMITS: [(&str, &str); 1] = [("POSTERN_LIMITS", "off")];

/// Who writes to whom while an owner is away; all of them are friends.
struct Cast {
    ada: Person,
    friends: Vec<Person>,
    /// Has not written yet.
    late: Person,
    /// Will say no to Dan meanwhile.
    cleo: Person,
    dan: Person,
}

impl Cast {
    async fn register(suite: &Suite, owner: ServiceName) -> Self {
        let person = async |name: &str| suite.person(&format!("{name}.{owner}")).await;
        let ada = person("ada").await;
        let mut friends = Vec::new();
        for number in 0..FRIENDS {
            friends.push(person(&format!("f{number}")).await);
        }
        let (late, cleo, dan) = (
            person("late").await,
            person("cleo").await,
            person("dan").await,
        );
        for friend in friends.iter().chain([&late]) {
            ada.befriend(friend).await;
        }
        cleo.befriend(&dan).await;
        Self {
            ada,
            friends,
            late,
            cleo,
            dan,
        }
    }

    /// The same, each calling messaging of these services.
    async fn at(self, services: &Apart) -> Self {
        let at = async |person| calling(services.messaging(), person).await;
        let mut friends = Vec::new();
        for friend in self.friends {
            friends.push(at(friend).await);
        }
        Self {
            friends,
            late: at(self.late).await,
            dan: at(self.dan).await,
            ..self
        }
    }

    /// Every friend writes to Ada at the same time: all are delivered, or none.
    async fn flood(&self, expected: &Expected) {
        let sending = self.friends.iter().map(|friend| async move {
            for _ in 0..MESSAGES {
                match (lands(friend, &self.ada).await, expected) {
                    (Ok(_), Expected::Delivered) => {}
                    (Err(status), Expected::Unavailable) => unavailable(&status),
                    (told, expected) => panic!("{expected:?}, but {told:?}"),
                }
            }
        });
        join_all(sending).await;
    }

    /// Cleo lets Dan write no more, by an owner that is not away; whether she could.
    async fn say_no(&self, services: &Apart, away: ServiceName) -> bool {
        let by = async |owner| calling(services.of(owner), self.cleo.clone()).await;
        match away {
            Graph => by(Settings).await.let_write(WhoCanMessage::NoOne).await,
            Settings => {
                let blocked = by(Graph).await.block(&self.dan).await;
                assert_eq!(blocked.enforcement(), Enforcement::Enforced);
            }
            // Whom it is about, and how old she is, has to be asked.
            _ => {
                let cleo = by(Graph).await;
                let person = self.dan.reference();
                let told = cleo.graph().block(cleo.ask(BlockRequest { person })).await;
                unavailable(&told.unwrap_err());
                return false;
            }
        }
        true
    }
}

#[derive(Debug, Clone, Copy)]
enum Expected {
    Delivered,
    Unavailable,
}

/// Sends a message that is delivered, or is not decided: its number.
async fn lands(from: &Person, to: &Person) -> Result<i64, Status> {
    let id = uuid::Uuid::from_bytes(Random::system().bytes()).to_string();
    match from.send_as(to, &id, "hello").await?.outcome.unwrap() {
        Outcome::Delivered(delivered) => Ok(delivered.message.unwrap().seq),
        Outcome::Refused(refused) => panic!("{refused:?}"),
    }
}

fn unavailable(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let reason = reason_of(status);
    assert_eq!(reason, Some(ErrorReason::DependencyUnavailable));
}

/// Tries until an owner that is back has been found again.
async fn until_it_lands(from: &Person, to: &Person) -> i64 {
    let landed = async {
        loop {
            match lands(from, to).await {
                Ok(seq) => return seq,
                Err(status) => unavailable(&status),
            }
        }
    };
    tokio::time::timeout(SOON, landed).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_a_moment_ago_goes_on_for_a_minute_while_an_owner_is_away() {
    let suite = Suite::start_in(Home::on_files(), Suite::clock(), &NO_LIMITS).await;
    let mut casts = Vec::new();
    for owner in [Graph, Settings, Identity] {
        casts.push((owner, Cast::register(&suite, owner).await));
    }
    let (home, clock) = suite.stop().await;
    let mut services = Apart::start_with(home.folder, &clock, &NO_LIMITS).await;
    for (owner, cast) in casts {
        let cast = cast.at(&services).await;
        // Answers are as old as the first of these; what each friend has stored is counted.
        let mut stored = MESSAGES;
        cast.flood(&Expected::Delivered).await;
        let talk = cast.dan.send(&cast.cleo, "hello").await;
        let talk = delivered(talk).message.unwrap().conversation_id;
        services.stop(owner).await;
        for passed in [Duration::ZERO, MINUTE - SECOND] {
            clock.advance(passed);
            cast.flood(&Expected::Delivered).await;
            stored += MESSAGES;
        }
        unavailable(&lands(&cast.late, &cast.ada).await.unwrap_err());
        let mut talked = 1;
        if cast.say_no(&services, owner).await {
            for _ in 0..MESSAGES {
                // A refusal needs all three to say so.
                unavailable(&lands(&cast.dan, &cast.cleo).await.unwrap_err());
            }
        } else {
            lands(&cast.dan, &cast.cleo).await.unwrap();
            talked += 1;
        }
        clock.advance(SECOND);
        cast.flood(&Expected::Unavailable).await;
        services.start_again(owner).await;
        for friend in &cast.friends {
            let next = until_it_lands(friend, &cast.ada).await;
            assert_eq!(next, stored + 1, "{owner}: something was stored undecided");
        }
        assert_eq!(until_it_lands(&cast.late, &cast.ada).await, 1, "{owner}");
        let read = cast.dan.read(&talk).await.unwrap();
        assert_eq!(read.len(), talked, "{owner}");
    }
}
