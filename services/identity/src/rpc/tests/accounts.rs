//! CreateAccount, GetAccount, BatchGetAccounts, UpdateAccount.

use std::sync::atomic::Ordering;

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref},
    identity::v1::{
        Account, BatchGetAccountsRequest, CreateAccountRequest, GetAccountRequest,
        OwnAccountDetails, UpdateAccountRequest, account_service_server::AccountService as _,
    },
    policy::v1::{AccountKind, AgeBand},
};
use postern_shared::{id::UserId, random::Random};
use prost_types::FieldMask;
use tonic::{Code, Status};

use super::{Someone, World, anyone, bytes, expect, expect_fields, registration, world};

const NOBODY: &str = "9b2d3f6e-0c4e-4a8e-9a43-1f2d3c4b5a69";

fn by_id(id: &str) -> Option<PersonRef> {
    let person = Some(person_ref::Person::UserId(id.to_owned()));
    Some(PersonRef { person })
}

fn by_handle(handle: &str) -> Option<PersonRef> {
    let person = Some(person_ref::Person::Handle(handle.to_owned()));
    Some(PersonRef { person })
}

impl World {
    async fn get(&self, me: &Someone, person: Option<PersonRef>) -> Result<Account, Status> {
        let answered = self
            .rpc
            .get_account(me.asks(GetAccountRequest { person }))
            .await;
        answered.map(|shown| shown.into_inner().account.unwrap())
    }

    async fn batch(&self, me: &Someone, ids: &[&str]) -> Result<Vec<Account>, Status> {
        let user_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        let ask = BatchGetAccountsRequest { user_ids };
        let answered = self.rpc.batch_get_accounts(me.asks(ask)).await;
        answered.map(|shown| shown.into_inner().accounts)
    }

