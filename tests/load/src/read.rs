//! Reads back everything that the people of a trace can list.
//!
//! It promises every page of every list, so that what is not found is not there. It compares
//! nothing: see `verify`.

use std::collections::HashMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use postern_proto::common::v1::{PageInfo, PageRequest};
use postern_proto::messaging::v1::conversation_service_client::ConversationServiceClient;
use postern_proto::messaging::v1::message_service_client::MessageServiceClient;
use postern_proto::messaging::v1::request_service_client::RequestServiceClient;
use postern_proto::messaging::v1::{
    ListConversationsRequest, ListMessagesRequest, ListRequestsRequest, Message, RequestTier,
    content,
};

use crate::connect::Client;
use crate::error::{CallError, LoadError};
use crate::names::Names;
use crate::plan::Plan;
use crate::progress::Phase;
use crate::send::Folder;
use crate::session::Session;
use crate::verify::{Seen, View};

/// The most that each of the lists gives at once.
const PAGE_SIZE: i32 = 200;
/// More pages than any list of a replay can have.
const PAGES_MAX: usize = 100_000;

/// What a person found in one of their lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    reader: usize,
    folder: Folder,
    conversation_id: String,
}

/// Lists the conversations and requests of everyone.
///
/// # Errors
/// At the first list that cannot be read.
pub async fn lists(
    client: &Client,
    sessions: &[Session],
    in_flight: usize,
    phase: &Phase,
) -> Result<Vec<Listed>, LoadError> {
    let lists: Vec<Vec<Listed>> = stream::iter(sessions)
        .map(|session| async move {
            let mut listed = conversations(client, session).await?;
            listed.extend(requests(client, session, RequestTier::Filtered).await?);
            listed.extend(requests(client, session, RequestTier::Hidden).await?);
            phase.advance(client.retry.count());
            Ok::<_, LoadError>(listed)
        })
        .buffer_unordered(in_flight)
        .try_collect()
        .await?;
    Ok(lists.into_iter().flatten().collect())
}

/// Reads all messages of what was listed.
///
/// # Errors
/// At the first conversation that cannot be read.
pub async fn views(
    client: &Client,
    sessions: &[Session],
    listed: Vec<Listed>,
    lines: &Lines<'_>,
    in_flight: usize,
    phase: &Phase,
) -> Result<Vec<View>, LoadError> {
    stream::iter(listed)
        .map(|listed| async move {
            let session = &sessions[listed.reader];
            let messages = messages(client, session, &listed.conversation_id).await?;
            phase.advance(client.retry.count());
            Ok::<_, LoadError>(lines.view(listed, &messages))
        })
        .buffer_unordered(in_flight)
        .try_collect()
        .await
}

/// Recognises people and messages of a plan in what was read.
#[derive(Debug)]
pub struct Lines<'a> {
    plan: &'a Plan,
    names: &'a Names,
    people: HashMap<&'a str, usize>,
}

impl<'a> Lines<'a> {
    /// Knows the people by the ids that the server gave them.
    #[must_use]
    pub fn new(plan: &'a Plan, names: &'a Names, sessions: &'a [Session]) -> Self {
        let people = sessions
            .iter()
            .map(|session| (session.user_id.as_str(), session.person));
        Self {
            plan,
            names,
            people: people.collect(),
        }
    }

    fn view(&self, listed: Listed, messages: &[Message]) -> View {
        let seen = messages
            .iter()
            .map(|message| self.seen(&listed, message))
            .collect();
        let Listed {
            reader,
            folder,
            conversation_id,
        } = listed;
        View {
            reader,
            folder,
            conversation_id,
            newest_first: seen,
        }
    }

    fn seen(&self, listed: &Listed, message: &Message) -> Seen {
        let sender = self.people.get(message.sender_id.as_str()).copied();
        let text = match message
            .content
            .as_ref()
            .and_then(|content| content.content.as_ref())
        {
            Some(content::Content::Text(text)) => Some(text),
            _ => None,
        };
        let line = text.and_then(|text| self.names.line(text));
        // What is shown in a conversation that it does not name is not recognised.
        let line = line.filter(|_| message.conversation_id == listed.conversation_id);
        Seen {
            seq: message.seq,
            sender,
            message: line.and_then(|line| self.plan.message_of(line)),
        }
    }
}

async fn conversations(client: &Client, session: &Session) -> Result<Vec<Listed>, LoadError> {
    const RPC: &str = "ListConversations";
    let listed = every_page(RPC, session, async |page| {
        let message = ListConversationsRequest {
            page: Some(page),
            ..ListConversationsRequest::default()
        };
        let list = |connection, request| async move {
            let mut lists = ConversationServiceClient::new(connection);
            lists.list_conversations(request).await
        };
        let answer = session
            .call(client, &client.messaging, RPC, &message, list)
            .await?;
        Ok((answer.conversations, answer.page))
    });
    let in_inbox = |conversation_id| Listed {
        reader: session.person,
        folder: Folder::Inbox,
        conversation_id,
    };
    Ok(listed
        .await?
        .into_iter()
        .map(|listed| in_inbox(listed.conversation_id))
        .collect())
}

async fn requests(
    client: &Client,
    session: &Session,
    tier: RequestTier,
) -> Result<Vec<Listed>, LoadError> {
    const RPC: &str = "ListRequests";
    let listed = every_page(RPC, session, async |page| {
        let message = ListRequestsRequest {
            page: Some(page),
            tier: tier.into(),
        };
        let list = |connection, request| async move {
            let mut lists = RequestServiceClient::new(connection);
            lists.list_requests(request).await
        };
        let answer = session
            .call(client, &client.messaging, RPC, &message, list)
            .await?;
        Ok((answer.requests, answer.page))
    });
    let in_requests = |conversation_id| Listed {
        reader: session.person,
        folder: Folder::Requests,
        conversation_id,
    };
    Ok(listed
        .await?
        .into_iter()
        .map(|listed| in_requests(listed.conversation_id))
        .collect())
}

async fn messages(
    client: &Client,
    session: &Session,
    conversation_id: &str,
) -> Result<Vec<Message>, LoadError> {
    const RPC: &str = "ListMessages";
    every_page(RPC, session, async |page| {
        let conversation_id = conversation_id.to_owned();
        let message = ListMessagesRequest {
            conversation_id,
            page: Some(page),
        };
        let list = |connection, request| async move {
            let mut lists = MessageServiceClient::new(connection);
            lists.list_messages(request).await
        };
        let answer = session
            .call(client, &client.messaging, RPC, &message, list)
            .await?;
        Ok((answer.messages, answer.page))
    })
    .await
}

async fn every_page<T>(
    list: &'static str,
    session: &Session,
    page: impl AsyncFn(PageRequest) -> Result<(Vec<T>, Option<PageInfo>), CallError>,
) -> Result<Vec<T>, LoadError> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    for _ in 0..PAGES_MAX {
        let (entries, info) = page(PageRequest {
            page_size: PAGE_SIZE,
            page_token,
        })
        .await?;
        all.extend(entries);
        page_token = info.unwrap_or_default().next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
    Err(LoadError::Endless {
        list,
        handle: session.handle.clone(),
        pages: PAGES_MAX,
    })
}
