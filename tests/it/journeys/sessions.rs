//! Signing in and staying signed in. Each of these costs a password hash, so they are few.

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PageRequest},
    identity::v1::{
        CreateSessionRequest, CreateSessionResponse, GetJwksRequest, ListSessionsRequest,
        RefreshSessionRequest, RevokeSessionRequest, Session, Tokens,
        session_service_client::SessionServiceClient,
    },
};
use tonic::{Code, Status};

use crate::suite::{PASSWORD, Person, Suite, all_of, assert_fails};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn sign_in(
    suite: &Suite,
    handle: &str,
    password: &str,
    device: &str,
) -> Result<CreateSessionResponse, Status> {
    let request = CreateSessionRequest {
        handle: handle.to_owned(),
        password: password.to_owned(),
        device_name: device.to_owned(),
    };
    Ok(suite.sessions().create_session(request).await?.into_inner())
}

/// Ada, signed in with her password.
async fn ada(suite: &Suite) -> (Person, Session, Tokens) {
    let ada = suite.person("ada").await;
    let opened = sign_in(suite, "ada", PASSWORD, "phone").await.unwrap();
    assert_eq!(opened.user_id, ada.id.to_string());
    let tokens = opened.tokens.unwrap();
    let ada = with(&ada, &tokens);
    (ada, opened.session.unwrap(), tokens)
}

/// A person who uses these tokens.
fn with(person: &Person, tokens: &Tokens) -> Person {
    Person {
        token: tokens.access_token.clone(),
        ..person.clone()
    }
}

async fn refresh(suite: &Suite, token: &str) -> Result<Tokens, Status> {
    let request = RefreshSessionRequest {
        refresh_token: token.to_owned(),
    };
    let answer = suite.sessions().refresh_session(request).await?;
    Ok(answer.into_inner().tokens.unwrap())
}

async fn list(suite: &Suite, person: &Person, size: i32, token: &str) -> (Vec<Session>, String) {
    let page = Some(PageRequest {
        page_size: size,
        page_token: token.to_owned(),
    });
    let ask = person.ask(ListSessionsRequest { page });
    let answer = suite
        .sessions()
        .list_sessions(ask)
        .await
        .unwrap()
        .into_inner();
    (answer.sessions, answer.page.unwrap().next_page_token)
}

async fn revoke(suite: &Suite, person: &Person, session: &Session) -> Result<(), Status> {
    let ask = person.ask(RevokeSessionRequest {
        session_id: session.session_id.clone(),
    });
    suite.sessions().revoke_session(ask).await.map(|_| ())
}

