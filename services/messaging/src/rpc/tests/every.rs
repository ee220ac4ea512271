//! Every combination of facts between two people, also those that no acts of theirs lead to: the
//! owners are made to say it, and the pair is stored so. What must come out is said by the oracle
//! that `tests/it/consent` holds the whole suite to.

use postern_proto::{
    messaging::v1::{
        ExplainSendRequest, Placement, consent_service_server::ConsentService as _,
        explain_send_response::Outcome as Explained,
    },
    policy::v1::WhoCanMessage,
};

use super::{fake::Fake, *};
use crate::{
    domain::{Consent, Conversation, How, Request as Asking, Side},
    store::{NOW, World},
};
use oracle::{Choice, Model, Who};
use reach::{Agreed, Asked, Facts};

#[path = "../../../../../tests/it/consent/oracle.rs"]
#[expect(
    dead_code,
    reason = "what people do to each other is tried on the whole suite"
)]
mod oracle;
#[path = "../../../../../tests/it/consent/reach.rs"]
#[expect(
    dead_code,
    reason = "how people get somewhere is tried on the whole suite"
)]
mod reach;

/// What both chose: the version, and that at which they last left EVERYONE.
const VERSIONS: (u32, u32) = (10, 5);
/// The present epoch of both directions.
const EPOCH: u32 = 1;

/// A consent of such a worth, in every way that it comes about.
fn consents(facts: &Facts) -> Vec<oracle::Consent> {
    let granted = |epoch, settings_version| oracle::Consent::Granted {
        epoch,
        settings_version,
    };
    match facts.consent {
        Agreed::None => vec![oracle::Consent::None],
        Agreed::Revoked => vec![oracle::Consent::Revoked],
        Agreed::Counting => vec![granted(EPOCH, VERSIONS.0), granted(EPOCH, VERSIONS.1)],
        Agreed::Lapsed if facts.who[1] == Who::Everyone => vec![granted(0, VERSIONS.0)],
        Agreed::Lapsed => vec![granted(0, VERSIONS.0), granted(EPOCH, VERSIONS.1 - 1)],
    }
}

fn requests(facts: &Facts) -> Vec<oracle::Request> {
    use oracle::Request::{Accepted, Declined, None, Pending, Withdrawn};
    match facts.request {
        Asked::None => vec![None],
        Asked::Pending => vec![Pending(1), Pending(2), Withdrawn(2)],
        Asked::Full => vec![Pending(3), Withdrawn(3)],
        Asked::Declined => vec![Declined],
        Asked::Accepted => vec![Accepted],
    }
}

/// The first person writes to the second.
fn model(facts: &Facts, consent: oracle::Consent, request: oracle::Request) -> Model {
    let mut model = Model::new(2);
    for (place, who) in facts.who.into_iter().enumerate() {
        let other = 1 - place;
        model.choices[place] = Choice {
            who,
            version: VERSIONS.0,
            left_everyone_version: VERSIONS.1,
        };
        let side = oracle::Side {
            follows: facts.follows[place],
            blocks: facts.blocks[place],
            epoch: EPOCH,
            ..model.side(place, other)
        };
        model.sides[place][other] = side;
    }
    model.sides[0][1].request = request;
    model.sides[1][0].consent = consent;
    model
}

/// Two new people of whom the owners say what the model says.
fn owned(fake: &Fake, model: &Model) -> [UserId; 2] {
    let people = [0, 1].map(|place: usize| {
        let choice = model.choices[place];
        let user = fake.person(match choice.who {
            Who::Everyone => WhoCanMessage::Everyone,
            Who::Friends => WhoCanMessage::Friends,
            Who::NoOne => WhoCanMessage::NoOne,
        });
        fake.with(|state| {
            let policy = state.policies.get_mut(&user.to_string()).unwrap();
            policy.version = choice.version.into();
            policy.left_everyone_version = choice.left_everyone_version.into();
        });
        user
    });
    for (place, other) in [(0, 1), (1, 0)] {
        let edge = (people[place].to_string(), people[other].to_string());
        let side = model.side(place, other);
        fake.with(|state| {
            if side.follows {
                state.follows.insert(edge.clone());
            }
            if side.blocks {
                state.blocks.insert(edge.clone());
            }
            state.epochs.insert(edge, side.epoch.into());
        });
    }
    people
}

/// Stores of the two what the model says.
async fn stored(world: &World, [me, peer]: [UserId; 2], model: &Model) {
    let side = |of, to| {
        let side = model.side(of, to);
        Side {
            consent: match side.consent {
                oracle::Consent::None => Consent::None,
                oracle::Consent::Revoked => Consent::Revoked,
                oracle::Consent::Granted {
                    epoch,
                    settings_version,
                } => Consent::Granted {
                    how: How::Accepted,
                    epoch: epoch.into(),
                    settings_version: settings_version.into(),
                    at: NOW,
                },
            },
            request: match side.request {
                oracle::Request::None => Asking::None,
                oracle::Request::Pending(sent) => Asking::Pending { sent },
                oracle::Request::Withdrawn(sent) => Asking::Withdrawn { sent },
                oracle::Request::Accepted => Asking::Accepted,
                oracle::Request::Declined => Asking::Declined {
                    until: NOW.plus(Duration::from_secs(1)),
                },
            },
        }
    };
    let pair = Conversation::new(me, peer);
    let pair = pair.with_side(me, side(0, 1));
    world.put(pair.with_side(peer, side(1, 0))).await;
}

async fn explained(rpc: &Rpc, me: UserId, peer: UserId) -> String {
    let ask = ExplainSendRequest {
        recipient: Some(PersonRef {
            person: Some(to(peer)),
        }),
        content: None,
    };
    let answer = rpc.explain_send(by(me, LONG, ask)).await.unwrap();
    match answer.into_inner().outcome.unwrap() {
        Explained::Delivered(placement) => {
            format!("{:?}", Placement::try_from(placement).unwrap())
        }
        Explained::Refused(refused) => format!("{:?}", refused.reason()),
    }
}

async fn sent(rpc: &Rpc, me: UserId, peer: UserId) -> String {
    match send(rpc, me, peer, "1").await.unwrap().outcome.unwrap() {
        Outcome::Delivered(delivered) => format!("{:?}", delivered.placement()),
        Outcome::Refused(refused) => format!("{:?}", refused.reason()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_is_decided_as_the_policy_says() {
    let (world, rpc, fake) = fake::service().await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    for facts in reach::all() {
        for consent in consents(&facts) {
            for request in requests(&facts) {
                let model = model(&facts, consent, request);
                assert_eq!(reach::facts_of(&model), facts);
                let people = owned(&fake, &model);
                stored(&world, people, &model).await;
                let expected = format!("{:?}", model.told(0, 1));
                let [me, peer] = people;
                let found = [explained(&rpc, me, peer).await, sent(&rpc, me, peer).await];
                if found.iter().any(|found| *found != expected) {
                    wrong.push(format!("{model:?}\n  is {expected}, found {found:?}"));
                }
                tried += 1;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(tried > reach::all().len());
}
