//! Calls that people make: what they say about each other, what they send, what they see.
//!
//! Each is tried again while its failure may pass and the client has patience; all of them may be
//! repeated.

use postern_proto::common::v1::PageRequest;
use postern_proto::graph::v1::graph_service_client::GraphServiceClient;
use postern_proto::graph::v1::{
    BlockRequest, FollowRequest, GetEnforcementRequest, RemoveFollowerRequest, UnblockRequest,
    UnfollowRequest,
};
use postern_proto::identity::v1::standing_service_client::StandingServiceClient;
use postern_proto::identity::v1::{LiftActionRequest, SuspendAccountRequest};
use postern_proto::messaging::v1::message_service_client::MessageServiceClient;
use postern_proto::messaging::v1::send_message_response::Outcome;
use postern_proto::messaging::v1::{Content, ListMessagesRequest, SendMessageRequest, content};
use postern_proto::policy::v1::{Enforcement, RefusalReason, WhoCanMessage};
use postern_proto::settings::v1::settings_service_client::SettingsServiceClient;
use postern_proto::settings::v1::{Settings, UpdateSettingsRequest};
use prost_types::{FieldMask, Timestamp};

use crate::connect::Client;
use crate::error::CallError;
use crate::names::Names;
use crate::prepare::person;
use crate::session::Session;

/// How long somebody is suspended whom nobody reinstates: a day.
const SUSPENDED_SECONDS: i64 = 24 * 60 * 60;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is in this conversation, at this place.
    Stored(String, i64),
    /// It is nowhere.
    Refused(RefusalReason),
}

/// Makes the caller's call of a service, with its message.
macro_rules! call {
    (
        $client:expr, $replicas:ident, $session:expr,
        $stub:ident, $rpc:ident, $name:literal, $message:expr $(,)?
    ) => {
        $session.call(
            $client,
            &$client.$replicas,
            $name,
            &$message,
            |connection, request| async move { $stub::new(connection).$rpc(request).await },
        )
    };
}

pub async fn follow(client: &Client, who: &Session, whom: &Session) -> Result<(), CallError> {
    let message = FollowRequest {
        person: Some(person(whom)),
    };
    call!(
        client,
        graph,
        who,
        GraphServiceClient,
        follow,
        "Follow",
        message
    )
    .await?;
    Ok(())
}

pub async fn befriend(client: &Client, one: &Session, other: &Session) -> Result<(), CallError> {
    follow(client, one, other).await?;
    follow(client, other, one).await
}

/// Whether it was acknowledged as enforced.
pub async fn unfollow(client: &Client, who: &Session, whom: &Session) -> Result<bool, CallError> {
    let message = UnfollowRequest {
        person: Some(person(whom)),
    };
    let answer = call!(
        client,
        graph,
        who,
        GraphServiceClient,
        unfollow,
        "Unfollow",
        message
    );
    told("Unfollow", who, answer.await?.enforcement)
}

/// Whether it was acknowledged as enforced.
pub async fn remove(client: &Client, who: &Session, whom: &Session) -> Result<bool, CallError> {
    const RPC: &str = "RemoveFollower";
    let message = RemoveFollowerRequest {
        person: Some(person(whom)),
    };
    let answer = call!(
        client,
        graph,
        who,
        GraphServiceClient,
        remove_follower,
        "RemoveFollower",
        message
    );
    told(RPC, who, answer.await?.enforcement)
}

/// Whether it was acknowledged as enforced.
pub async fn block(client: &Client, who: &Session, whom: &Session) -> Result<bool, CallError> {
    let message = BlockRequest {
        person: Some(person(whom)),
    };
    let answer = call!(
        client,
        graph,
        who,
        GraphServiceClient,
        block,
        "Block",
        message
    );
    told("Block", who, answer.await?.enforcement)
}

pub async fn unblock(client: &Client, who: &Session, whom: &Session) -> Result<(), CallError> {
    let message = UnblockRequest {
        person: Some(person(whom)),
    };
    call!(
        client,
        graph,
        who,
        GraphServiceClient,
        unblock,
        "Unblock",
        message
    )
    .await?;
    Ok(())
}

/// Whether all that a person has said to graph is enforced.
pub async fn is_enforced(client: &Client, who: &Session) -> Result<bool, CallError> {
    const RPC: &str = "GetEnforcement";
    let answer = call!(
        client,
        graph,
        who,
        GraphServiceClient,
        get_enforcement,
        "GetEnforcement",
        GetEnforcementRequest {}
    );
    told(RPC, who, answer.await?.enforcement)
}

