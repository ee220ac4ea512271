//! Switching off and on, what a session of somebody who is gone opens, and who sees them.

use std::{sync::Arc, time::Duration};

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    identity::v1::{
        Account, BatchGetAccountsRequest, DeactivateAccountRequest, GetAccountRequest,
        GetJwksRequest, ReactivateAccountRequest, RefreshSessionRequest, UpdateAccountRequest,
        account_service_server::AccountService as _, session_service_server::SessionService as _,
    },
    policy::v1::{Enforcement, Lifecycle},
};
use postern_shared::{
    auth::{Verifier, VerifyingKey},
    caller::{Role, Scope, User},
};
use tonic::{Code, Status};

use super::{
    PASSWORD, Someone, World, anyone, bytes, expect,
    moderation::{BANNED, RESTRICTED, SUSPENDED},
    world,
};

const NOBODY: &str = "9b2d3f6e-0c4e-4a8e-9a43-1f2d3c4b5a69";

impl World {
    pub async fn deactivate(&self, me: &Someone) -> Enforcement {
        let ask = me.asks(DeactivateAccountRequest {});
        let done = self.rpc.deactivate_account(ask).await.unwrap();
        done.into_inner().enforcement()
    }

    pub async fn reactivate(&self, me: &Someone) -> Account {
        let ask = me.asks(ReactivateAccountRequest {});
        let done = self.rpc.reactivate_account(ask).await.unwrap();
        done.into_inner().account.unwrap()
    }

    async fn shown(&self, me: &Someone, person: Person) -> Result<Account, Status> {
        let person = Some(PersonRef {
            person: Some(person),
        });
        let answered = self
            .rpc
            .get_account(me.asks(GetAccountRequest { person }))
            .await;
        answered.map(|shown| shown.into_inner().account.unwrap())
    }

    async fn batch_ids(&self, me: &Someone, ids: &[&str]) -> Vec<String> {
        let user_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let ask = me.asks(BatchGetAccountsRequest { user_ids });
        let shown = self.rpc.batch_get_accounts(ask).await.unwrap();
        let accounts = shown.into_inner().accounts.into_iter();
        accounts.map(|account| account.user_id).collect()
    }

    async fn rename(&self, me: &Someone) -> Result<(), Status> {
        let account = Account {
            display_name: "Another".to_owned(),
            ..Account::default()
        };
        let ask = me.asks(UpdateAccountRequest {
            account: Some(account),
            ..UpdateAccountRequest::default()
        });
        self.rpc.update_account(ask).await.map(|_| ())
    }

    /// Who an access token says that its holder is.
    async fn read(&self, access_token: &str) -> User {
        let listed = self.rpc.get_jwks(anyone(GetJwksRequest {})).await.unwrap();
        let keys = listed.into_inner().keys.into_iter();
        let keys: Vec<_> = keys
            .map(|key| VerifyingKey {
                kid: key.kid,
                x: key.x,
            })
            .collect();
        let source = Arc::new(move || {
            let keys = keys.clone();
            Box::pin(async move { Ok(keys) }) as _
        });
        let verifier = Verifier::new(self.clock.clone(), source);
        verifier.verify(access_token).await.unwrap()
    }

    /// What the token of a new sign-in opens, and its refresh token.
    async fn opened(&self, handle: &str) -> (Scope, String) {
        let tokens = self
            .sign_in(handle, PASSWORD)
            .await
            .unwrap()
            .tokens
            .unwrap();
        (
            self.read(&tokens.access_token).await.scope,
            tokens.refresh_token,
        )
    }

