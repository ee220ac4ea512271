//! What goes well: every RPC answered, by people whose every word is a canary.

use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{
        BatchGetRelationshipsRequest, GetCountsRequest, GetMyRelationshipRequest,
        GetRelationshipRequest, ListBlockedRequest, ListFollowersRequest, ListFollowingRequest,
        ListFriendsRequest, RemoveFollowerRequest,
        relationship_service_client::RelationshipServiceClient,
    },
    identity::v1::{
        Account, BatchGetAccountsRequest, BatchGetStandingRequest, CreateSessionRequest,
        GetAccountRequest, GetJwksRequest, GetStandingRequest, ListSessionsRequest,
        RefreshSessionRequest, RevokeSessionRequest, UpdateAccountRequest,
        standing_facts_service_client::StandingFactsServiceClient,
    },
    messaging::v1::{
        AcceptRequestRequest, Content, DeclineRequestRequest, Link, SendMessageRequest,
        SharedVideo, content,
    },
    policy::v1::WhoCanMessage,
    settings::v1::{
        BatchGetDmPoliciesRequest, Filters, GetDmPolicyRequest, GetSettingsRequest, Settings,
        UpdateSettingsRequest, dm_policy_service_client::DmPolicyServiceClient,
    },
};
use tonic::Code;

use super::{PASSWORD, World, account, sign_in};
use crate::suite::{Person, assert_fails, by_handle, delivered, mask};

/// Plays it; whom it hands back is still signed in.
pub async fn play(world: &mut World) -> Person {
    let mut people = Vec::new();
    for handle in ["canary.ada", "canary.ben", "canary.cleo", "canary.dora"] {
        people.push(world.person(handle).await);
    }
    let [ada, ben, cleo, dora] = people.try_into().ok().unwrap();
    accounts(world, &ada, &ben).await;
    sessions(world, &ben).await;
    edges(&ada, &ben, &cleo).await;
    settings(&ada).await;
    messages(&ada, &ben, &cleo, &dora).await;
    services(world, &ada, &ben).await;
    ada
}

async fn accounts(world: &World, ada: &Person, ben: &Person) {
    let taken = world.accounts().create_account(account(&ada.handle)).await;
    assert_fails(taken, Code::AlreadyExists, ErrorReason::HandleTaken);
    let ask = ada.ask(GetAccountRequest {
        person: by_handle(&ben.handle),
    });
    world.accounts().get_account(ask).await.unwrap();
    let ask = ada.ask(BatchGetAccountsRequest {
        user_ids: vec![ben.id.to_string()],
    });
    world.accounts().batch_get_accounts(ask).await.unwrap();
    let ask = ada.ask(UpdateAccountRequest {
        account: Some(Account {
            display_name: "Another Canary".to_owned(),
            ..Account::default()
        }),
        update_mask: Some(mask(&["display_name"])),
        etag: String::new(),
    });
    world.accounts().update_account(ask).await.unwrap();
}

async fn sessions(world: &mut World, ben: &Person) {
    world.sessions().get_jwks(GetJwksRequest {}).await.unwrap();
    for (handle, password) in [
        (&*ben.handle, "canary at the wrong door"),
        ("canary.nobody", PASSWORD),
    ] {
        let ask = CreateSessionRequest {
            password: password.to_owned(),
            ..sign_in(handle)
        };
        let wrong = world.sessions().create_session(ask).await;
        assert_eq!(wrong.unwrap_err().code(), Code::Unauthenticated);
    }
    let (again, created) = world.sign_in(&ben.handle).await;
    let refresh = RefreshSessionRequest {
        refresh_token: created.tokens.unwrap().refresh_token,
    };
    let mut refresh_token = refresh.refresh_token.clone();
    for _ in 0..2 {
        let ask = RefreshSessionRequest { refresh_token };
        let tokens = world.sessions().refresh_session(ask).await.unwrap();
        let tokens = tokens.into_inner().tokens.unwrap();
        world.keep(&tokens.access_token);
        world.keep(&tokens.refresh_token);
        refresh_token = tokens.refresh_token;
    }
    // Stolen, as it seems: it was used two refreshes ago.
    let reused = world.sessions().refresh_session(refresh).await;
    assert_eq!(reused.unwrap_err().code(), Code::Unauthenticated);
    let ask = again.ask(ListSessionsRequest::default());
    world.sessions().list_sessions(ask).await.unwrap();
    let (_, last) = world.sign_in(&ben.handle).await;
    let ask = ben.ask(RevokeSessionRequest {
        session_id: last.session.unwrap().session_id,
    });
    world.sessions().revoke_session(ask).await.unwrap();
}