/// Whether it was acknowledged as enforced.
pub async fn let_write(
    client: &Client,
    who: &Session,
    whom: WhoCanMessage,
) -> Result<bool, CallError> {
    const RPC: &str = "UpdateSettings";
    let message = UpdateSettingsRequest {
        settings: Some(Settings {
            who_can_message: whom.into(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["who_can_message".to_owned()],
        }),
        etag: String::new(),
    };
    let answer = call!(
        client,
        settings,
        who,
        SettingsServiceClient,
        update_settings,
        "UpdateSettings",
        message
    );
    told(RPC, who, answer.await?.enforcement)
}

/// The action, and whether it was acknowledged as enforced.
pub async fn suspend(
    client: &Client,
    moderator: &Session,
    whom: &Session,
) -> Result<(String, bool), CallError> {
    const RPC: &str = "SuspendAccount";
    let message = SuspendAccountRequest {
        person: Some(person(whom)),
        end_time: Some(tomorrow()),
        rule: "proof".to_owned(),
        explanation: "a trial of the proof".to_owned(),
    };
    let answer = call!(
        client,
        identity,
        moderator,
        StandingServiceClient,
        suspend_account,
        "SuspendAccount",
        message
    )
    .await?;
    let action = answer
        .action
        .ok_or_else(|| CallError::broken(RPC, &moderator.handle, "no action"))?;
    Ok((action.action_id, told(RPC, moderator, answer.enforcement)?))
}

pub async fn lift(
    client: &Client,
    moderator: &Session,
    whom: &Session,
    action_id: String,
) -> Result<(), CallError> {
    let message = LiftActionRequest {
        person: Some(person(whom)),
        action_id,
    };
    call!(
        client,
        identity,
        moderator,
        StandingServiceClient,
        lift_action,
        "LiftAction",
        message
    )
    .await?;
    Ok(())
}

/// Sends the message of a number, which is used once.
pub async fn send(
    client: &Client,
    names: &Names,
    from: &Session,
    to: &Session,
    number: usize,
) -> Result<Sent, CallError> {
    const RPC: &str = "SendMessage";
    let message = SendMessageRequest {
        recipient: Some(person(to)),
        client_message_id: names.message_id(number),
        content: Some(Content {
            content: Some(content::Content::Text(names.text(number))),
        }),
    };
    let answer = call!(
        client,
        messaging,
        from,
        MessageServiceClient,
        send_message,
        "SendMessage",
        message
    )
    .await?;
    let broken = |what| CallError::broken(RPC, &from.handle, what);
    match answer.outcome {
        Some(Outcome::Delivered(delivered)) => {
            let message = delivered
                .message
                .ok_or_else(|| broken("no message in a delivery"))?;
            Ok(Sent::Stored(message.conversation_id, message.seq))
        }
        Some(Outcome::Refused(refused)) => Ok(Sent::Refused(refused.reason())),
        None => Err(broken("the answer carries no outcome")),
    }
}

/// Sends the message of a number, which has to be stored: the conversation, and its number there.
pub async fn lands(
    client: &Client,
    names: &Names,
    from: &Session,
    to: &Session,
    number: usize,
) -> Result<(String, i64), CallError> {
    match send(client, names, from, to, number).await? {
        Sent::Stored(conversation, seq) => Ok((conversation, seq)),
        Sent::Refused(reason) => {
            let what = format!("a friend's message was refused: {}", reason.as_str_name());
            Err(CallError::broken("SendMessage", &from.handle, &what))
        }
    }
}

/// The number of the newest message that a person finds in a conversation; they are numbered
/// without gaps, so it is how many there are.
pub async fn last_seq(
    client: &Client,
    who: &Session,
    conversation_id: &str,
) -> Result<i64, CallError> {
    let message = ListMessagesRequest {
        conversation_id: conversation_id.to_owned(),
        page: Some(PageRequest {
            page_size: 1,
            ..Default::default()
        }),
    };
    let answer = call!(
        client,
        messaging,
        who,
        MessageServiceClient,
        list_messages,
        "ListMessages",
        message
    )
    .await?;
    Ok(answer.messages.first().map_or(0, |newest| newest.seq))
}

fn told(rpc: &'static str, who: &Session, enforcement: i32) -> Result<bool, CallError> {
    match Enforcement::try_from(enforcement) {
        Ok(Enforcement::Enforced) => Ok(true),
        Ok(Enforcement::Pending) => Ok(false),
        _ => Err(CallError::broken(
            rpc,
            &who.handle,
            "it is not told whether it is enforced",
        )),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a suspension ends on a day of the calendar, and nothing here measures with it"
)]
fn tomorrow() -> Timestamp {
    let mut time = Timestamp::from(std::time::SystemTime::now());
    time.seconds += SUSPENDED_SECONDS;
    time
}
