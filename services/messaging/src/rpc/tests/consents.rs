//! ListConsents and RevokeConsent: what was agreed to, whether it counts, and taking it back.

use std::collections::BTreeMap;

use postern_proto::{
    common::v1::{ErrorReason, PageRequest, PersonRef},
    messaging::v1::{
        AcceptRequestRequest, Consent, ConsentOrigin, ConsentState, ListConsentsRequest,
        ListConsentsResponse, Placement, RevokeConsentRequest, RevokeConsentResponse,
        consent_service_server::ConsentService as _, request_service_server::RequestService as _,
    },
    policy::v1::{AgeBand, RefusalReason, WhoCanMessage},
};
use postern_shared::{
    caller::ServiceName::{Graph, Identity, Settings},
    fence::Effect,
    id::UserId,
};
use tonic::{Code, Status};

use super::{
    LONG, Person, Rpc, by, delivered, fails,
    fake::{Fake, Fault, service},
    named, person, refused, send, to, undecidable,
};
use crate::store::NOW;

const PAGES_MAX: usize = 20;

async fn page(
    rpc: &Rpc,
    me: UserId,
    page_size: i32,
    token: &str,
) -> Result<ListConsentsResponse, Status> {
    let page = Some(PageRequest {
        page_size,
        page_token: token.to_owned(),
    });
    let ask = by(me, LONG, ListConsentsRequest { page });
    Ok(rpc.list_consents(ask).await?.into_inner())
}

/// All of them, by person: each is told once.
async fn listed(rpc: &Rpc, me: UserId, page_size: i32) -> BTreeMap<String, Consent> {
    let (mut all, mut token) = (BTreeMap::new(), String::new());
    for _ in 0..PAGES_MAX {
        let answer = page(rpc, me, page_size, &token).await.unwrap();
        for consent in answer.consents {
            let before = all.insert(consent.user_id.clone(), consent);
            assert_eq!(before, None, "told twice");
        }
        token = answer.page.unwrap().next_page_token;
        if token.is_empty() {
            return all;
        }
    }
    panic!("pages without end");
}

async fn states(rpc: &Rpc, me: UserId) -> BTreeMap<String, ConsentState> {
    let all = listed(rpc, me, 0).await;
    let states = all.into_iter().map(|(id, consent)| (id, consent.state()));
    states.collect()
}

async fn revoke(rpc: &Rpc, me: UserId, person: Person) -> Result<RevokeConsentResponse, Status> {
    let person = Some(PersonRef {
        person: Some(person),
    });
    let ask = by(me, LONG, RevokeConsentRequest { person });
    Ok(rpc.revoke_consent(ask).await?.into_inner())
}

async fn accept(rpc: &Rpc, me: UserId, conversation_id: String) {
    let accept = by(me, LONG, AcceptRequestRequest { conversation_id });
    rpc.accept_request(accept).await.unwrap();
}

/// A stranger whose request `me` accepted.
async fn accepted(rpc: &Rpc, fake: &Fake, me: UserId) -> UserId {
    let other = fake.person(WhoCanMessage::Everyone);
    let sent = delivered(send(rpc, other, me, "first").await);
    accept(rpc, me, sent.message.unwrap().conversation_id).await;
    other
}

