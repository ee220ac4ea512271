//! What is in effect for a person, and why, as they read it.

use postern_proto::{
    policy::v1::{Lifecycle, SanctionKind},
    settings::v1::{GetEffectivePolicyRequest, GetEffectivePolicyResponse, PolicyCause},
};

use super::{
    fake::{by, service},
    *,
};

async fn effective(rpc: &Rpc, user: UserId) -> Result<GetEffectivePolicyResponse, Status> {
    let ask = by(user, GetEffectivePolicyRequest {});
    Ok(rpc.get_effective_policy(ask).await?.into_inner())
}

/// The answer in one line: each value, and why.
async fn line(rpc: &Rpc, user: UserId) -> String {
    let found = effective(rpc, user).await.unwrap();
    let cause = |cause: PolicyCause| cause.as_str_name().replace("POLICY_CAUSE_", "");
    let name = |who: WhoCanMessage| who.as_str_name().replace("WHO_CAN_MESSAGE_", "");
    let who = found.who_can_message.unwrap();
    let mut parts = vec![format!("{} {}", name(who.value()), cause(who.cause()))];
    for (what, switch) in [
        ("send", found.may_send),
        ("spam", found.filter_spam),
        ("offensive", found.filter_offensive),
        ("receipts", found.read_receipts),
    ] {
        let switch = switch.unwrap();
        let value = if switch.value { "on" } else { "off" };
        parts.push(format!("{what} {value} {}", cause(switch.cause())));
    }
    parts.push(format!("widest {}", name(found.widest_who_can_message())));
    parts.join(", ")
}

fn filters_off() -> Settings {
    Settings {
        filters: Some(Filters::default()),
        ..Settings::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_value_is_told_with_its_cause() {
    let (_database, rpc, identity) = service().await;
    let user = identity.adult();
    assert_eq!(
        line(&rpc, user).await,
        "FRIENDS DEFAULT, send on DEFAULT, spam on DEFAULT, offensive on DEFAULT, \
         receipts on DEFAULT, widest EVERYONE"
    );
    choose(&rpc, user, WhoCanMessage::Everyone).await.unwrap();
    let mask = ["filters.spam", "read_receipts"];
    update(&rpc, user, filters_off(), &mask, "").await.unwrap();
    let chosen = "EVERYONE CHOSEN, send on CHOSEN, spam off CHOSEN, offensive on DEFAULT, \
                  receipts off CHOSEN, widest EVERYONE";
    assert_eq!(line(&rpc, user).await, chosen);
    identity.stands(user, Lifecycle::Active, Some(SanctionKind::SendRestricted));
    assert_eq!(
        line(&rpc, user).await,
        chosen.replace("send on CHOSEN", "send off ACTION")
    );
    for kind in [SanctionKind::Suspended, SanctionKind::Banned] {
        // An action is named before the own choice to leave, which would end sooner.
        for lifecycle in [Lifecycle::Active, Lifecycle::Deactivated] {
            identity.stands(user, lifecycle, Some(kind));
            assert_eq!(
                line(&rpc, user).await,
                "NO_ONE ACTION, send off ACTION, spam off CHOSEN, offensive on DEFAULT, \
                 receipts off ACTION, widest EVERYONE"
            );
        }
    }
    identity.stands(user, Lifecycle::Deactivated, None);
    assert_eq!(
        line(&rpc, user).await,
        "NO_ONE DEACTIVATED, send off DEACTIVATED, spam off CHOSEN, offensive on DEFAULT, \
         receipts off DEACTIVATED, widest EVERYONE"
    );
    identity.stands(user, Lifecycle::Active, None);
    choose(&rpc, user, WhoCanMessage::NoOne).await.unwrap();
    let closed = line(&rpc, user).await;
    assert!(
        closed.starts_with("NO_ONE CHOSEN, send off CHOSEN"),
        "{closed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn age_holds_whatever_was_chosen_and_a_birthday_widens_nothing() {
    use AgeBand::{Adult, AgeBand16To17, Under16};
    let (_database, rpc, identity) = service().await;
    let today = |user: UserId, band: AgeBand| {
        identity.with(|state| {
            let person = state.people.get_mut(&user.to_string()).unwrap();
            person.age_band = band.into();
        });
    };
    let young = identity.person(AgeBand16To17, AgeBand16To17, AccountKind::Personal);
    assert_eq!(
        line(&rpc, young).await,
        "NO_ONE DEFAULT, send off DEFAULT, spam on AGE, offensive on AGE, receipts off DEFAULT, \
         widest FRIENDS"
    );
    today(young, Adult);
    assert_eq!(
        line(&rpc, young).await,
        "NO_ONE DEFAULT, send off DEFAULT, spam on DEFAULT, offensive on DEFAULT, \
         receipts off DEFAULT, widest EVERYONE"
    );
    // A birth date that was corrected: what was chosen stays, and is held.
    let user = identity.adult();
    choose(&rpc, user, WhoCanMessage::Everyone).await.unwrap();
    let mask = ["filters"];
    update(&rpc, user, filters_off(), &mask, "").await.unwrap();
    today(user, AgeBand16To17);
    assert_eq!(
        line(&rpc, user).await,
        "FRIENDS AGE, send on CHOSEN, spam on AGE, offensive on AGE, receipts on DEFAULT, \
         widest FRIENDS"
    );
    today(user, Under16);
    assert_eq!(
        line(&rpc, user).await,
        "NO_ONE AGE, send off AGE, spam on AGE, offensive on AGE, receipts off AGE, widest NO_ONE"
    );
    let stored = policy(&rpc, user, 2).await.unwrap();
    assert_eq!(stored.who_can_message(), WhoCanMessage::Everyone);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_identity_nothing_is_said_to_be_in_effect() {
    let (_database, rpc, identity) = service().await;
    let user = identity.adult();
    choose(&rpc, user, WhoCanMessage::NoOne).await.unwrap();
    identity.with(|state| state.fails = Some(Status::unavailable("down")));
    let answer = effective(&rpc, user).await;
    let reason = ErrorReason::DependencyUnavailable;
    refused(answer, Code::Unavailable, reason);
}
