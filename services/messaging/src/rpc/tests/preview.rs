//! PreviewSettings beside what the change then does: real messages before and after it.

use std::{collections::BTreeSet, sync::Arc};

use postern_proto::{
    common::v1::{ErrorReason, PageRequest},
    messaging::v1::{
        AcceptRequestRequest, PreviewSettingsRequest, PreviewSettingsResponse,
        RevokeConsentRequest, consent_service_server::ConsentService as _,
        request_service_server::RequestService as _, send_message_response::Outcome,
    },
    policy::v1::{AgeBand, Lifecycle, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{Graph, Identity, Settings},
    fence::Effect,
    id::UserId,
    person::Named,
};
use tokio::sync::Barrier;
use tonic::{Code, Status};

use super::{
    LONG, Rpc, by, delivered, fails,
    fake::{Fake, Fault, service},
    person, send, undecidable,
};
use crate::store::World;

const CHOICES: [WhoCanMessage; 3] = [
    WhoCanMessage::Everyone,
    WhoCanMessage::Friends,
    WhoCanMessage::NoOne,
];
const PAGES_MAX: usize = 100;

async fn page(
    rpc: &Rpc,
    me: UserId,
    who: i32,
    page: Option<PageRequest>,
) -> Result<PreviewSettingsResponse, Status> {
    let ask = PreviewSettingsRequest {
        who_can_message: who,
        page,
    };
    Ok(rpc.preview_settings(by(me, LONG, ask)).await?.into_inner())
}

/// The whole preview, its pages of that size put together.
async fn preview(
    rpc: &Rpc,
    me: UserId,
    who: WhoCanMessage,
    page_size: i32,
) -> PreviewSettingsResponse {
    let (mut all, mut page_token) = (PreviewSettingsResponse::default(), String::new());
    for _ in 0..PAGES_MAX {
        let asked = PageRequest {
            page_size,
            page_token,
        };
        let answer = page(rpc, me, who.into(), Some(asked)).await.unwrap();
        let so_far = std::mem::take(&mut all.closed_user_ids);
        page_token = answer.page.clone().unwrap().next_page_token;
        all = answer;
        all.closed_user_ids.splice(0..0, so_far);
        if page_token.is_empty() {
            all.page = None;
            return all;
        }
    }
    panic!("pages without end");
}

/// As settings does it.
fn choose(fake: &Fake, user: UserId, who: WhoCanMessage) {
    fake.with(|state| {
        let policy = state.policies.get_mut(&user.to_string()).unwrap();
        if policy.who_can_message() == who {
            return;
        }
        policy.version += 1;
        if policy.who_can_message() == WhoCanMessage::Everyone {
            policy.left_everyone_version = policy.version;
        }
        policy.who_can_message = who.into();
    });
}

/// What happened between Ada and somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    Asked,
    AskedInFull,
    Accepted,
    AcceptedAndRevoked,
    AcceptedAndEnded,
    SheWrote,
    SheWroteLately,
    Gone,
    Blocks,
    Blocked,
}

const PASTS: [Past; 10] = [
    Past::Asked,
    Past::AskedInFull,
    Past::Accepted,
    Past::AcceptedAndRevoked,
    Past::AcceptedAndEnded,
    Past::SheWrote,
    Past::SheWroteLately,
    Past::Gone,
    Past::Blocks,
    Past::Blocked,
];

struct Scene {
    world: Arc<World>,
    rpc: Arc<Rpc>,
    fake: Fake,
    ada: UserId,
    /// Each with their past and who follows whom: Ada, the other.
    people: Vec<(UserId, Past, [bool; 2])>,
}

impl Scene {
    /// Ada has chosen `start`, and met everybody in every way. Always the same.
    async fn set(start: WhoCanMessage) -> Self {
        let (world, rpc, fake) = service().await;
        let ada = fake.person(WhoCanMessage::Everyone);
        let mut scene = Self {
            world,
            rpc,
            fake,
            ada,
            people: Vec::new(),
        };
        for past in PASTS {
            for follows in [[false, false], [false, true], [true, false], [true, true]] {
                let other = scene.fake.person(WhoCanMessage::Everyone);
                scene.meet(other, past).await;
                scene.people.push((other, past, follows));
            }
        }
        choose(&scene.fake, ada, start);
        for (other, past, [hers, theirs]) in scene.people.clone() {
            if past == Past::SheWroteLately && start != WhoCanMessage::NoOne {
                delivered(send(&scene.rpc, ada, other, "lately").await);
            }
            let edges = [(ada, other, hers), (other, ada, theirs)];
            for (from, to, _) in edges.into_iter().filter(|(.., follows)| *follows) {
                let edge = (from.to_string(), to.to_string());
                scene.fake.with(|state| state.follows.insert(edge));
            }
        }
        scene
    }