fn is_refused(answer: Result<Tokens, Status>) -> bool {
    assert_fails(
        answer,
        Code::Unauthenticated,
        ErrorReason::RefreshTokenInvalid,
    );
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_handle_answer_alike() {
    let suite = Suite::start().await;
    suite.person("ada").await;
    let refused = async |handle: &str, password: &str| {
        let answer = sign_in(&suite, handle, password, "").await;
        let reason = ErrorReason::CredentialsInvalid;
        all_of(&assert_fails(answer, Code::Unauthenticated, reason))
    };
    let wrong = refused("ada", "another door entirely").await;
    assert_eq!(refused("nobody", PASSWORD).await, wrong);
    // No handle at all, though it may have been typed.
    assert_eq!(refused("Ada", PASSWORD).await, wrong);
    assert_eq!(refused("ada ", PASSWORD).await, wrong);
    assert_eq!(refused("ada", &PASSWORD.to_uppercase()).await, wrong);
    assert_eq!(refused("ada", "x").await, wrong);
    sign_in(&suite, "ada", PASSWORD, "").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_work_and_their_keys_are_public() {
    let suite = Suite::start().await;
    let (ada, session, tokens) = ada(&suite).await;
    let now = suite.clock.now();
    let minutes = |count: u64| Some(now.plus(Duration::from_secs(60 * count)).to_proto());
    assert_eq!(tokens.access_token_expire_time, minutes(10));
    assert_eq!(tokens.refresh_token_expire_time, minutes(60 * 24 * 60));
    let expected = Session {
        session_id: session.session_id.clone(),
        device_name: "phone".to_owned(),
        create_time: Some(now.to_proto()),
        refresh_time: Some(now.to_proto()),
        expire_time: tokens.refresh_token_expire_time,
        current: true,
    };
    assert_eq!(session, expected);
    assert_eq!(list(&suite, &ada, 0, "").await.0, [expected]);
    // The other services ask for them on the internal port.
    for channel in [&suite.channel, &suite.internal] {
        let mut sessions = SessionServiceClient::new(channel.clone());
        let answer = sessions.get_jwks(GetJwksRequest {}).await.unwrap();
        let keys = answer.into_inner().keys;
        assert_eq!(keys.len(), 1);
        let key = &keys[0];
        let fixed = [&key.kty, &key.crv, &key.alg, &key.r#use];
        assert_eq!(fixed, ["OKP", "Ed25519", "EdDSA", "sig"]);
        assert_eq!((key.kid.len(), key.x.len()), (16, 43));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_works_once_and_its_copy_ends_the_session() {
    let suite = Suite::start().await;
    let (ada, session, first) = ada(&suite).await;
    suite.pass(Duration::from_secs(60));
    let second = refresh(&suite, &first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    let ada = with(&ada, &second);
    let (sessions, _) = list(&suite, &ada, 0, "").await;
    assert_eq!(sessions[0].create_time, session.create_time);
    assert_eq!(sessions[0].refresh_time, Some(suite.clock.now().to_proto()));
    // A lost answer signs nobody out: the same successor comes again for ten seconds.
    suite.pass(Duration::from_secs(10));
    let again = refresh(&suite, &first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    let third = refresh(&suite, &second.refresh_token).await.unwrap();
    let fourth = refresh(&suite, &third.refresh_token).await.unwrap();

    suite.pass(Duration::from_millis(10_001));
    assert!(is_refused(refresh(&suite, &third.refresh_token).await));
    assert!(is_refused(refresh(&suite, &fourth.refresh_token).await));
    assert!(list(&suite, &ada, 0, "").await.0.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn once_its_successor_is_used_a_copy_ends_the_session_at_once() {
    let suite = Suite::start().await;
    let (_, _, first) = ada(&suite).await;
    let second = refresh(&suite, &first.refresh_token).await.unwrap();
    let third = refresh(&suite, &second.refresh_token).await.unwrap();
    assert!(is_refused(refresh(&suite, &first.refresh_token).await));
    assert!(is_refused(refresh(&suite, &third.refresh_token).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_that_are_none_or_too_old_are_refused() {
    let suite = Suite::start().await;
    let (_, _, tokens) = ada(&suite).await;
    let good = &tokens.refresh_token;
    let refused = async |token: &str| {
        let answer = refresh(&suite, token).await;
        let reason = ErrorReason::RefreshTokenInvalid;
        all_of(&assert_fails(answer, Code::Unauthenticated, reason))
    };
    let unknown = refused(&"A".repeat(43)).await;
    for token in [
        "",
        "x",
        "' OR 1=1 --",
        "é",
        &good[1..],
        &format!("{good}="),
        &format!("{good}A"),
        &tokens.access_token,
        &"A".repeat(60_000),
    ] {
        assert_eq!(refused(token).await, unknown);
    }
    // Each use gives sixty days more.
    suite.pass(59 * DAY);
    let second = refresh(&suite, good).await.unwrap();
    suite.pass(59 * DAY);
    let third = refresh(&suite, &second.refresh_token).await.unwrap();
    suite.pass(60 * DAY);
    assert_eq!(refused(&third.refresh_token).await, unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_by_pages_and_ended_one_by_one() {
    let suite = Suite::start().await;
    let (ada, phone, tokens) = ada(&suite).await;
    let ben = suite.person("ben").await;
    let mut opened = vec![phone];
    for device in ["tablet", ""] {
        suite.pass(Duration::from_secs(1));
        let session = sign_in(&suite, "ada", PASSWORD, device)
            .await
            .unwrap()
            .session;
        opened.insert(0, session.unwrap());
    }
    let (mut listed, mut next) = (Vec::new(), String::new());
    for _ in 0..3 {
        let (sessions, token) = list(&suite, &ada, 1, &next).await;
        listed.extend(sessions);
        next = token;
    }
    assert_eq!(next, "");
    let names: Vec<_> = listed
        .iter()
        .map(|session| session.device_name.as_str())
        .collect();
    assert_eq!(names, ["", "tablet", "phone"]);
    let current: Vec<_> = listed.iter().map(|session| session.current).collect();
    assert_eq!(current, [false, false, true]);
    assert_eq!(list(&suite, &ada, 0, "").await.0, listed);
    assert!(list(&suite, &ben, 0, "").await.0.is_empty());

    let answer = revoke(&suite, &ben, &opened[2]).await;
    assert_fails(answer, Code::NotFound, ErrorReason::SessionNotFound);
    revoke(&suite, &ada, &opened[1]).await.unwrap();
    revoke(&suite, &ada, &opened[1]).await.unwrap();
    assert_eq!(list(&suite, &ada, 0, "").await.0.len(), 2);
    revoke(&suite, &ada, &opened[2]).await.unwrap();
    assert!(is_refused(refresh(&suite, &tokens.refresh_token).await));
    // The access token is good for what is left of its ten minutes.
    assert_eq!(list(&suite, &ada, 0, "").await.0.len(), 1);
}
