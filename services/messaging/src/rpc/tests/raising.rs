//! Raise through its door, and what lists then show.

use postern_proto::{
    common::v1::ErrorReason,
    messaging::v1::{
        Conversation, ConversationFolder, ListConversationsRequest, ListMessagesRequest,
        ListMessagesResponse, ListRequestsRequest, ListRequestsResponse, PeerState, RequestTier,
        conversation_service_server::ConversationService as _,
        message_service_server::MessageService as _, request_service_server::RequestService as _,
    },
    policy::v1::{
        Effect, Gone, PolicyOwner, RaiseRequest, RaiseResponse, WhoCanMessage, effect,
        fence_service_server::FenceService as _,
    },
};
use postern_shared::{
    caller::{Caller, Principal, ServiceName},
    id::UserId,
};
use tonic::{Code, Status};

use super::{LONG, Rpc, by, delivered, fails, fake::service, person, send};

pub async fn raise(
    rpc: &Rpc,
    owner: PolicyOwner,
    user: UserId,
    version: u64,
    effect: Option<effect::Effect>,
) -> Result<RaiseResponse, Status> {
    let principal = match owner {
        PolicyOwner::Settings => ServiceName::Settings,
        PolicyOwner::Identity => ServiceName::Identity,
        PolicyOwner::Graph | PolicyOwner::Unspecified => ServiceName::Graph,
    };
    let caller = Caller {
        principal: Principal::Service(principal),
        ..Caller::system(LONG)
    };
    let ask = caller.ask(RaiseRequest {
        owner: owner.into(),
        user_id: user.to_string(),
        version,
        effect: effect.map(|effect| Effect {
            effect: Some(effect),
        }),
    });
    Ok(rpc.raise(ask).await?.into_inner())
}

pub async fn block(rpc: &Rpc, blocker: UserId, blocked: UserId, version: u64) {
    let effect = effect::Effect::PeerBlocked(blocked.to_string());
    let raised = raise(rpc, PolicyOwner::Graph, blocker, version, Some(effect)).await;
    raised.unwrap();
}

pub async fn conversations(rpc: &Rpc, user: UserId, folder: i32) -> Vec<Conversation> {
    let ask = ListConversationsRequest { page: None, folder };
    let listed = rpc.list_conversations(by(user, LONG, ask)).await.unwrap();
    listed.into_inner().conversations
}

pub async fn requests(rpc: &Rpc, user: UserId, tier: RequestTier) -> ListRequestsResponse {
    let tier = tier.into();
    let ask = ListRequestsRequest { page: None, tier };
    let listed = rpc.list_requests(by(user, LONG, ask)).await.unwrap();
    listed.into_inner()
}

pub async fn messages(
    rpc: &Rpc,
    user: UserId,
    conversation_id: &str,
) -> Result<ListMessagesResponse, Status> {
    let conversation_id = conversation_id.to_owned();
    let ask = ListMessagesRequest {
        conversation_id,
        page: None,
    };
    Ok(rpc.list_messages(by(user, LONG, ask)).await?.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raise_that_makes_no_sense_changes_nothing() {
    let (world, rpc, _) = service().await;
    let ada = person();
    let oneself = effect::Effect::PeerBlocked(ada.to_string());
    let back = effect::Effect::PeerUnblocked(ada.to_string());
    let gone = effect::Effect::Gone(Gone {});
    for (owner, version, effect) in [
        (PolicyOwner::Graph, 1, Some(oneself)),
        (PolicyOwner::Graph, 1, Some(back)),
        (PolicyOwner::Graph, 1, Some(gone)),
        (PolicyOwner::Graph, 0, None),
        (PolicyOwner::Unspecified, 1, None),
    ] {
        let answer = raise(&rpc, owner, ada, version, effect).await;
        fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
    let far = raise(&rpc, PolicyOwner::Settings, ada, 1_000_001, None).await;
    fails(far, Code::OutOfRange, ErrorReason::VersionOutOfRange);
    assert_eq!(world.rows().await, [0; 5]);
    raise(&rpc, PolicyOwner::Settings, ada, 1_000_000, None)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_list_shows_what_raises_left() {
    let (_world, rpc, fake) = service().await;
    let ada = fake.person(WhoCanMessage::Friends);
    let ben = fake.person(WhoCanMessage::Everyone);
    let cleo = fake.person(WhoCanMessage::Everyone);
    fake.befriend(ada, ben);
    let sent = delivered(send(&rpc, ada, ben, "1").await).message.unwrap();
    let asked = delivered(send(&rpc, cleo, ben, "1").await).message.unwrap();
    let inbox = conversations(&rpc, ben, 0).await;
    assert_eq!(inbox.len(), 1);
    assert_eq!(inbox[0].peer_state(), PeerState::Present);
    let listed = requests(&rpc, ben, RequestTier::Filtered).await;
    assert_eq!((listed.requests.len(), listed.filtered_count), (1, 1));
    let hidden = requests(&rpc, ben, RequestTier::Hidden).await;
    assert_eq!((hidden.requests.len(), hidden.filtered_count), (0, 1));
    assert_eq!(hidden.hidden_count, 0);

    block(&rpc, ben, ada, 6).await;
    let gone = effect::Effect::Gone(Gone {});
    raise(&rpc, PolicyOwner::Identity, cleo, 8, Some(gone))
        .await
        .unwrap();
    let (all, blocked) = (0, ConversationFolder::Blocked.into());
    assert_eq!(conversations(&rpc, ben, all).await, []);
    let hers = conversations(&rpc, ada, all).await;
    assert_eq!((hers.len(), hers[0].peer_state()), (1, PeerState::Gone));
    let his = conversations(&rpc, ben, blocked).await;
    assert_eq!((his.len(), his[0].peer_state()), (1, PeerState::Present));
    assert_eq!(conversations(&rpc, ada, blocked).await, []);
    for user in [ada, ben] {
        let found = messages(&rpc, user, &sent.conversation_id).await.unwrap();
        assert_eq!(found.messages.len(), 1);
    }
    let listed = requests(&rpc, ben, RequestTier::Filtered).await;
    assert_eq!((listed.requests.len(), listed.filtered_count), (0, 0));
    let read = messages(&rpc, ben, &asked.conversation_id).await.unwrap();
    assert_eq!(
        read.messages.len(),
        1,
        "what is known by its id stays readable"
    );
    let nonsense = ListConversationsRequest {
        page: None,
        folder: 9,
    };
    let nonsense = rpc.list_conversations(by(ben, LONG, nonsense)).await;
    fails(nonsense, Code::InvalidArgument, ErrorReason::InvalidFields);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_and_who_is_gone_look_the_same_in_every_list() {
    let (_world, rpc, fake) = service().await;
    let ben = fake.person(WhoCanMessage::Everyone);
    let mut seen = Vec::new();
    for blocks in [true, false] {
        let ada = fake.person(WhoCanMessage::Everyone);
        fake.befriend(ada, ben);
        delivered(send(&rpc, ben, ada, "1").await);
        if blocks {
            block(&rpc, ada, ben, 6).await;
        } else {
            let gone = effect::Effect::Gone(Gone {});
            raise(&rpc, PolicyOwner::Identity, ada, 8, Some(gone))
                .await
                .unwrap();
        }
        let mut entry = conversations(&rpc, ben, 0).await.remove(0);
        assert_eq!(entry.peer_id, ada.to_string());
        entry.peer_id.clear();
        entry.conversation_id.clear();
        entry.last_message.as_mut().unwrap().conversation_id.clear();
        seen.push(entry);
    }
    assert_eq!(seen[0], seen[1]);
}
