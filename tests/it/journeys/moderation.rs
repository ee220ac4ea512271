//! Moderators and what they do: accounts are suspended and come back, and anybody's refusal can be
//! looked up without what the message said.

use postern_proto::{
    common::v1::ErrorReason,
    identity::v1::{
        CreateSessionRequest, GetMyStandingRequest, LiftActionRequest, ListActionsRequest,
        RefreshSessionRequest, Tokens,
    },
    messaging::v1::{
        Decision, GetDecisionRequest, MessageName, Placement, RefusalName,
        get_decision_request::Decision as Named,
    },
    policy::v1::RefusalReason,
};
use postern_shared::caller::Role;
use tonic::{Code, Status};

use crate::{
    consent::suspend_for_a_day,
    suite::{PASSWORD, Person, Suite, assert_fails, delivered, placement, reason, refused},
};

async fn sign_in(suite: &Suite, person: &Person) -> Tokens {
    let ask = CreateSessionRequest {
        handle: person.handle.clone(),
        password: PASSWORD.to_owned(),
        ..CreateSessionRequest::default()
    };
    let session = suite.sessions().create_session(ask).await.unwrap();
    session.into_inner().tokens.unwrap()
}

fn through(person: &Person, tokens: &Tokens) -> Person {
    Person {
        token: tokens.access_token.clone(),
        ..person.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_signs_in_to_read_why_and_to_block() {
    let suite = Suite::start().await;
    let mia = suite.moderator("mia").await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let before = sign_in(&suite, &ben).await;
    suspend_for_a_day(&suite, &mia, &ben).await;
    // What was open is closed …
    let again = RefreshSessionRequest {
        refresh_token: before.refresh_token,
    };
    let ended = suite.sessions().refresh_session(again).await;
    assert_fails(
        ended,
        Code::Unauthenticated,
        ErrorReason::RefreshTokenInvalid,
    );
    // … and what opens now opens little.
    let tokens = sign_in(&suite, &ben).await;
    let inside = through(&ben, &tokens);
    let ask = inside.ask(GetMyStandingRequest {});
    let standing = inside.standing().get_my_standing(ask).await.unwrap();
    let standing = standing.into_inner();
    assert_eq!(standing.actions.len(), 1);
    assert_eq!(standing.actions[0].moderator_id, "", "not told by whom");
    inside.block(&ada).await;
    inside.unblock(&ada).await;
    let sent = inside.send_as(&ada, "1", "let me out").await;
    let closed = (Code::PermissionDenied, ErrorReason::AccountRestricted);
    assert_fails(sent, closed.0, closed.1);

    let ask = mia.ask(LiftActionRequest {
        person: ben.reference(),
        action_id: standing.actions[0].action_id.clone(),
    });
    mia.standing().lift_action(ask).await.unwrap();
    let again = RefreshSessionRequest {
        refresh_token: tokens.refresh_token,
    };
    let tokens = suite.sessions().refresh_session(again).await.unwrap();
    let free = through(&ben, &tokens.into_inner().tokens.unwrap());
    // The block that he made has ended what was between them, as every block does.
    let told = reason(free.send(&ada, "I am back").await);
    assert_eq!(told, RefusalReason::MutualFollowRequired);
    free.befriend(&ada).await;
    let told = placement(free.send(&ada, "I am back").await);
    assert_eq!(told, Placement::Inbox);
    let ask = mia.ask(ListActionsRequest {
        person: ben.reference(),
        page: None,
    });
    let actions = mia.standing().list_actions(ask).await.unwrap().into_inner();
    assert!(actions.actions[0].lift_time.is_some() && !actions.actions[0].live);
    assert_eq!(actions.actions[0].moderator_id, mia.id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_comes_back_to_everything() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    let sent = delivered(ben.send(&ada, "before I go").await);
    ben.deactivate().await;
    assert_eq!(
        reason(ada.send(&ben, "gone?").await),
        RefusalReason::NotAccepting
    );
    let inside = through(&ben, &sign_in(&suite, &ben).await);
    inside.reactivate().await;
    let told = placement(ada.send(&ben, "welcome back").await);
    assert_eq!(told, Placement::Inbox);
    let id = sent.message.unwrap().conversation_id;
    assert_eq!(ben.read(&id).await.unwrap().len(), 2);
    ben.remove(&ada).await;
    assert_eq!(
        reason(ada.send(&ben, "why?").await),
        RefusalReason::MutualFollowRequired
    );
}

async fn decision(person: &Person, named: Named) -> Result<Decision, Status> {
    let ask = person.ask(GetDecisionRequest {
        decision: Some(named),
    });
    let found = person.moderation().get_decision(ask).await?;
    Ok(found.into_inner().decision.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_can_be_looked_up_without_what_was_said() {
    const SECRET: &str = "the canary sings at noon";
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    let operator = suite.with_role(&suite.person("olga").await, Role::Operator);
    let id = refused(ben.send(&ada, SECRET).await).decision_id;
    let refusal = |decision_id: &str| {
        Named::Refusal(RefusalName {
            sender: ben.reference(),
            decision_id: decision_id.to_owned(),
        })
    };
    let found = decision(&operator, refusal(&id)).await.unwrap();
    assert_eq!(
        (found.row, found.rule.as_str()),
        (11, "mutual_follow_required")
    );
    assert_eq!(found.reason(), RefusalReason::MutualFollowRequired);
    assert_eq!(found.sender_id, ben.id.to_string());
    assert_eq!(found.recipient_id, ada.id.to_string());
    assert!(!found.facts.is_empty() && found.recipient_versions.is_some());
    assert!(!format!("{found:?}").contains("canary"));

    ada.befriend(&ben).await;
    let message = delivered(ben.send(&ada, SECRET).await).message.unwrap();
    let named = Named::Message(MessageName {
        conversation_id: message.conversation_id,
        seq: message.seq,
    });
    let found = decision(&operator, named.clone()).await.unwrap();
    assert_eq!((found.row, found.placement.as_str()), (21, "inbox"));
    assert_eq!(found.told(), Placement::Inbox);
    assert!(!format!("{found:?}").contains("canary"));

    let denied = (Code::PermissionDenied, ErrorReason::CallerNotAllowed);
    assert_fails(decision(&ben, named.clone()).await, denied.0, denied.1);
    // With a role as well, the two of them are told of none: it says who blocks whom.
    for person in [&ada, &ben] {
        let part = suite.with_role(person, Role::Moderator);
        for named in [named.clone(), refusal(&id)] {
            let own = decision(&part, named).await;
            assert_fails(own, Code::NotFound, ErrorReason::DecisionNotFound);
        }
    }
    let nothing = decision(&operator, refusal(&ada.id.to_string())).await;
    assert_fails(nothing, Code::NotFound, ErrorReason::DecisionNotFound);
}