async fn edges(ada: &Person, ben: &Person, cleo: &Person) {
    let (mut graph, person) = (ada.graph(), || by_handle(&cleo.handle));
    cleo.follow(ada).await;
    let ask = ada.ask(RemoveFollowerRequest { person: person() });
    graph.remove_follower(ask).await.unwrap();
    cleo.follow(ada).await;
    cleo.unfollow(ada).await;
    ada.block(cleo).await;
    let ask = ada.ask(ListBlockedRequest::default());
    graph.list_blocked(ask).await.unwrap();
    ada.unblock(cleo).await;
    ada.befriend(ben).await;
    let ask = ada.ask(ListFollowersRequest::default());
    graph.list_followers(ask).await.unwrap();
    let ask = ada.ask(ListFollowingRequest::default());
    graph.list_following(ask).await.unwrap();
    let ask = ada.ask(ListFriendsRequest::default());
    graph.list_friends(ask).await.unwrap();
    let ask = ada.ask(GetMyRelationshipRequest { person: person() });
    graph.get_my_relationship(ask).await.unwrap();
    let ask = ada.ask(GetCountsRequest {});
    graph.get_counts(ask).await.unwrap();
}

async fn settings(ada: &Person) {
    let settings = Settings {
        filters: Some(Filters {
            keywords: vec!["canary seed".to_owned()],
            ..Filters::default()
        }),
        ..Settings::default()
    };
    let ask = ada.ask(UpdateSettingsRequest {
        settings: Some(settings),
        update_mask: Some(mask(&["filters.keywords"])),
        etag: String::new(),
    });
    ada.settings().update_settings(ask).await.unwrap();
    let ask = ada.ask(GetSettingsRequest {});
    ada.settings().get_settings(ask).await.unwrap();
    ada.let_write(WhoCanMessage::Everyone).await;
}

async fn messages(ada: &Person, ben: &Person, cleo: &Person, dora: &Person) {
    let contents = [
        content::Content::Text("canary in the text".to_owned()),
        content::Content::SharedVideo(SharedVideo {
            video_id: "canary-video".to_owned(),
        }),
        content::Content::Link(Link {
            url: "https://example.org/canary".to_owned(),
        }),
    ];
    for (n, content) in contents.into_iter().enumerate() {
        let ask = ben.ask(SendMessageRequest {
            recipient: by_handle(&ada.handle),
            client_message_id: format!("canary-{n}"),
            content: Some(Content {
                content: Some(content),
            }),
        });
        delivered(ben.messages().send_message(ask).await.unwrap().into_inner());
    }
    let other = ben.send_as(ada, "canary-0", "another canary").await;
    assert_eq!(other.unwrap_err().code(), Code::AlreadyExists);
    let conversations = ada.inbox().await;
    assert_eq!(ada.read(&conversations[0]).await.unwrap().len(), 3);
    for stranger in [cleo, dora] {
        delivered(stranger.send(ada, "canary from afar").await);
    }
    let [first, second] = ada.filtered().await.try_into().unwrap();
    let ask = ada.ask(AcceptRequestRequest {
        conversation_id: first.conversation_id,
    });
    ada.requests().accept_request(ask).await.unwrap();
    let ask = ada.ask(DeclineRequestRequest {
        conversation_id: second.conversation_id,
        block: false,
    });
    ada.requests().decline_request(ask).await.unwrap();
}

async fn services(world: &World, ada: &Person, ben: &Person) {
    let both = || vec![ada.id.to_string(), ben.id.to_string()];
    let mut standing = StandingFactsServiceClient::new(world.internal.clone());
    let ask = world.as_messaging(GetStandingRequest {
        person: by_handle(&ada.handle),
        min_version: 0,
    });
    standing.get_standing(ask).await.unwrap();
    let ask = world.as_messaging(BatchGetStandingRequest { user_ids: both() });
    standing.batch_get_standing(ask).await.unwrap();
    let mut graph = RelationshipServiceClient::new(world.internal.clone());
    let ask = world.as_messaging(GetRelationshipRequest {
        user_id: ada.id.to_string(),
        peer_id: ben.id.to_string(),
        ..GetRelationshipRequest::default()
    });
    graph.get_relationship(ask).await.unwrap();
    let ask = world.as_messaging(BatchGetRelationshipsRequest {
        user_id: ada.id.to_string(),
        peer_ids: vec![ben.id.to_string()],
    });
    graph.batch_get_relationships(ask).await.unwrap();
    let mut policies = DmPolicyServiceClient::new(world.internal.clone());
    let ask = world.as_messaging(GetDmPolicyRequest {
        user_id: ada.id.to_string(),
        min_version: 0,
    });
    policies.get_dm_policy(ask).await.unwrap();
    let ask = world.as_messaging(BatchGetDmPoliciesRequest { user_ids: both() });
    policies.batch_get_dm_policies(ask).await.unwrap();
}