    async fn refreshed(&self, refresh_token: String) -> Result<(User, String), Status> {
        let ask = RefreshSessionRequest { refresh_token };
        let answered = self.rpc.refresh_session(anyone(ask)).await?;
        let tokens = answered.into_inner().tokens.unwrap();
        Ok((self.read(&tokens.access_token).await, tokens.refresh_token))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_off_ends_every_session_and_switching_on_gives_all_back() {
    let world = world().await;
    let zoe = world.someone("zoe").await;
    let (scope, refresh) = world.opened("zoe").await;
    assert_eq!(scope, Scope::Full);
    assert_eq!(world.deactivate(&zoe).await, Enforcement::Enforced);
    let ended = world.refreshed(refresh).await;
    let (code, reason) = (Code::Unauthenticated, ErrorReason::RefreshTokenInvalid);
    expect(ended.map(|_| ()), code, reason);
    let gone = vec![(zoe.id.clone(), 2, "gone")];
    assert_eq!(
        (world.messaging.told(), world.hiding.told()),
        (gone.clone(), gone)
    );
    // Again changes nothing, and ends no session.
    let (scope, refresh) = world.opened("zoe").await;
    assert_eq!(scope, Scope::Restricted);
    assert_eq!(world.deactivate(&zoe).await, Enforcement::Enforced);
    let (holder, refresh) = world.refreshed(refresh).await.unwrap();
    assert_eq!(
        (holder.scope, world.version(&zoe).await),
        (Scope::Restricted, 2)
    );
    assert_eq!(world.mine(&zoe).await.lifecycle(), Lifecycle::Deactivated);

    let account = world.reactivate(&zoe).await;
    assert!(account.user_id == zoe.id && account.own.is_some());
    let back = vec![(zoe.id.clone(), 3, "returned")];
    assert_eq!(
        (world.messaging.told(), world.hiding.told()),
        (back.clone(), back)
    );
    let (holder, _) = world.refreshed(refresh).await.unwrap();
    assert_eq!(holder.scope, Scope::Full);
    world.reactivate(&zoe).await;
    assert_eq!(
        (world.version(&zoe).await, world.messaging.told()),
        (3, vec![])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_and_sanctions_end_each_other_in_nothing() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let (action, _) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    world.deactivate(&zoe).await;
    world.messaging.told();
    world.reactivate(&zoe).await;
    // Switched on, and gone all the same.
    assert_eq!(world.messaging.told(), []);
    let mine = world.mine(&zoe).await;
    assert_eq!(
        (mine.lifecycle(), mine.actions.len()),
        (Lifecycle::Active, 1)
    );
    assert_eq!(world.opened("zoe").await.0, Scope::Restricted);
    world.deactivate(&zoe).await;
    world.messaging.told();
    world.lift(&mod_, &zoe.id, &action.action_id).await.unwrap();
    assert_eq!(world.messaging.told(), []);
    assert_eq!(world.mine(&zoe).await.lifecycle(), Lifecycle::Deactivated);
    world.reactivate(&zoe).await;
    let version = world.version(&zoe).await;
    assert_eq!(
        world.messaging.told(),
        [(zoe.id.clone(), version, "returned")]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sanctions_that_hide_end_sessions_and_narrow_new_ones() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    for (what, ends) in [(RESTRICTED, false), (SUSPENDED, true), (BANNED, true)] {
        let (_, refresh) = world.opened("zoe").await;
        let (action, _) = world.act(&mod_, &zoe, what).await.unwrap();
        assert_eq!(world.refreshed(refresh).await.is_err(), ends, "{what:?}");
        let (scope, refresh) = world.opened("zoe").await;
        let expected = if ends { Scope::Restricted } else { Scope::Full };
        assert_eq!(scope, expected, "{what:?}");
        world.lift(&mod_, &zoe.id, &action.action_id).await.unwrap();
        let (holder, _) = world.refreshed(refresh).await.unwrap();
        assert_eq!(holder.scope, Scope::Full);
    }
    // Time alone opens it again, before anybody has seen to it.
    world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    let (_, refresh) = world.opened("zoe").await;
    world.clock.advance(Duration::from_secs(60 * 60));
    let (holder, _) = world.refreshed(refresh).await.unwrap();
    assert_eq!(holder.scope, Scope::Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_in_the_next_token() {
    let world = world().await;
    let zoe = world.someone("zoe").await;
    let (_, refresh) = world.opened("zoe").await;
    world.give(&zoe, Role::Operator).await;
    world.give(&zoe, Role::Moderator).await;
    let (holder, _) = world.refreshed(refresh).await.unwrap();
    assert_eq!(&*holder.roles, [Role::Moderator, Role::Operator]);
    let tokens = world
        .sign_in("zoe", PASSWORD)
        .await
        .unwrap()
        .tokens
        .unwrap();
    let holder = world.read(&tokens.access_token).await;
    assert_eq!(&*holder.roles, [Role::Moderator, Role::Operator]);
    assert_eq!(world.mine(&zoe).await.roles, ["moderator", "operator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_gone_looks_as_if_they_had_never_been() {
    let world = world().await;
    let (mod_, me) = (world.moderator("mod").await, world.someone("me").await);
    let gone = [
        world.someone("off").await,
        world.someone("suspended").await,
        world.someone("banned").await,
    ];
    let (restricted, blocking) = (
        world.someone("restricted").await,
        world.someone("blocking").await,
    );
    world.deactivate(&gone[0]).await;
    world.act(&mod_, &gone[1], SUSPENDED).await.unwrap();
    world.act(&mod_, &gone[2], BANNED).await.unwrap();
    world.act(&mod_, &restricted, RESTRICTED).await.unwrap();
    world.graph.block(&blocking.id, &me.id);
    let mut answers = Vec::new();
    let handles = ["off", "suspended", "banned", "blocking", "nobody"];
    let ids = gone.iter().chain([&blocking]).map(|one| one.id.clone());
    let ids: Vec<_> = ids.chain([NOBODY.to_owned()]).collect();
    let by_handle = handles.map(|handle| Person::Handle(handle.to_owned()));
    let by_id = ids.iter().cloned().map(Person::UserId);
    for person in by_handle.into_iter().chain(by_id) {
        let answered = world.shown(&me, person).await;
        let status = expect(answered, Code::NotFound, ErrorReason::AccountNotFound);
        answers.push(bytes(&status));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    let asked: Vec<_> = ids
        .iter()
        .chain([&restricted.id])
        .map(String::as_str)
        .collect();
    let seen = world.batch_ids(&me, &asked).await;
    assert!(seen.len() == 1 && seen[0] == restricted.id);
    world
        .shown(&me, Person::UserId(restricted.id))
        .await
        .unwrap();
    // To themselves they are there.
    for own in &gone {
        let shown = world
            .shown(own, Person::UserId(own.id.clone()))
            .await
            .unwrap();
        assert!(shown.own.is_some());
        let seen = world.batch_ids(own, &[&own.id]).await;
        assert!(seen.len() == 1 && seen[0] == own.id);
    }
    world.clock.advance(Duration::from_secs(60 * 60));
    let back = world
        .shown(&me, Person::Handle("suspended".to_owned()))
        .await;
    assert_eq!(back.unwrap().user_id, gone[1].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_gone_changes_nothing_with_an_old_token() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let (code, reason) = (Code::PermissionDenied, ErrorReason::AccountRestricted);
    for what in [SUSPENDED, BANNED] {
        world.act(&mod_, &zoe, what).await.unwrap();
        expect(world.rename(&zoe).await, code, reason);
        world.lift_all(&mod_, &zoe).await;
    }
    world.deactivate(&zoe).await;
    expect(world.rename(&zoe).await, code, reason);
    world.reactivate(&zoe).await;
    world.act(&mod_, &zoe, RESTRICTED).await.unwrap();
    world.rename(&zoe).await.unwrap();
}
