//! The rest of what goes well: explanations, moderation, people who leave and come back, and what
//! services say to each other. Here too every word of a person is a canary.

use std::{path::Path, process::Command, time::Duration};

use postern_proto::{
    graph::v1::GetEnforcementRequest,
    identity::v1::{
        BanAccountRequest, DeactivateAccountRequest, GetActionEnforcementRequest,
        GetEnforcementRequest as OwnEnforcementRequest, GetMyStandingRequest, LiftActionRequest,
        ListActionsRequest, ReactivateAccountRequest, RestrictAutomaticallyRequest,
        RestrictMessagingRequest, SuspendAccountRequest,
        standing_facts_service_client::StandingFactsServiceClient,
    },
    messaging::v1::{
        BatchDeclineRequestsRequest, DeleteMessageRequest, DeleteScope, ExplainReceiveRequest,
        ExplainSendRequest, GetDecisionRequest, ListConsentsRequest, MessageName,
        PreviewSettingsRequest, RevokeConsentRequest, get_decision_request::Decision as Named,
    },
    policy::v1::{
        PolicyOwner, RaiseRequest, SetPresenceRequest, WhoCanMessage,
        fence_service_client::FenceServiceClient, presence_service_client::PresenceServiceClient,
    },
    settings::v1::{self as settings, GetEffectivePolicyRequest, ListChangesRequest},
};
use postern_shared::{
    caller::ServiceName,
    clock::{Clock, Timestamp},
};

use super::World;
use crate::suite::{Person, by_handle, delivered, text_content};

/// Plays it, with somebody of the story before.
pub async fn play(world: &mut World, folder: &Path, ada: &Person) {
    let eve = world.person("canary.eve").await;
    let mia = world.person("canary.mia").await;
    explanations(ada, &eve).await;
    fences(world, &eve).await;
    let mia = moderator(world, folder, &mia).await;
    moderation(world, &mia, ada, &eve).await;
    returns(world, &eve).await;
}

async fn explanations(ada: &Person, eve: &Person) {
    let person = || by_handle(&eve.handle);
    let ask = eve.ask(ExplainSendRequest {
        recipient: by_handle(&ada.handle),
        content: text_content("canary that was never sent"),
    });
    eve.consents().explain_send(ask).await.unwrap();
    let message = delivered(eve.send(ada, "canary that is taken back").await).message;
    let message = message.unwrap();
    let mut consents = ada.consents();
    let ask = ada.ask(ExplainReceiveRequest { person: person() });
    consents.explain_receive(ask).await.unwrap();
    let ask = ada.ask(PreviewSettingsRequest {
        who_can_message: WhoCanMessage::NoOne.into(),
        page: None,
    });
    consents.preview_settings(ask).await.unwrap();
    let ask = ada.ask(ListConsentsRequest::default());
    consents.list_consents(ask).await.unwrap();
    let ask = ada.ask(RevokeConsentRequest { person: person() });
    consents.revoke_consent(ask).await.unwrap();
    let ask = eve.ask(DeleteMessageRequest {
        conversation_id: message.conversation_id.clone(),
        seq: message.seq,
        scope: DeleteScope::Everyone.into(),
    });
    eve.messages().delete_message(ask).await.unwrap();
    let ask = ada.ask(BatchDeclineRequestsRequest {
        conversation_ids: vec![message.conversation_id],
    });
    ada.requests().batch_decline_requests(ask).await.unwrap();
    let ask = ada.ask(GetEffectivePolicyRequest {});
    ada.settings().get_effective_policy(ask).await.unwrap();
    let ask = ada.ask(ListChangesRequest::default());
    ada.settings().list_changes(ask).await.unwrap();
    let ask = ada.ask(settings::GetEnforcementRequest {});
    ada.settings().get_enforcement(ask).await.unwrap();
    let ask = ada.ask(GetEnforcementRequest {});
    ada.graph().get_enforcement(ask).await.unwrap();
}

