//! CreateSession, RefreshSession, ListSessions, RevokeSession, GetJwks.

use std::{sync::Arc, time::Duration};

use postern_proto::{
    common::v1::{ErrorReason, PageRequest},
    identity::v1::{
        CreateSessionRequest, GetJwksRequest, ListSessionsRequest, ListSessionsResponse,
        RefreshSessionRequest, RevokeSessionRequest, Tokens,
        session_service_server::SessionService as _,
    },
};
use postern_shared::auth::{Verifier, VerifyingKey};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{
    FAILED_MAX, PASSWORD, START, Someone, World, anyone, bytes, expect, expect_fields, world,
};
use crate::{
    domain::{PasswordHash, RefreshToken, Session},
    hashing::tests::outdated,
};

impl World {
    async fn refresh(&self, token: &str) -> Result<Tokens, Status> {
        let ask = RefreshSessionRequest {
            refresh_token: token.to_owned(),
        };
        let answered = self.rpc.refresh_session(anyone(ask)).await;
        answered.map(|answer| answer.into_inner().tokens.unwrap())
    }

    async fn list(
        &self,
        me: &Someone,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListSessionsResponse, Status> {
        let page = PageRequest {
            page_size,
            page_token: page_token.to_owned(),
        };
        let ask = ListSessionsRequest { page: Some(page) };
        let answered = self.rpc.list_sessions(me.asks(ask)).await;
        answered.map(tonic::Response::into_inner)
    }

    async fn revoke(&self, me: &Someone, session_id: &str) -> Result<(), Status> {
        let ask = RevokeSessionRequest {
            session_id: session_id.to_owned(),
        };
        self.rpc.revoke_session(me.asks(ask)).await.map(|_| ())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_gets_tokens_that_others_can_verify() {
    let world = world().await;
    let account = world.create("zoe").await;
    let opened = world.sign_in("zoe", PASSWORD).await.unwrap();
    let (session, tokens) = (opened.session.unwrap(), opened.tokens.unwrap());
    assert!(opened.user_id == account.user_id && session.current);
    assert_eq!(session.device_name, "Phone");
    let listed = world
        .rpc
        .get_jwks(anyone(GetJwksRequest {}))
        .await
        .unwrap()
        .into_inner()
        .keys;
    assert_eq!(listed.len(), 1);
    let key = &listed[0];
    let fixed = (&*key.kty, &*key.crv, &*key.alg, &*key.r#use);
    assert_eq!(fixed, ("OKP", "Ed25519", "EdDSA", "sig"));
    let key = VerifyingKey {
        kid: key.kid.clone(),
        x: key.x.clone(),
    };
    let source = Arc::new(move || {
        let key = key.clone();
        Box::pin(async move { Ok(vec![key]) }) as _
    });
    let verifier = Verifier::new(world.clock.clone(), source);
    let user = verifier.verify(&tokens.access_token).await.unwrap();
    assert_eq!(
        (user.id.to_string(), user.session.to_string()),
        (account.user_id, session.session_id)
    );
    let start = START.unix_seconds();
    assert_eq!(
        tokens.access_token_expire_time.unwrap().seconds,
        start + 600
    );
    let days_60 = 60 * 24 * 60 * 60;
    assert_eq!(
        tokens.refresh_token_expire_time.unwrap().seconds,
        start + days_60
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_handle_and_a_wrong_password_answer_alike() {
    let world = world().await;
    world.create("zoe").await;
    let mut answers = Vec::new();
    for (handle, password) in [
        ("zoe", "plum-tractor-98"),
        ("zoe", "x"),
        ("nobody", PASSWORD),
        ("nobody", "x"),
        ("Zoe", PASSWORD),
        ("z", PASSWORD),
        (".zoe", PASSWORD),
        ("zoë", PASSWORD),
    ] {
        let answered = world.sign_in(handle, password).await;
        let reason = ErrorReason::CredentialsInvalid;
        answers.push(bytes(&expect(answered, Code::Unauthenticated, reason)));
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_too_long_is_told_before_any_work() {
    let world = world().await;
    let sign_in = |handle: &str, password: &str, device_name: &str| {
        let ask = CreateSessionRequest {
            handle: handle.to_owned(),
            password: password.to_owned(),
            device_name: device_name.to_owned(),
        };
        world.rpc.create_session(anyone(ask))
    };
    expect_fields(
        sign_in("", "", "\u{202e}").await,
        &["handle", "password", "device_name"],
    );
    let (long_handle, long_password) = ("a".repeat(25), "a".repeat(129));
    let answered = sign_in(&long_handle, &long_password, &"a".repeat(65)).await;
    expect_fields(answered, &["handle", "password", "device_name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_lock_a_handle_for_the_hour_whether_it_exists_or_not() {
    let world = world().await;
    world.create("zoe").await;
    for handle in ["zoe", "nobody", ".not.a.handle"] {
        for _ in 0..FAILED_MAX {
            let answered = world.sign_in(handle, "plum-tractor-98").await;
            expect(
                answered,
                Code::Unauthenticated,
                ErrorReason::CredentialsInvalid,
            );
        }
    }
    let mut answers = Vec::new();
    for handle in ["zoe", "nobody", ".not.a.handle"] {
        let answered = world.sign_in(handle, PASSWORD).await;
        let status = expect(answered, Code::ResourceExhausted, ErrorReason::RateLimited);
        let after = status.get_details_retry_info().unwrap().retry_delay;
        assert_eq!(after, Some(Duration::from_secs(60 * 60)));
        answers.push(bytes(&status));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    world.clock.advance(Duration::from_secs(60 * 60));
    world.sign_in("zoe", PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_is_not_limited() {
    let world = world().await;
    world.create("zoe").await;
    for _ in 0..=FAILED_MAX {
        world.sign_in("zoe", PASSWORD).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_hash_is_replaced_at_sign_in() {
    let world = world().await;
    let account = world.create("zoe").await;
    let handle = crate::domain::Handle::parse("zoe").unwrap();
    let stored = || async {
        world
            .rpc
            .store
            .credentials(&handle)
            .await
            .unwrap()
            .unwrap()
            .1
    };
    let (present, old) = (stored().await, outdated(PASSWORD));
    let user = account.user_id.parse().unwrap();
    replace_hash(&world, user, &present, &old).await;
    assert_eq!(stored().await, old);
    world.sign_in("zoe", PASSWORD).await.unwrap();
    assert!(stored().await.as_str().contains("m=19456,t=2,p=1"));
    world.sign_in("zoe", PASSWORD).await.unwrap();
}

async fn replace_hash(
    world: &World,
    user: postern_shared::id::UserId,
    old: &PasswordHash,
    new: &PasswordHash,
) {
    let random = &world.rpc.random;
    let session = Session {
        user,
        id: postern_shared::id::SessionId::new(START, random),
        device_name: String::new(),
        created_at: START,
        refreshed_at: START,
        expires_at: START,
    };
    let token = RefreshToken::new(random.bytes());
    world
        .rpc
        .store
        .open_session(&session, &token, Some((old, new)))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_rotates_repeats_and_gives_itself_away() {
    let world = world().await;
    world.create("zoe").await;
    let first = world
        .sign_in("zoe", PASSWORD)
        .await
        .unwrap()
        .tokens
        .unwrap();
    world.clock.advance(Duration::from_secs(100));
    let second = world.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.access_token, first.access_token);
    world.clock.advance(Duration::from_secs(10));
    let again = world.refresh(&first.refresh_token).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(
        again.refresh_token_expire_time,
        second.refresh_token_expire_time
    );
    world.clock.advance(Duration::from_millis(1));
    let (code, reason) = (Code::Unauthenticated, ErrorReason::RefreshTokenInvalid);
    let reused = expect(world.refresh(&first.refresh_token).await, code, reason);
    let revoked = expect(world.refresh(&second.refresh_token).await, code, reason);
    let unknown = expect(world.refresh(&"A".repeat(43)).await, code, reason);
    assert_eq!(bytes(&reused), bytes(&revoked));
    assert_eq!(bytes(&reused), bytes(&unknown));
    for junk in ["", "x", &"A".repeat(10_000)] {
        expect(world.refresh(junk).await, code, reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_in_pages_and_ended_by_their_owner() {
    let world = world().await;
    let (zoe, max) = (world.someone("zoe").await, world.someone("max").await);
    let mut opened = vec![zoe.session.clone()];
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(1));
        let session = world
            .sign_in("zoe", PASSWORD)
            .await
            .unwrap()
            .session
            .unwrap();
        opened.insert(0, session.session_id);
    }
    let first = world.list(&zoe, 2, "").await.unwrap();
    let token = first.page.unwrap().next_page_token;
    let second = world.list(&zoe, 2, &token).await.unwrap();
    assert_eq!(second.page.unwrap().next_page_token, "");
    let listed: Vec<_> = first.sessions.iter().chain(&second.sessions).collect();
    let ids: Vec<_> = listed
        .iter()
        .map(|session| session.session_id.clone())
        .collect();
    assert_eq!(ids, opened);
    let current: Vec<_> = listed.iter().map(|session| session.current).collect();
    assert_eq!(current, [false, false, true]);
    let foreign = world.list(&max, 2, &token).await;
    expect(
        foreign,
        Code::InvalidArgument,
        ErrorReason::InvalidPageToken,
    );
    expect_fields(world.list(&zoe, -1, "").await, &["page.page_size"]);

    let not_found = (Code::NotFound, ErrorReason::SessionNotFound);
    let stranger = world.revoke(&max, &opened[0]).await;
    expect(stranger, not_found.0, not_found.1);
    let unknown = world
        .revoke(&zoe, "018f4e2a-7c1b-7d3e-9a4f-2b6c8d0e1f35")
        .await;
    expect(unknown, not_found.0, not_found.1);
    expect_fields(world.revoke(&zoe, "x").await, &["session_id"]);
    for _ in 0..2 {
        world.revoke(&zoe, &opened[0]).await.unwrap();
    }
    assert_eq!(world.list(&zoe, 0, "").await.unwrap().sessions.len(), 2);
}
