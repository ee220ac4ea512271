//! Tests of the RPCs against a fake identity: defaults, age, etags, unknown people, and that
//! nothing is guessed when identity does not answer.

mod changes;
mod effective;
mod fake;
mod fences;

use std::time::Duration;

use postern_proto::{
    common::v1::ErrorReason,
    policy::v1::{AccountKind, AgeBand, WhoCanMessage},
    settings::v1::{
        BatchGetDmPoliciesRequest, DmPolicy, Filters, GetDmPolicyRequest, GetSettingsRequest,
        Settings, UpdateSettingsRequest, dm_policy_service_server::DmPolicyService as _,
        settings_service_server::SettingsService as _,
    },
};
use postern_shared::{error::reason_of, id::UserId, random::Random};
use tonic::{Code, Status};

use super::Rpc;
use fake::{by, by_messaging, service};

async fn get(rpc: &Rpc, user: UserId) -> Result<Settings, Status> {
    let answer = rpc.get_settings(by(user, GetSettingsRequest {})).await?;
    Ok(answer.into_inner().settings.unwrap())
}

async fn update(
    rpc: &Rpc,
    user: UserId,
    settings: Settings,
    paths: &[&str],
    etag: &str,
) -> Result<Settings, Status> {
    let ask = UpdateSettingsRequest {
        settings: Some(settings),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
        }),
        etag: etag.to_owned(),
    };
    let answer = rpc.update_settings(by(user, ask)).await?;
    Ok(answer.into_inner().settings.unwrap())
}

async fn choose(rpc: &Rpc, user: UserId, who: WhoCanMessage) -> Result<Settings, Status> {
    let settings = Settings {
        who_can_message: who.into(),
        ..Settings::default()
    };
    update(rpc, user, settings, &["who_can_message"], "").await
}

async fn policy(rpc: &Rpc, user: UserId, min_version: u64) -> Result<DmPolicy, Status> {
    let ask = GetDmPolicyRequest {
        user_id: user.to_string(),
        min_version,
    };
    let answer = rpc.get_dm_policy(by_messaging(ask)).await?;
    Ok(answer.into_inner().policy.unwrap())
}

async fn policies(rpc: &Rpc, users: &[UserId]) -> Result<Vec<DmPolicy>, Status> {
    let ask = BatchGetDmPoliciesRequest {
        user_ids: users.iter().map(UserId::to_string).collect(),
    };
    let answer = rpc.batch_get_dm_policies(by_messaging(ask)).await?;
    Ok(answer.into_inner().policies)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: ErrorReason) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason_of(&status)), (code, Some(reason)));
}