fn choose(fake: &Fake, user: UserId, who: WhoCanMessage) {
    fake.with(|state| {
        let policy = state.policies.get_mut(&user.to_string()).unwrap();
        policy.version += 1;
        if policy.who_can_message() == WhoCanMessage::Everyone {
            policy.left_everyone_version = policy.version;
        }
        policy.who_can_message = who.into();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn each_agreement_is_told_once_with_its_state() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let counts = accepted(&rpc, &fake, ada).await;
    let ended = accepted(&rpc, &fake, ada).await;
    let wrote = fake.person(WhoCanMessage::Everyone);
    delivered(send(&rpc, ada, wrote, "id").await);
    let revoked = accepted(&rpc, &fake, ada).await;
    revoke(&rpc, ada, to(revoked)).await.unwrap();
    // A request that waits and a friend are no agreements.
    let asking = fake.person(WhoCanMessage::Everyone);
    delivered(send(&rpc, asking, ada, "id").await);
    let friend = fake.person(WhoCanMessage::Everyone);
    fake.befriend(ada, friend);
    delivered(send(&rpc, ada, friend, "id").await);
    fake.with(|state| state.epochs.insert((ada.to_string(), ended.to_string()), 2));
    // Neither are people whom she blocked before either wrote: pages go on behind them.
    for _ in 0..8 {
        world.raise(ada, 5, Effect::PeerBlocked(person())).await;
    }
    let told = |user: UserId, origin: ConsentOrigin, state: ConsentState| {
        let grant_time = (state != ConsentState::Revoked).then(|| NOW.to_proto());
        let consent = Consent {
            user_id: user.to_string(),
            origin: origin.into(),
            grant_time,
            state: state.into(),
        };
        (user.to_string(), consent)
    };
    let expected = BTreeMap::from([
        told(counts, ConsentOrigin::Accepted, ConsentState::Counts),
        told(ended, ConsentOrigin::Accepted, ConsentState::Ended),
        told(wrote, ConsentOrigin::Wrote, ConsentState::Counts),
        told(revoked, ConsentOrigin::Unspecified, ConsentState::Revoked),
    ]);
    for size in [0, 1, 2, 3, 100, 1_000] {
        assert_eq!(listed(&rpc, ada, size).await, expected, "pages of {size}");
    }
    // The others' agreements are theirs: who asked agreed to be answered.
    assert_eq!(listed(&rpc, counts, 0).await.len(), 1);
    assert!(listed(&rpc, person(), 0).await.is_empty());
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_pauses_or_lapses_and_a_later_act_renews() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let ben = accepted(&rpc, &fake, ada).await;
    let state = async || states(&rpc, ada).await[&ben.to_string()];
    for (who, expected) in [
        (WhoCanMessage::NoOne, ConsentState::Paused),
        (WhoCanMessage::Friends, ConsentState::Lapsed),
        (WhoCanMessage::Everyone, ConsentState::Counts),
        (WhoCanMessage::Friends, ConsentState::Lapsed),
    ] {
        choose(&fake, ada, who);
        assert_eq!(state().await, expected, "{who:?}");
    }
    delivered(send(&rpc, ada, ben, "again").await);
    assert_eq!(state().await, ConsentState::Counts);
    delivered(send(&rpc, ben, ada, "reply").await);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_to_as_a_grown_up_does_not_count_below_that_age() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let ben = accepted(&rpc, &fake, ada).await;
    // The same age: it is not the difference that refuses.
    for (band, expected) in [
        (AgeBand::AgeBand16To17, ConsentState::Lapsed),
        (AgeBand::Under16, ConsentState::Paused),
    ] {
        for user in [ada, ben] {
            fake.with(|state| {
                let standing = state.standings.get_mut(&user.to_string()).unwrap();
                standing.age_band = band.into();
            });
        }
        assert_eq!(states(&rpc, ada).await[&ben.to_string()], expected);
        if band == AgeBand::AgeBand16To17 {
            let reason = refused(send(&rpc, ben, ada, "again").await).reason();
            assert_eq!(reason, RefusalReason::MutualFollowRequired);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_or_blocks_is_left_out() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let (mut peers, mut expected) = (Vec::new(), BTreeMap::new());
    for _ in 0..5 {
        let peer = accepted(&rpc, &fake, ada).await;
        expected.insert(peer.to_string(), ConsentState::Counts);
        peers.push(peer);
    }
    assert_eq!(states(&rpc, ada).await, expected);
    world.raise(peers[0], 1, Effect::Gone).await;
    expected.remove(&peers[0].to_string());
    assert_eq!(states(&rpc, ada).await, expected);
    world.raise(peers[1], 1, Effect::PeerBlocked(ada)).await;
    expected.remove(&peers[1].to_string());
    assert_eq!(states(&rpc, ada).await, expected);
    // Graph may know it before the lists do.
    fake.block(peers[2], ada);
    expected.remove(&peers[2].to_string());
    assert_eq!(states(&rpc, ada).await, expected);
    // Whom the caller blocks is theirs to see, its agreement ended by the block.
    fake.block(ada, peers[3]);
    world.raise(ada, 1, Effect::PeerBlocked(peers[3])).await;
    let epoch = (ada.to_string(), peers[3].to_string());
    fake.with(|state| state.epochs.insert(epoch, 2));
    expected.insert(peers[3].to_string(), ConsentState::Ended);
    assert_eq!(states(&rpc, ada).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_no_state_is_told() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let ben = accepted(&rpc, &fake, ada).await;
    let settled = states(&rpc, ada).await;
    let mut faults: Vec<_> = [Graph, Settings]
        .map(|owner| (owner, Fault::Fails(Status::unavailable("no"))))
        .into();
    let garbled: [Fault; 5] = [
        Fault::Graphs(|a| a.relationships.clear()),
        Fault::Graphs(|a| a.relationships.push(a.relationships[0].clone())),
        Fault::Graphs(|a| a.relationships[0].user_id = person().to_string()),
        Fault::Graphs(|a| a.relationships[0].peer_id = person().to_string()),
        Fault::Graphs(|a| {
            let told = &mut a.relationships[0];
            std::mem::swap(&mut told.user_id, &mut told.peer_id);
        }),
    ];
    faults.extend(garbled.map(|fault| (Graph, fault)));
    faults.push((Settings, Fault::Settings(|a| a.policies.clear())));
    faults.push((
        Settings,
        Fault::Settings(|a| a.policies[0].who_can_message = 77),
    ));
    for (owner, fault) in faults {
        fake.breaks(owner, fault);
        undecidable(page(&rpc, ada, 0, "").await);
        // Whoever agreed to nothing needs nobody.
        assert!(page(&rpc, person(), 0, "").await.is_ok());
        fake.heals();
    }
    assert_eq!(states(&rpc, ada).await, settled);
    let token = page(&rpc, ben, -1, "").await;
    fails(token, Code::InvalidArgument, ErrorReason::InvalidFields);
    let token = page(&rpc, ben, 0, "x").await;
    fails(token, Code::InvalidArgument, ErrorReason::InvalidPageToken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_person_is_a_stranger_until_a_later_act() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let ben = accepted(&rpc, &fake, ada).await;
    let inbox = delivered(send(&rpc, ben, ada, "one").await);
    assert_eq!(inbox.placement(), Placement::Inbox);
    revoke(&rpc, ada, to(ben)).await.unwrap();
    let asked = delivered(send(&rpc, ben, ada, "two").await);
    assert_eq!(asked.placement(), Placement::Request);
    accept(&rpc, ada, asked.message.unwrap().conversation_id).await;
    let inbox = delivered(send(&rpc, ben, ada, "three").await);
    assert_eq!(inbox.placement(), Placement::Inbox);
    choose(&fake, ada, WhoCanMessage::Friends);
    delivered(send(&rpc, ada, ben, "hers").await);
    delivered(send(&rpc, ben, ada, "four").await);
    revoke(&rpc, ada, to(ben)).await.unwrap();
    let reason = refused(send(&rpc, ben, ada, "five").await).reason();
    assert_eq!(reason, RefusalReason::MutualFollowRequired);
    // It closes what was agreed to, not what a follow opens.
    fake.befriend(ada, ben);
    delivered(send(&rpc, ben, ada, "five").await);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_back_succeeds_alike_for_everybody_and_needs_nobody() {
    let (world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    let (agreed, gone, blocking) = (
        accepted(&rpc, &fake, ada).await,
        accepted(&rpc, &fake, ada).await,
        accepted(&rpc, &fake, ada).await,
    );
    world.raise(gone, 1, Effect::Gone).await;
    fake.with(|state| state.standings.remove(&gone.to_string()));
    fake.block(blocking, ada);
    world.raise(blocking, 1, Effect::PeerBlocked(ada)).await;
    fake.with(|state| state.handles.insert("agreed".to_owned(), agreed));
    let rows = world.rows().await;
    for handle in ["agreed", "nobody"] {
        revoke(&rpc, ada, named(handle)).await.unwrap();
    }
    for owner in [Graph, Settings, Identity] {
        fake.breaks(owner, Fault::Fails(Status::unavailable("no")));
    }
    for user in [agreed, gone, blocking, person(), agreed] {
        revoke(&rpc, ada, to(user)).await.unwrap();
    }
    for user in [agreed, gone, blocking] {
        let side = world.conversation_of(ada, user).await.side(ada);
        assert_eq!(side.consent, crate::domain::Consent::Revoked);
    }
    assert_eq!(world.rows().await, rows, "nobody is told, nothing is made");
    undecidable(revoke(&rpc, ada, named("agreed")).await);
    world.audit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_back_from_themselves() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Everyone);
    fake.with(|state| state.handles.insert("ada".to_owned(), ada));
    for me in [to(ada), named("ada")] {
        let answer = revoke(&rpc, ada, me).await;
        fails(answer, Code::InvalidArgument, ErrorReason::SelfReference);
    }
    for wrong in [
        Person::UserId(String::new()),
        Person::Handle("@".to_owned()),
    ] {
        let answer = revoke(&rpc, ada, wrong).await;
        fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
    let nobody = by(ada, LONG, RevokeConsentRequest::default());
    let answer = rpc.revoke_consent(nobody).await;
    fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
}