    async fn meet(&self, other: UserId, past: Past) {
        let (rpc, ada) = (&self.rpc, self.ada);
        if matches!(past, Past::SheWrote | Past::SheWroteLately) {
            delivered(send(rpc, ada, other, "first").await);
            return;
        }
        let first = delivered(send(rpc, other, ada, "first").await);
        let conversation_id = first.message.unwrap().conversation_id;
        match past {
            Past::Asked => return,
            Past::AskedInFull => {
                for id in ["second", "third"] {
                    delivered(send(rpc, other, ada, id).await);
                }
                return;
            }
            _ => {}
        }
        let accept = by(ada, LONG, AcceptRequestRequest { conversation_id });
        rpc.accept_request(accept).await.unwrap();
        match past {
            Past::AcceptedAndRevoked => {
                let person = Some(Named::Id(other).to_proto());
                let revoke = by(ada, LONG, RevokeConsentRequest { person });
                rpc.revoke_consent(revoke).await.unwrap();
            }
            Past::AcceptedAndEnded => {
                let edge = (ada.to_string(), other.to_string());
                self.fake.with(|state| state.epochs.insert(edge, 2));
            }
            Past::Gone => {
                self.fake.with(|state| {
                    let standing = state.standings.get_mut(&other.to_string()).unwrap();
                    standing.lifecycle = Lifecycle::Deactivated.into();
                });
                self.world.raise(other, 1, Effect::Gone).await;
            }
            Past::Blocks => {
                self.fake.block(other, ada);
                self.world.raise(other, 1, Effect::PeerBlocked(ada)).await;
            }
            Past::Blocked => {
                self.fake.block(ada, other);
                // Each block of hers is a version of hers.
                let version = 1 + u64::try_from(self.people.len()).unwrap();
                self.fake
                    .with(|s| s.versions.insert(ada.to_string(), version));
                self.world
                    .raise(ada, version, Effect::PeerBlocked(other))
                    .await;
            }
            _ => {}
        }
    }

    /// Whose message gets in now, by their place among the people.
    async fn gets_in(&self) -> BTreeSet<usize> {
        let mut places = BTreeSet::new();
        for (place, (other, ..)) in self.people.iter().enumerate() {
            let answer = send(&self.rpc, *other, self.ada, "now").await.unwrap();
            if matches!(answer.outcome, Some(Outcome::Delivered(_))) {
                places.insert(place);
            }
        }
        places
    }