#[tokio::test(flavor = "multi_thread")]
async fn defaults_come_from_the_band_at_creation_and_birthdays_widen_nothing() {
    let (_database, rpc, identity) = service().await;
    for (then, kind, expected) in [
        (
            AgeBand::Adult,
            AccountKind::Personal,
            WhoCanMessage::Friends,
        ),
        (
            AgeBand::Adult,
            AccountKind::Business,
            WhoCanMessage::Everyone,
        ),
        (
            AgeBand::AgeBand16To17,
            AccountKind::Personal,
            WhoCanMessage::NoOne,
        ),
        (
            AgeBand::Under16,
            AccountKind::Personal,
            WhoCanMessage::NoOne,
        ),
    ] {
        let user = identity.person(then, AgeBand::Adult, kind);
        let settings = get(&rpc, user).await.unwrap();
        assert_eq!(settings.who_can_message(), expected);
        assert!(settings.read_receipts && settings.update_time.is_none());
        assert!(!settings.etag.is_empty());
        let policy = policy(&rpc, user, 0).await.unwrap();
        assert_eq!(policy.who_can_message(), expected);
        assert_eq!((policy.version, policy.left_everyone_version), (0, 0));
        assert!(policy.filter_spam && policy.filter_offensive);
    }
    // One call a person: what never changes is asked for once.
    assert_eq!(identity.with(|state| state.calls.clone()), [1, 1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_shows_at_once_everywhere_with_its_version() {
    let (_database, rpc, identity) = service().await;
    let user = identity.person(AgeBand::Adult, AgeBand::Adult, AccountKind::Business);
    let before = get(&rpc, user).await.unwrap();
    let after = choose(&rpc, user, WhoCanMessage::Friends).await.unwrap();
    assert_ne!(after.etag, before.etag);
    assert_eq!(after.update_time.unwrap().seconds, 1);
    assert_eq!(get(&rpc, user).await.unwrap(), after);
    let seen = policy(&rpc, user, 1).await.unwrap();
    assert_eq!(seen.who_can_message(), WhoCanMessage::Friends);
    assert_eq!((seen.version, seen.left_everyone_version), (1, 1));
    let again = choose(&rpc, user, WhoCanMessage::Friends).await.unwrap();
    assert_eq!(again, after);
    refused(
        policy(&rpc, user, 2).await,
        Code::Aborted,
        ErrorReason::Contention,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_etag_guards_what_was_read() {
    let (_database, rpc, identity) = service().await;
    let user = identity.adult();
    let read = get(&rpc, user).await.unwrap();
    let off = Settings::default();
    let mask = ["read_receipts"];
    let after = update(&rpc, user, off.clone(), &mask, &read.etag)
        .await
        .unwrap();
    assert!(!after.read_receipts);
    for stale in [read.etag.as_str(), "nonsense"] {
        let answer = update(&rpc, user, off.clone(), &mask, stale).await;
        refused(answer, Code::Aborted, ErrorReason::EtagMismatch);
    }
    assert_eq!(get(&rpc, user).await.unwrap(), after);
}

#[tokio::test(flavor = "multi_thread")]
async fn age_is_that_of_today_and_asked_afresh() {
    use AgeBand::{Adult, AgeBand16To17, Under16};
    let (_database, rpc, identity) = service().await;
    let user = identity.person(Under16, Under16, AccountKind::Personal);
    let not_allowed = |answer: Result<Settings, Status>| {
        let reason = ErrorReason::SettingNotAllowedForAge;
        refused(answer, Code::FailedPrecondition, reason);
    };
    let today = |band: AgeBand| {
        identity.with(|state| {
            let person = state.people.get_mut(&user.to_string()).unwrap();
            person.age_band = band.into();
        });
    };
    not_allowed(choose(&rpc, user, WhoCanMessage::Friends).await);
    choose(&rpc, user, WhoCanMessage::NoOne).await.unwrap();
    today(AgeBand16To17);
    not_allowed(choose(&rpc, user, WhoCanMessage::Everyone).await);
    let filters_off = Settings {
        filters: Some(Filters::default()),
        ..Settings::default()
    };
    not_allowed(update(&rpc, user, filters_off.clone(), &["filters"], "").await);
    let seen = choose(&rpc, user, WhoCanMessage::Friends).await.unwrap();
    today(Adult);
    assert_eq!(get(&rpc, user).await.unwrap(), seen);
    choose(&rpc, user, WhoCanMessage::Everyone).await.unwrap();
    let last = update(&rpc, user, filters_off, &["filters"], "")
        .await
        .unwrap();
    assert!(!last.filters.unwrap().spam);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_people_have_no_settings_and_are_not_remembered_as_unknown() {
    let (_database, rpc, identity) = service().await;
    let nobody = UserId::random(&Random::system());
    let reason = ErrorReason::AccountNotFound;
    refused(get(&rpc, nobody).await, Code::NotFound, reason);
    refused(
        choose(&rpc, nobody, WhoCanMessage::NoOne).await,
        Code::NotFound,
        reason,
    );
    refused(policy(&rpc, nobody, 0).await, Code::NotFound, reason);
    refused(policy(&rpc, nobody, 5).await, Code::NotFound, reason);
    assert_eq!(policies(&rpc, &[nobody]).await.unwrap(), []);
    let known = identity.adult();
    identity.with(|state| {
        let mut standing = state.people[&known.to_string()].clone();
        standing.user_id = nobody.to_string();
        state.people.insert(nobody.to_string(), standing);
    });
    assert_eq!(policies(&rpc, &[nobody]).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_identity_nothing_is_guessed_and_what_is_stored_still_counts() {
    let unavailable = ErrorReason::DependencyUnavailable;
    for status in [
        Status::unavailable("down"),
        Status::deadline_exceeded("slow"),
        // Not identity's own word, so not the answer that there is nobody.
        Status::not_found("no route"),
        Status::internal("broken"),
    ] {
        // A new one each time: a peer that fails often enough is not asked at all for a while.
        let (_database, rpc, identity) = service().await;
        let (stored, remembered, fresh) = (identity.adult(), identity.adult(), identity.adult());
        choose(&rpc, stored, WhoCanMessage::NoOne).await.unwrap();
        get(&rpc, remembered).await.unwrap();
        identity.with(|state| state.fails = Some(status));
        refused(get(&rpc, fresh).await, Code::Unavailable, unavailable);
        refused(policy(&rpc, fresh, 0).await, Code::Unavailable, unavailable);
        let mixed = policies(&rpc, &[stored, fresh]).await;
        refused(mixed, Code::Unavailable, unavailable);
        for user in [stored, fresh] {
            let answer = choose(&rpc, user, WhoCanMessage::Friends).await;
            refused(answer, Code::Unavailable, unavailable);
        }
        let known = policies(&rpc, &[remembered, stored]).await.unwrap();
        assert_eq!(known[1].who_can_message(), WhoCanMessage::NoOne);
        // Nor was any failure remembered.
        identity.with(|state| state.fails = None);
        get(&rpc, fresh).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_understood_is_no_answer() {
    let (_database, rpc, identity) = service().await;
    let user = identity.person(AgeBand::Unspecified, AgeBand::Adult, AccountKind::Personal);
    let reason = ErrorReason::DependencyUnavailable;
    refused(get(&rpc, user).await, Code::Unavailable, reason);
    let other = identity.person(AgeBand::Adult, AgeBand::Adult, AccountKind::Unspecified);
    refused(policy(&rpc, other, 0).await, Code::Unavailable, reason);
    let unaged = identity.person(AgeBand::Adult, AgeBand::Unspecified, AccountKind::Personal);
    let answer = choose(&rpc, unaged, WhoCanMessage::NoOne).await;
    refused(answer, Code::Unavailable, reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_keeps_the_order_names_each_once_and_asks_once() {
    let (_database, rpc, identity) = service().await;
    let users: Vec<_> = (0..5).map(|_| identity.adult()).collect();
    choose(&rpc, users[1], WhoCanMessage::NoOne).await.unwrap();
    get(&rpc, users[4]).await.unwrap();
    identity.with(|state| state.calls.clear());
    let nobody = UserId::random(&Random::system());
    let asked = [users[3], users[1], nobody, users[0], users[3], users[4]];
    let found = policies(&rpc, &asked).await.unwrap();
    let found: Vec<_> = found.iter().map(|policy| policy.user_id.clone()).collect();
    let expected = [users[3], users[1], users[0], users[4]].map(|user| user.to_string());
    assert_eq!(found, expected);
    // Those with a row and those whose origin is known are not asked for.
    assert_eq!(identity.with(|state| state.calls.clone()), [3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_birth_date_reaches_the_defaults_within_a_minute() {
    let (_database, rpc, identity) = service().await;
    let user = identity.adult();
    let who = async || policies(&rpc, &[user]).await.unwrap()[0].who_can_message();
    assert_eq!(who().await, WhoCanMessage::Friends);
    identity.with(|state| {
        let standing = state.people.get_mut(&user.to_string()).unwrap();
        standing.age_band = AgeBand::AgeBand16To17.into();
        standing.age_band_at_creation = AgeBand::AgeBand16To17.into();
    });
    rpc.clock.advance(Duration::from_secs(59));
    assert_eq!(who().await, WhoCanMessage::Friends);
    rpc.clock.advance(Duration::from_secs(1));
    assert_eq!(who().await, WhoCanMessage::NoOne);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_their_number_are_checked() {
    let (_database, rpc, _identity) = service().await;
    let invalid = |answer: Result<Vec<DmPolicy>, Status>| {
        refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
    };
    invalid(policies(&rpc, &[]).await);
    let random = Random::system();
    let many: Vec<_> = (0..101).map(|_| UserId::random(&random)).collect();
    invalid(policies(&rpc, &many).await);
    assert_eq!(policies(&rpc, &many[1..]).await.unwrap(), []);
    let ask = GetDmPolicyRequest {
        user_id: "Nobody".to_owned(),
        min_version: 0,
    };
    let answer = rpc.get_dm_policy(by_messaging(ask)).await;
    refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
}
