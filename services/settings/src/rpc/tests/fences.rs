//! What is raised before an update is acknowledged, and what is told of it.

use postern_proto::{
    policy::v1::{Enforcement, Lifecycle, PolicyOwner, RaiseRequest, SanctionKind},
    settings::v1::GetEnforcementRequest,
};

use super::{
    fake::{by, service, service_and_messaging},
    *,
};

async fn updated(rpc: &Rpc, user: UserId, settings: Settings, path: &str) -> Enforcement {
    let ask = UpdateSettingsRequest {
        settings: Some(settings),
        update_mask: Some(prost_types::FieldMask {
            paths: vec![path.to_owned()],
        }),
        etag: String::new(),
    };
    let answer = rpc.update_settings(by(user, ask)).await.unwrap();
    answer.into_inner().enforcement()
}

async fn chosen(rpc: &Rpc, user: UserId, who: WhoCanMessage) -> Enforcement {
    let settings = Settings {
        who_can_message: who.into(),
        ..Settings::default()
    };
    updated(rpc, user, settings, "who_can_message").await
}

async fn filters(rpc: &Rpc, user: UserId, spam: bool, offensive: bool, word: &str) -> Enforcement {
    let filters = Filters {
        spam,
        offensive,
        keywords: word.split_whitespace().map(str::to_owned).collect(),
    };
    let settings = Settings {
        filters: Some(filters),
        ..Settings::default()
    };
    updated(rpc, user, settings, "filters").await
}

async fn enforcement(rpc: &Rpc, user: UserId) -> Enforcement {
    let answer = rpc.get_enforcement(by(user, GetEnforcementRequest {}));
    answer.await.unwrap().into_inner().enforcement()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_closes_something_is_raised_before_it_is_acknowledged() {
    use WhoCanMessage::{Everyone, Friends, NoOne};
    let (_database, rpc, identity, messaging) = service_and_messaging().await;
    let user = identity.adult();
    let told = [
        // Versions 1 to 3; the first and the last close something, and doing it again nothing.
        chosen(&rpc, user, NoOne).await,
        chosen(&rpc, user, Everyone).await,
        chosen(&rpc, user, Friends).await,
        chosen(&rpc, user, Friends).await,
        // Versions 4 to 8, of which those from 5 to 7 close something.
        filters(&rpc, user, false, false, "").await,
        filters(&rpc, user, true, false, "").await,
        filters(&rpc, user, true, true, "").await,
        filters(&rpc, user, false, true, "word").await,
        filters(&rpc, user, false, false, "word").await,
        updated(&rpc, user, Settings::default(), "read_receipts").await,
        enforcement(&rpc, user).await,
    ];
    assert_eq!(told, [Enforcement::Enforced; 11]);
    let expected = [1, 3, 5, 6, 7].map(|version| RaiseRequest {
        owner: PolicyOwner::Settings.into(),
        user_id: user.to_string(),
        version,
        effect: None,
    });
    let raised = messaging.with(|raised| raised.requests.clone());
    assert_eq!(raised, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_arrive_is_pending_until_it_has() {
    use WhoCanMessage::{Everyone, NoOne};
    let (_database, rpc, identity, messaging) = service_and_messaging().await;
    let (user, other) = (identity.adult(), identity.adult());
    messaging.with(|raised| raised.is_away = true);
    // It is stored at once; repeating it, or changing something else, does not make it more.
    for who in [NoOne, NoOne, Everyone] {
        let told = chosen(&rpc, user, who).await;
        assert_eq!(told, Enforcement::Pending, "{who:?}");
    }
    assert_eq!(policy(&rpc, user, 2).await.unwrap().version, 2);
    rpc.fences.relay().await;
    assert_eq!(enforcement(&rpc, user).await, Enforcement::Pending);
    assert_eq!(enforcement(&rpc, other).await, Enforcement::Enforced);
    messaging.with(|raised| raised.is_away = false);
    rpc.fences.relay().await;
    assert_eq!(enforcement(&rpc, user).await, Enforcement::Enforced);
    let raised = messaging.with(|raised| raised.requests.clone());
    let versions: Vec<_> = raised.iter().map(|raise| raise.version).collect();
    assert_eq!(versions, [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_changes_nothing() {
    let (_database, rpc, identity) = service().await;
    for (lifecycle, sanction, refuses) in [
        (Lifecycle::Active, None, false),
        (Lifecycle::Active, Some(SanctionKind::SendRestricted), false),
        (Lifecycle::Active, Some(SanctionKind::Suspended), true),
        (Lifecycle::Active, Some(SanctionKind::Banned), true),
        (Lifecycle::Deactivated, None, true),
        (
            Lifecycle::Deactivated,
            Some(SanctionKind::SendRestricted),
            true,
        ),
        (Lifecycle::Erasing, None, true),
        (Lifecycle::Erased, None, true),
    ] {
        let user = identity.adult();
        identity.stands(user, lifecycle, sanction);
        let answer = choose(&rpc, user, WhoCanMessage::NoOne).await;
        if refuses {
            let reason = ErrorReason::AccountRestricted;
            refused(answer, Code::PermissionDenied, reason);
            assert_eq!(get(&rpc, user).await.unwrap().update_time, None);
        } else {
            answer.unwrap();
        }
    }
    for (lifecycle, sanction) in [
        (Lifecycle::Unspecified, None),
        (Lifecycle::Active, Some(SanctionKind::Unspecified)),
    ] {
        let user = identity.adult();
        identity.stands(user, lifecycle, sanction);
        let answer = choose(&rpc, user, WhoCanMessage::NoOne).await;
        let reason = ErrorReason::DependencyUnavailable;
        refused(answer, Code::Unavailable, reason);
    }
}