    fn places(&self, ids: &[String]) -> BTreeSet<usize> {
        let place = |id: &String| {
            let of = |(user, ..): &(UserId, _, _)| user.to_string() == *id;
            self.people.iter().position(of).unwrap()
        };
        ids.iter().map(place).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_what_the_change_then_does() {
    for start in CHOICES {
        let before = Scene::set(start).await.gets_in().await;
        for next in CHOICES {
            let scene = Scene::set(start).await;
            let rows = scene.world.rows().await;
            let told = preview(&scene.rpc, scene.ada, next, 0).await;
            for size in [1, 3, 100] {
                assert_eq!(preview(&scene.rpc, scene.ada, next, size).await, told);
            }
            assert_eq!(scene.world.rows().await, rows);
            choose(&scene.fake, scene.ada, next);
            let after = scene.gets_in().await;
            let closed = before.difference(&after).copied().collect();
            let label = format!("{start:?} to {next:?}");
            assert_eq!(scene.places(&told.closed_user_ids), closed, "{label}");
            assert_eq!(told.closed_user_ids.len(), closed.len(), "{label}");
            assert_eq!(told.closed_count, i64::try_from(closed.len()).unwrap());
            let hidden = [Past::Gone, Past::Blocks, Past::Blocked];
            let seen = scene.people.iter().filter(|(_, p, _)| !hidden.contains(p));
            assert_eq!(told.examined_count, i64::try_from(seen.count()).unwrap());
            assert!(told.complete);
            let widens = start == next || start == WhoCanMessage::NoOne;
            assert_eq!(closed.is_empty(), widens || next == WhoCanMessage::Everyone);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_whom_it_closes_come_latest_first() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let mut latest = Vec::new();
    for _ in 0..5 {
        let other = fake.person(WhoCanMessage::Everyone);
        delivered(send(&rpc, other, ada, "id").await);
        latest.insert(0, other.to_string());
    }
    for size in [1, 2, 5, 9] {
        let told = preview(&rpc, ada, WhoCanMessage::Friends, size).await;
        assert_eq!(told.closed_user_ids, latest);
        assert_eq!(told.closed_count, 5);
    }
    // A token is for one choice.
    let asked = |page_token| {
        Some(PageRequest {
            page_size: 1,
            page_token,
        })
    };
    let first = page(
        &rpc,
        ada,
        WhoCanMessage::Friends.into(),
        asked(String::new()),
    )
    .await;
    let token = first.unwrap().page.unwrap().next_page_token;
    let other = page(&rpc, ada, WhoCanMessage::NoOne.into(), asked(token)).await;
    fails(other, Code::InvalidArgument, ErrorReason::InvalidPageToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_a_thousand_the_latest_are_looked_at() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let mut latest = Vec::new();
    for _ in 0..41 {
        let mut batch = Vec::new();
        for _ in 0..25 {
            let other = person();
            batch.push(World::asking(world.pair(ada, other).await, other, "id"));
            latest.insert(0, other.to_string());
        }
        world.commit(&batch).await;
    }
    // Graph is asked about all of them at once: no answer comes before the last question.
    fake.with(|state| state.meeting = Some(Arc::new(Barrier::new(10))));
    let told = preview(&rpc, ada, WhoCanMessage::NoOne, 100).await;
    assert_eq!(told.closed_user_ids, latest[..1_000]);
    assert_eq!((told.closed_count, told.examined_count), (1_000, 1_000));
    assert!(!told.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_too_young_for_a_choice_is_told_so() {
    let (_world, rpc, fake) = service().await;
    for (band, allowed) in [
        (AgeBand::Under16, vec![WhoCanMessage::NoOne]),
        (
            AgeBand::AgeBand16To17,
            vec![WhoCanMessage::NoOne, WhoCanMessage::Friends],
        ),
        (AgeBand::Adult, CHOICES.to_vec()),
    ] {
        let ada = fake.person(WhoCanMessage::NoOne);
        fake.with(|state| {
            let standing = state.standings.get_mut(&ada.to_string()).unwrap();
            standing.age_band = band.into();
        });
        for who in CHOICES {
            let answer = page(&rpc, ada, who.into(), None).await;
            if allowed.contains(&who) {
                let told = answer.unwrap();
                assert_eq!((told.examined_count, told.complete), (0, true));
            } else {
                let reason = ErrorReason::SettingNotAllowedForAge;
                fails(answer, Code::FailedPrecondition, reason);
            }
        }
        for wrong in [0, 4, -1] {
            let answer = page(&rpc, ada, wrong, None).await;
            fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_nothing_is_foretold() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let ben = fake.person(WhoCanMessage::Everyone);
    delivered(send(&rpc, ben, ada, "id").await);
    let ask = async || page(&rpc, ada, WhoCanMessage::Friends.into(), None).await;
    assert_eq!(ask().await.unwrap().closed_count, 1);
    for owner in [Graph, Settings, Identity] {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
        undecidable(ask().await);
        fake.heals();
    }
    for (owner, fault) in [
        (Graph, Fault::Graphs(|a| a.relationships.clear())),
        (Settings, Fault::Settings(|a| a.policies.clear())),
        (
            Identity,
            Fault::Identity(|a| a.standings[0].user_id = person().to_string()),
        ),
    ] {
        fake.breaks(owner, fault);
        undecidable(ask().await);
        fake.heals();
    }
    // Graph may know of a block before the lists do.
    fake.block(ben, ada);
    let told = ask().await.unwrap();
    assert_eq!((told.examined_count, told.closed_count), (0, 0));
    fake.with(|state| state.standings.clear());
    fails(
        ask().await,
        Code::PermissionDenied,
        ErrorReason::AccountRestricted,
    );
}