    async fn update(
        &self,
        me: &Someone,
        account: Account,
        paths: &[&str],
        etag: &str,
    ) -> Result<Account, Status> {
        let paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
        let ask = UpdateAccountRequest {
            account: Some(account),
            update_mask: (!paths.is_empty()).then_some(FieldMask { paths }),
            etag: etag.to_owned(),
        };
        let answered = self.rpc.update_account(me.asks(ask)).await;
        answered.map(|shown| shown.into_inner().account.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_shown_to_its_owner() {
    let world = world().await;
    let account = world.create("zoe").await;
    assert_eq!(
        (account.handle.as_str(), account.kind()),
        ("zoe", AccountKind::Personal)
    );
    let own = account.own.clone().unwrap();
    assert_eq!(
        (own.birth_date.as_str(), own.age_band()),
        ("1990-02-03", AgeBand::Adult)
    );
    assert_eq!(own.create_time.unwrap().seconds, 1_795_392_000);
    let version = account
        .user_id
        .parse::<UserId>()
        .unwrap()
        .uuid()
        .get_version_num();
    assert_eq!(version, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_have_an_account_and_why() {
    let world = world().await;
    world.create("taken").await;
    let create = |change: fn(&mut CreateAccountRequest)| {
        let mut ask = registration("zoe");
        change(&mut ask);
        world.rpc.create_account(anyone(ask))
    };
    let everything = create(|ask| {
        *ask = CreateAccountRequest {
            handle: "Zoe".to_owned(),
            display_name: "\u{202e}".to_owned(),
            password: "short".to_owned(),
            birth_date: "1899-01-01".to_owned(),
            kind: 99,
        }
    });
    let fields = ["handle", "display_name", "password", "birth_date", "kind"];
    expect_fields(everything.await, &fields);
    let taken = create(|ask| ask.handle = "taken".to_owned()).await;
    expect(taken, Code::AlreadyExists, ErrorReason::HandleTaken);
    let young = create(|ask| ask.birth_date = "2013-11-24".to_owned()).await;
    expect(young, Code::FailedPrecondition, ErrorReason::AgeNotEligible);
    let business = create(|ask| {
        ask.birth_date = "2009-01-01".to_owned();
        ask.kind = AccountKind::Business.into();
    });
    let reason = ErrorReason::BusinessRequiresAdult;
    expect(business.await, Code::FailedPrecondition, reason);
    // None of them left anything behind.
    world.create("zoe").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_oneself_whole_and_others_in_part() {
    let world = world().await;
    let (zoe, max) = (world.someone("zoe").await, world.someone("max").await);
    for own in [None, by_id(&zoe.id), by_handle("zoe")] {
        let shown = world.get(&zoe, own).await.unwrap();
        assert!(shown.user_id == zoe.id && shown.own.is_some());
    }
    // Nobody need be asked for that.
    assert_eq!(world.graph.asked.load(Ordering::SeqCst), 0);
    for other in [by_id(&max.id), by_handle("max")] {
        let shown = world.get(&zoe, other).await.unwrap();
        assert!(shown.user_id == max.id && shown.own.is_none());
    }
    world.graph.block(&zoe.id, &max.id);
    world.get(&zoe, by_id(&max.id)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_me_looks_as_if_there_were_nobody() {
    let world = world().await;
    let (zoe, max) = (world.someone("zoe").await, world.someone("max").await);
    world.graph.block(&max.id, &zoe.id);
    let mut answers = Vec::new();
    for person in [
        by_id(&max.id),
        by_handle("max"),
        by_id(NOBODY),
        by_handle("nobody"),
    ] {
        let before = world.graph.asked.load(Ordering::SeqCst);
        let answered = world.get(&zoe, person).await;
        let status = expect(answered, Code::NotFound, ErrorReason::AccountNotFound);
        answers.push((
            bytes(&status),
            world.graph.asked.load(Ordering::SeqCst) - before,
        ));
    }
    assert!(
        answers.windows(2).all(|pair| pair[0] == pair[1]),
        "{answers:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_graph_nobody_is_shown() {
    let world = world().await;
    let (zoe, max) = (world.someone("zoe").await, world.someone("max").await);
    let (code, reason) = (Code::Unavailable, ErrorReason::DependencyUnavailable);
    for broken in [&world.graph.down, &world.graph.confused] {
        broken.store(true, Ordering::SeqCst);
        for person in [by_id(&max.id), by_id(NOBODY), by_handle("nobody")] {
            expect(world.get(&zoe, person).await, code, reason);
        }
        expect(world.batch(&zoe, &[&zoe.id, &max.id]).await, code, reason);
        world.get(&zoe, None).await.unwrap();
        assert_eq!(world.batch(&zoe, &[&zoe.id]).await.unwrap().len(), 1);
        broken.store(false, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_to_be_named() {
    let world = world().await;
    let zoe = world.someone("zoe").await;
    let unnamed = Some(PersonRef { person: None });
    expect_fields(world.get(&zoe, unnamed).await, &["person"]);
    expect_fields(world.get(&zoe, by_id("ZOE")).await, &["person.user_id"]);
    expect_fields(world.get(&zoe, by_handle("Zoe")).await, &["person.handle"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_keeps_its_order_and_leaves_out_whom_one_cannot_see() {
    let world = world().await;
    let (zoe, max) = (world.someone("zoe").await, world.someone("max").await);
    let (ada, bob) = (world.create("ada").await, world.create("bob").await);
    world.graph.block(&bob.user_id, &zoe.id);
    let asked = [
        &*max.id,
        NOBODY,
        &*bob.user_id,
        &*zoe.id,
        &*ada.user_id,
        &*max.id,
    ];
    let shown = world.batch(&zoe, &asked).await.unwrap();
    let ids: Vec<_> = shown
        .iter()
        .map(|account| account.user_id.as_str())
        .collect();
    assert_eq!(ids, [&*max.id, &*zoe.id, &*ada.user_id]);
    let own: Vec<_> = shown.iter().map(|account| account.own.is_some()).collect();
    assert_eq!(own, [false, true, false]);
    expect_fields(world.batch(&zoe, &[]).await, &["user_ids"]);
    expect_fields(
        world.batch(&zoe, &["x", NOBODY, "Y"]).await,
        &["user_ids[0]", "user_ids[2]"],
    );
    let random = Random::system();
    let many: Vec<_> = (0..101)
        .map(|_| UserId::random(&random).to_string())
        .collect();
    let mut many: Vec<_> = many.iter().map(String::as_str).collect();
    expect_fields(world.batch(&zoe, &many).await, &["user_ids"]);
    many.pop();
    assert_eq!(world.batch(&zoe, &many).await.unwrap().len(), 0);
}

fn named(display_name: &str) -> Account {
    Account {
        display_name: display_name.to_owned(),
        ..Account::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_display_name_changes_by_any_right_mask() {
    let world = world().await;
    let zoe = world.someone("zoe").await;
    for (name, mask) in [("A", &["display_name"][..]), ("B", &["*"]), ("C", &[])] {
        let changed = world.update(&zoe, named(name), mask, "").await.unwrap();
        assert_eq!(changed.display_name, name);
        assert_eq!(world.get(&zoe, None).await.unwrap(), changed);
    }
    // With a mask the rest is not looked at; without one it has to be as it was read.
    let mut whole = world.get(&zoe, None).await.unwrap();
    whole.display_name = "D".to_owned();
    world.update(&zoe, whole.clone(), &[], "").await.unwrap();
    whole.handle = "max".to_owned();
    whole.kind = AccountKind::Business.into();
    whole.own = Some(OwnAccountDetails {
        birth_date: "1980-01-01".to_owned(),
        ..OwnAccountDetails::default()
    });
    let fixed = ["account.handle", "account.own.birth_date", "account.kind"];
    expect_fields(world.update(&zoe, whole.clone(), &[], "").await, &fixed);
    let changed = world.update(&zoe, whole, &["*"], "").await.unwrap();
    assert_eq!(
        (changed.handle.as_str(), changed.kind()),
        ("zoe", AccountKind::Personal)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_masks_and_values_are_refused() {
    let world = world().await;
    let zoe = world.someone("zoe").await;
    let update = |account, mask| world.update(&zoe, account, mask, "");
    for path in [
        "handle",
        "kind",
        "own.birth_date",
        "own",
        "user_id",
        "display",
        "",
    ] {
        let answered = world.update(&zoe, named("A"), &[path], "").await;
        expect_fields(answered, &["update_mask"]);
    }
    let status = update(named("A"), &["handle"]).await.unwrap_err();
    assert!(String::from_utf8_lossy(status.details()).contains("cannot be changed"));
    expect_fields(
        update(named(""), &["display_name"]).await,
        &["account.display_name"],
    );
    expect_fields(
        update(named("a\u{202e}"), &[]).await,
        &["account.display_name"],
    );
    expect_fields(update(named(""), &[]).await, &["account"]);
    let nothing = zoe.asks(UpdateAccountRequest::default());
    expect_fields(world.rpc.update_account(nothing).await, &["account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_works_until_the_next_change() {
    let world = world().await;
    let zoe = world.someone("zoe").await;
    let etag = world.get(&zoe, None).await.unwrap().own.unwrap().etag;
    let changed = world.update(&zoe, named("A"), &[], &etag).await.unwrap();
    assert_ne!(changed.own.unwrap().etag, etag);
    expect(
        world.update(&zoe, named("B"), &[], &etag).await,
        Code::Aborted,
        ErrorReason::EtagMismatch,
    );
    expect(
        world.update(&zoe, named("B"), &[], "junk").await,
        Code::Aborted,
        ErrorReason::EtagMismatch,
    );
}
