//! The calls of the table of writes: each by one person, about another.

use std::{future::Future, pin::Pin};

use postern_proto::{
    graph::v1::{
        BlockRequest, FollowRequest, RemoveFollowerRequest, UnblockRequest, UnfollowRequest,
    },
    identity::v1::{
        Account, BanAccountRequest, CreateAccountRequest, CreateSessionRequest,
        DeactivateAccountRequest, LiftActionRequest, ReactivateAccountRequest,
        RefreshSessionRequest, RestrictMessagingRequest, RevokeSessionRequest,
        SuspendAccountRequest, UpdateAccountRequest, session_service_client::SessionServiceClient,
    },
    messaging::v1::{BatchDeclineRequestsRequest, RevokeConsentRequest},
    settings::v1::{Settings, UpdateSettingsRequest},
};
use postern_shared::error::reason_of;
use tonic::{Status, transport::Channel};

use super::acting;
use crate::suite::{PASSWORD, Person, mask};

/// Two people and their conversation; the first calls.
pub struct Pair {
    pub me: Person,
    pub peer: Person,
    pub conversation: String,
}

/// What came out, in a word.
pub type Outcome = Pin<Box<dyn Future<Output = String> + Send>>;

/// An id that names nothing.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn shown<T>(answer: Result<T, Status>) -> String {
    match answer {
        Ok(_) => "ok".to_owned(),
        Err(status) => reason_of(&status)
            .map_or_else(|| format!("{status:?}"), |reason| reason.wire().to_owned()),
    }
}

fn sessions(person: &Person) -> SessionServiceClient<Channel> {
    SessionServiceClient::new(person.channel.clone())
}

pub fn send(pair: Pair) -> Outcome {
    Box::pin(async move {
        match pair.me.send_as(&pair.peer, "again", "hello again").await {
            Ok(answer) => acting::shown(&answer),
            Err(status) => shown::<()>(Err(status)),
        }
    })
}

pub fn explain(pair: Pair) -> Outcome {
    Box::pin(async move {
        match pair.me.explain(&pair.peer).await {
            Ok(answer) => acting::shown_explained(&answer),
            Err(status) => shown::<()>(Err(status)),
        }
    })
}

/// From nothing: of people who follow already there would be nothing to do.
pub fn follow(pair: Pair) -> Outcome {
    Box::pin(async move {
        let ask = FollowRequest {
            person: pair.peer.reference(),
        };
        shown(pair.me.graph().follow(pair.me.ask(ask)).await)
    })
}

pub fn delete(pair: Pair) -> Outcome {
    Box::pin(async move { shown(pair.me.unsend(&pair.conversation, 1).await) })
}

pub fn accept(pair: Pair) -> Outcome {
    Box::pin(async move { shown(pair.me.accept(&pair.conversation).await) })
}

pub fn decline(pair: Pair) -> Outcome {
    Box::pin(async move { shown(pair.me.decline(&pair.conversation, false).await) })
}

pub fn create_account(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .accounts()
                .create_account(CreateAccountRequest {
                    handle: format!("{}.2", pair.me.handle),
                    display_name: "Another".to_owned(),
                    password: PASSWORD.to_owned(),
                    birth_date: "1990-05-17".to_owned(),
                    ..CreateAccountRequest::default()
                })
                .await,
        )
    })
}

pub fn update_account(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .accounts()
                .update_account(pair.me.ask(UpdateAccountRequest {
                    account: Some(Account {
                        display_name: "Someone else".to_owned(),
                        ..Account::default()
                    }),
                    update_mask: Some(mask(&["display_name"])),
                    ..UpdateAccountRequest::default()
                }))
                .await,
        )
    })
}

pub fn deactivate(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .accounts()
                .deactivate_account(pair.me.ask(DeactivateAccountRequest {}))
                .await,
        )
    })
}

pub fn reactivate(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .accounts()
                .reactivate_account(pair.me.ask(ReactivateAccountRequest {}))
                .await,
        )
    })
}

pub fn create_session(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            sessions(&pair.me)
                .create_session(CreateSessionRequest {
                    handle: pair.me.handle.clone(),
                    password: PASSWORD.to_owned(),
                    ..CreateSessionRequest::default()
                })
                .await,
        )
    })
}

pub fn refresh(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            sessions(&pair.me)
                .refresh_session(RefreshSessionRequest {
                    refresh_token: "made up".to_owned(),
                })
                .await,
        )
    })
}

pub fn revoke_session(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            sessions(&pair.me)
                .revoke_session(pair.me.ask(RevokeSessionRequest {
                    session_id: NOBODY.to_owned(),
                }))
                .await,
        )
    })
}

pub fn restrict(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .standing()
                .restrict_messaging(pair.me.ask(RestrictMessagingRequest {
                    person: pair.peer.reference(),
                    ..RestrictMessagingRequest::default()
                }))
                .await,
        )
    })
}

pub fn suspend(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .standing()
                .suspend_account(pair.me.ask(SuspendAccountRequest {
                    person: pair.peer.reference(),
                    ..SuspendAccountRequest::default()
                }))
                .await,
        )
    })
}

pub fn ban(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .standing()
                .ban_account(pair.me.ask(BanAccountRequest {
                    person: pair.peer.reference(),
                    ..BanAccountRequest::default()
                }))
                .await,
        )
    })
}

pub fn lift(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .standing()
                .lift_action(pair.me.ask(LiftActionRequest {
                    person: pair.peer.reference(),
                    action_id: NOBODY.to_owned(),
                }))
                .await,
        )
    })
}

pub fn unfollow(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .graph()
                .unfollow(pair.me.ask(UnfollowRequest {
                    person: pair.peer.reference(),
                }))
                .await,
        )
    })
}

pub fn remove_follower(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .graph()
                .remove_follower(pair.me.ask(RemoveFollowerRequest {
                    person: pair.peer.reference(),
                }))
                .await,
        )
    })
}

pub fn block(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .graph()
                .block(pair.me.ask(BlockRequest {
                    person: pair.peer.reference(),
                }))
                .await,
        )
    })
}

pub fn unblock(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .graph()
                .unblock(pair.me.ask(UnblockRequest {
                    person: pair.peer.reference(),
                }))
                .await,
        )
    })
}

pub fn choose(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .settings()
                .update_settings(pair.me.ask(UpdateSettingsRequest {
                    settings: Some(Settings::default()),
                    update_mask: Some(mask(&["read_receipts"])),
                    ..UpdateSettingsRequest::default()
                }))
                .await,
        )
    })
}

pub fn revoke(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .consents()
                .revoke_consent(pair.me.ask(RevokeConsentRequest {
                    person: pair.peer.reference(),
                }))
                .await,
        )
    })
}

pub fn decline_all(pair: Pair) -> Outcome {
    Box::pin(async move {
        shown(
            pair.me
                .requests()
                .batch_decline_requests(pair.me.ask(BatchDeclineRequestsRequest {
                    conversation_ids: vec![pair.conversation.clone()],
                }))
                .await,
        )
    })
}