async fn fences(world: &World, eve: &Person) {
    let ask = RaiseRequest {
        owner: PolicyOwner::Settings.into(),
        user_id: eve.id.to_string(),
        version: 1,
        effect: None,
    };
    let ask = world.as_service(ServiceName::Settings, ask);
    let mut fences = FenceServiceClient::new(world.internal.clone());
    fences.raise(ask).await.unwrap();
    let ask = SetPresenceRequest {
        user_id: eve.id.to_string(),
        version: 1,
        gone: false,
    };
    let ask = world.as_service(ServiceName::Identity, ask);
    let mut presence = PresenceServiceClient::new(world.internal.clone());
    presence.set_presence(ask).await.unwrap();
}

/// Grants the role as an operator does, on the machine.
async fn moderator(world: &mut World, folder: &Path, mia: &Person) -> Person {
    let granted = Command::new(env!("CARGO_BIN_EXE_postern-under-test"))
        .env_clear()
        .env("POSTERN_DATA_DIR", folder)
        .args(["grant", &mia.handle, "moderator"])
        .output()
        .unwrap();
    assert!(granted.status.success(), "{granted:?}");
    world.sign_in(&mia.handle).await.0
}

fn tomorrow() -> Option<prost_types::Timestamp> {
    let now: Timestamp = Clock::system().now();
    Some(now.plus(Duration::from_secs(24 * 60 * 60)).to_proto())
}

async fn moderation(world: &World, mia: &Person, ada: &Person, eve: &Person) {
    let (mut standing, person) = (mia.standing(), || by_handle(&eve.handle));
    let (rule, explanation) = (|| "canary-rule".to_owned(), || "canary did it".to_owned());
    let ask = mia.ask(RestrictMessagingRequest {
        person: person(),
        end_time: tomorrow(),
        rule: rule(),
        explanation: explanation(),
    });
    standing.restrict_messaging(ask).await.unwrap();
    let ask = mia.ask(SuspendAccountRequest {
        person: person(),
        end_time: tomorrow(),
        rule: rule(),
        explanation: explanation(),
    });
    standing.suspend_account(ask).await.unwrap();
    let ask = mia.ask(BanAccountRequest {
        person: person(),
        rule: rule(),
        explanation: explanation(),
    });
    standing.ban_account(ask).await.unwrap();
    let ask = mia.ask(GetActionEnforcementRequest { person: person() });
    standing.get_action_enforcement(ask).await.unwrap();
    let ask = mia.ask(ListActionsRequest {
        person: person(),
        page: None,
    });
    let actions = standing.list_actions(ask).await.unwrap().into_inner();
    for action in actions.actions {
        let ask = mia.ask(LiftActionRequest {
            person: person(),
            action_id: action.action_id,
        });
        standing.lift_action(ask).await.unwrap();
    }
    let ask = world.as_messaging(RestrictAutomaticallyRequest {
        user_id: eve.id.to_string(),
        end_time: tomorrow(),
        rule: rule(),
        explanation: explanation(),
    });
    let mut facts = StandingFactsServiceClient::new(world.internal.clone());
    facts.restrict_automatically(ask).await.unwrap();
    let ask = mia.ask(GetDecisionRequest {
        decision: Some(Named::Message(MessageName {
            conversation_id: ada.inbox().await[0].clone(),
            seq: 1,
        })),
    });
    mia.moderation().get_decision(ask).await.unwrap();
}

async fn returns(world: &mut World, eve: &Person) {
    let (eve, _) = world.sign_in(&eve.handle).await;
    let ask = eve.ask(DeactivateAccountRequest {});
    eve.accounts().deactivate_account(ask).await.unwrap();
    let (eve, _) = world.sign_in(&eve.handle).await;
    let ask = eve.ask(OwnEnforcementRequest {});
    eve.accounts().get_enforcement(ask).await.unwrap();
    let ask = eve.ask(ReactivateAccountRequest {});
    eve.accounts().reactivate_account(ask).await.unwrap();
    let ask = eve.ask(GetMyStandingRequest {});
    eve.standing().get_my_standing(ask).await.unwrap();
}
