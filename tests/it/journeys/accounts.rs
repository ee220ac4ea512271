//! Accounts: who may have one, who sees it, and what may be changed of it.

use postern_proto::{
    common::v1::{ErrorReason, PersonRef},
    identity::v1::{
        Account, BatchGetAccountsRequest, CreateAccountRequest, GetAccountRequest,
        OwnAccountDetails, UpdateAccountRequest,
    },
    policy::v1::{AccountKind, AgeBand},
};
use postern_shared::{id::UserId, random::Random};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::contract::errors::only_reason;
use crate::suite::{PASSWORD, Person, START, Suite, all_of, assert_fails, by_handle, by_id, mask};

fn registration(handle: &str, birth: &str, kind: AccountKind) -> CreateAccountRequest {
    CreateAccountRequest {
        handle: handle.to_owned(),
        display_name: "  Ada Zoe\u{308}  ".to_owned(),
        password: PASSWORD.to_owned(),
        birth_date: birth.to_owned(),
        kind: kind.into(),
    }
}

async fn create(suite: &Suite, request: CreateAccountRequest) -> Result<Account, Status> {
    let created = suite.accounts().create_account(request).await?;
    Ok(created.into_inner().account.unwrap())
}

async fn get(person: &Person, named: Option<PersonRef>) -> Result<Account, Status> {
    let ask = person.ask(GetAccountRequest { person: named });
    let answer = accounts(person).get_account(ask).await?;
    Ok(answer.into_inner().account.unwrap())
}

async fn update(person: &Person, request: UpdateAccountRequest) -> Result<Account, Status> {
    let answer = accounts(person).update_account(person.ask(request)).await?;
    Ok(answer.into_inner().account.unwrap())
}

type Accounts = postern_proto::identity::v1::account_service_client::AccountServiceClient<
    tonic::transport::Channel,
>;

