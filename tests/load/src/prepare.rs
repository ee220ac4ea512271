//! Makes people reachable: everybody takes messages from everyone, and follows as planned.
//!
//! Both can be done again without changing anything.

use futures_util::stream::{self, TryStreamExt as _};
use postern_proto::common::v1::{PersonRef, person_ref::Person};
use postern_proto::graph::v1::FollowRequest;
use postern_proto::graph::v1::graph_service_client::GraphServiceClient;
use postern_proto::policy::v1::WhoCanMessage;
use postern_proto::settings::v1::settings_service_client::SettingsServiceClient;
use postern_proto::settings::v1::{Settings, UpdateSettingsRequest};
use prost_types::FieldMask;

use crate::connect::Client;
use crate::error::CallError;
use crate::plan::Follow;
use crate::progress::Phase;
use crate::session::Session;

/// Lets everyone write to each of the people.
///
/// # Errors
/// At the first change that is refused.
pub async fn settings(
    client: &Client,
    sessions: &[Session],
    in_flight: usize,
    phase: &Phase,
) -> Result<(), CallError> {
    let message = UpdateSettingsRequest {
        settings: Some(Settings {
            who_can_message: WhoCanMessage::Everyone.into(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask {
            paths: vec!["who_can_message".to_owned()],
        }),
        etag: String::new(),
    };
    let message = &message;
    stream::iter(sessions.iter().map(Ok))
        .try_for_each_concurrent(in_flight, |session| async move {
            let update = |connection, request| async move {
                let mut settings = SettingsServiceClient::new(connection);
                settings.update_settings(request).await
            };
            session
                .call(client, &client.settings, "UpdateSettings", message, update)
                .await?;
            phase.advance(client.retry.count());
            Ok(())
        })
        .await
}

/// Makes the planned follows.
///
/// # Errors
/// At the first one that is refused.
pub async fn follows(
    client: &Client,
    sessions: &[Session],
    follows: &[Follow],
    in_flight: usize,
    phase: &Phase,
) -> Result<(), CallError> {
    stream::iter(follows.iter().map(Ok))
        .try_for_each_concurrent(in_flight, |follow| async move {
            let session = &sessions[follow.follower];
            let message = FollowRequest {
                person: Some(person(&sessions[follow.followee])),
            };
            let follow = |connection, request| async move {
                let mut graph = GraphServiceClient::new(connection);
                graph.follow(request).await
            };
            session
                .call(client, &client.graph, "Follow", &message, follow)
                .await?;
            phase.advance(client.retry.count());
            Ok(())
        })
        .await
}

/// How one person is named to a service.
#[must_use]
pub fn person(session: &Session) -> PersonRef {
    PersonRef {
        person: Some(Person::UserId(session.user_id.clone())),
    }
}