fn accounts(person: &Person) -> Accounts {
    Accounts::new(person.channel.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_shown_whole_to_its_owner_alone() {
    let suite = Suite::start().await;
    let request = registration("ada.l", "1990-05-17", AccountKind::Unspecified);
    let created = create(&suite, request).await.unwrap();
    let own = created.own.clone().unwrap();
    let expected = Account {
        user_id: created.user_id.clone(),
        handle: "ada.l".to_owned(),
        display_name: "Ada Zo\u{eb}".to_owned(),
        kind: AccountKind::Personal.into(),
        own: Some(OwnAccountDetails {
            birth_date: "1990-05-17".to_owned(),
            age_band: AgeBand::Adult.into(),
            create_time: Some(START.to_proto()),
            etag: own.etag.clone(),
        }),
    };
    assert_eq!(created, expected);
    assert!(!own.etag.is_empty());

    let (ada, ben) = (suite.someone(&created), suite.person("ben").await);
    for named in [None, ada.reference(), by_handle("ada.l")] {
        assert_eq!(get(&ada, named).await.unwrap(), expected);
    }
    let to_others = Account {
        own: None,
        ..expected
    };
    for named in [ada.reference(), by_handle("ada.l")] {
        assert_eq!(get(&ben, named).await.unwrap(), to_others);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_belongs_to_one_account() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let again = registration("ada", "1971-01-01", AccountKind::Business);
    let taken = create(&suite, again.clone()).await;
    assert_fails(taken, Code::AlreadyExists, ErrorReason::HandleTaken);
    // Of two at once for one handle one gets it.
    let once_hashed = async || {
        loop {
            let mut request = again.clone();
            request.handle = "ben".to_owned();
            match create(&suite, request).await {
                // The machine hashes for somebody else: the contract says to try again.
                Err(status) if only_reason(&status) == ErrorReason::Overloaded => {}
                answer => return answer,
            }
        }
    };
    let answers = tokio::join!(once_hashed(), once_hashed());
    let (made, refused) = match answers {
        (Ok(made), refused) | (refused, Ok(made)) => (made, refused),
        other => panic!("{other:?}"),
    };
    assert_fails(refused, Code::AlreadyExists, ErrorReason::HandleTaken);
    assert_eq!(
        get(&ada, by_handle("ben")).await.unwrap().user_id,
        made.user_id
    );
    assert_eq!(get(&ada, None).await.unwrap().display_name, "Name of ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn ages_are_those_of_the_day() {
    let suite = Suite::start().await;
    // The suite's day is 2026-11-23.
    let (personal, business) = (AccountKind::Personal, AccountKind::Business);
    for (handle, birth, kind, band) in [
        ("thirteen", "2013-11-23", personal, AgeBand::Under16),
        ("fifteen", "2010-11-24", personal, AgeBand::Under16),
        ("sixteen", "2010-11-23", personal, AgeBand::AgeBand16To17),
        ("seventeen", "2008-11-24", personal, AgeBand::AgeBand16To17),
        ("eighteen", "2008-11-23", business, AgeBand::Adult),
        ("old", "1900-01-01", personal, AgeBand::Adult),
    ] {
        let created = create(&suite, registration(handle, birth, kind))
            .await
            .unwrap();
        assert_eq!(created.own.unwrap().age_band(), band, "{handle}");
    }
    let refused = [
        ("2013-11-24", personal, ErrorReason::AgeNotEligible),
        ("2026-11-23", personal, ErrorReason::AgeNotEligible),
        ("2013-11-24", business, ErrorReason::AgeNotEligible),
        ("2008-11-24", business, ErrorReason::BusinessRequiresAdult),
    ];
    for (birth, kind, reason) in refused {
        let answer = create(&suite, registration("young", birth, kind)).await;
        assert_fails(answer, Code::FailedPrecondition, reason);
    }
    for birth in [
        "",
        "2026-11-24",
        "1899-12-31",
        "1990-02-30",
        "1990-2-3",
        "17.05.1990",
        "1990-05-17 ",
        "+990-05-17",
        "１990-05-17",
        "1990-05-17T00:00:00Z",
        "0000-00-00",
    ] {
        let answer = create(&suite, registration("young", birth, personal)).await;
        let status = assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "birth_date", "{birth}");
    }
    // Nothing of what was refused was stored.
    create(&suite, registration("young", "1990-05-17", personal))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_me_does_not_exist_to_the_last_byte() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let unknown = UserId::random(&Random::system()).to_string();
    ada.block(&ben).await;
    let not_there = |answer| {
        let status = assert_fails(answer, Code::NotFound, ErrorReason::AccountNotFound);
        all_of(&status)
    };
    let by_unknown_id = not_there(get(&ben, by_id(&unknown)).await);
    assert_eq!(not_there(get(&ben, ada.reference()).await), by_unknown_id);
    assert_eq!(not_there(get(&ben, by_handle("ada")).await), by_unknown_id);
    assert_eq!(
        not_there(get(&ben, by_handle("nobody")).await),
        by_unknown_id
    );
    // The other way round nothing is hidden.
    assert_eq!(get(&ada, ben.reference()).await.unwrap().handle, "ben");
    ada.unblock(&ben).await;
    assert_eq!(get(&ben, ada.reference()).await.unwrap().handle, "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_leaves_out_who_is_not_there() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let cleo = suite.person("cleo").await;
    ada.block(&ben).await;
    let unknown = UserId::random(&Random::system());
    let ids = [cleo.id, unknown, ada.id, ben.id, cleo.id].map(|id| id.to_string());
    let ask = ben.ask(BatchGetAccountsRequest {
        user_ids: ids.into(),
    });
    let shown = accounts(&ben)
        .batch_get_accounts(ask)
        .await
        .unwrap()
        .into_inner();
    let shown: Vec<_> = shown
        .accounts
        .into_iter()
        .map(|account| (account.handle, account.own.is_some()))
        .collect();
    let expected = [("cleo", false), ("ben", true)];
    assert_eq!(
        shown,
        expected.map(|(handle, own)| (handle.to_owned(), own))
    );
}

fn named(name: &str, paths: &[&str], etag: &str) -> UpdateAccountRequest {
    UpdateAccountRequest {
        account: Some(Account {
            display_name: name.to_owned(),
            ..Account::default()
        }),
        update_mask: (!paths.is_empty()).then(|| mask(paths)),
        etag: etag.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_can_be_changed_and_nothing_else() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let first = get(&ada, None).await.unwrap();
    for (number, paths) in [&[][..], &["display_name"], &["*"]].into_iter().enumerate() {
        let name = format!("Ada {number}");
        let changed = update(&ada, named(&name, paths, "")).await.unwrap();
        assert_eq!(changed, get(&ada, None).await.unwrap());
        assert_eq!(get(&ben, ada.reference()).await.unwrap().display_name, name);
    }
    // What was read may be sent back, with another name in it.
    let mut echoed = get(&ada, None).await.unwrap();
    echoed.display_name = "Ada L".to_owned();
    let request = UpdateAccountRequest {
        account: Some(echoed.clone()),
        ..UpdateAccountRequest::default()
    };
    update(&ada, request).await.unwrap();
    let wrong = |account: Account, paths: &[&str]| UpdateAccountRequest {
        account: Some(account),
        update_mask: (!paths.is_empty()).then(|| mask(paths)),
        etag: String::new(),
    };
    let other = |change: fn(&mut Account)| {
        let mut account = echoed.clone();
        change(&mut account);
        wrong(account, &[])
    };
    let born = |account: &mut Account| {
        account.own.as_mut().unwrap().birth_date = "1980-01-01".to_owned();
    };
    for request in [
        other(|account| account.handle = "other".to_owned()),
        other(|account| account.user_id = "018f4e2a-7c1b-4d3e-9a4f-2b6c8d0e1f35".to_owned()),
        other(|account| account.kind = AccountKind::Business.into()),
        other(born),
        wrong(echoed.clone(), &["handle"]),
        wrong(echoed.clone(), &["own.birth_date"]),
        wrong(echoed.clone(), &["display_name", "nothing"]),
        wrong(Account::default(), &[]),
        wrong(Account::default(), &["display_name"]),
        UpdateAccountRequest::default(),
    ] {
        let answer = update(&ada, request).await;
        assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
    let last = get(&ada, None).await.unwrap();
    let same = Account {
        display_name: first.display_name.clone(),
        own: first.own.clone(),
        ..last.clone()
    };
    assert_eq!((last.display_name.as_str(), same), ("Ada L", first));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_is_good_for_what_was_read() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let etag = |account: &Account| account.own.as_ref().unwrap().etag.clone();
    let read = etag(&get(&ada, None).await.unwrap());
    let changed = update(&ada, named("One", &[], &read)).await.unwrap();
    assert_ne!(etag(&changed), read);
    let bens = etag(&get(&ben, None).await.unwrap());
    for old in [read.as_str(), bens.as_str(), "x"] {
        let answer = update(&ada, named("Two", &[], old)).await;
        assert_fails(answer, Code::Aborted, ErrorReason::EtagMismatch);
    }
    assert_eq!(get(&ada, None).await.unwrap(), changed);
    update(&ada, named("Two", &[], &etag(&changed)))
        .await
        .unwrap();
}
