//! Everything that a person can hear about another, RPC by RPC, without ids and times: what two
//! people must not be told apart by.

use std::fmt::Debug;

use postern_proto::{
    event::v1::{Event, EventBatch},
    graph::v1::{
        GetCountsRequest, GetMyRelationshipRequest, ListBlockedRequest, ListFollowersRequest,
        ListFollowingRequest, ListFriendsRequest,
    },
    identity::v1::{BatchGetAccountsRequest, GetAccountRequest},
    messaging::v1::{
        BatchDeclineRequestsRequest, ConversationFolder, ExplainReceiveRequest,
        ListConsentsRequest, ListConversationsRequest, ListMessagesRequest, ListRequestsRequest,
        PreviewSettingsRequest, RequestTier,
    },
    policy::v1::WhoCanMessage,
};
use postern_shared::{db::Db, error::reason_of};
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, QueryResult, Statement};
use tonic::{Request, Response, Status};

use super::calls::{self, Pair};
use crate::suite::{Person, Suite, by_handle};

/// One RPC and what came of it.
pub struct Line {
    pub rpc: &'static str,
    pub said: String,
}

/// Writes down what one person hears of another.
pub struct Scribe<'a> {
    pub told: &'a Told,
    pub me: &'a Person,
    pub peer: &'a Person,
    pub conversation: Option<String>,
    lines: Vec<Line>,
}

impl<'a> Scribe<'a> {
    pub fn new(
        told: &'a Told,
        me: &'a Person,
        peer: &'a Person,
        conversation: Option<String>,
    ) -> Self {
        Self {
            told,
            me,
            peer,
            conversation,
            lines: Vec::new(),
        }
    }

    /// What was written down, in the order of the calls.
    pub fn lines(self) -> Vec<Line> {
        self.lines
    }

    fn id(&self) -> String {
        let none = "00000000-0000-4000-8000-000000000000".to_owned();
        self.conversation.clone().unwrap_or(none)
    }

    fn note(&mut self, rpc: &'static str, said: String) {
        let said = masked(&said, self.me, self.peer, self.conversation.as_deref());
        self.lines.push(Line { rpc, said });
    }

    fn answer<T: Debug>(&mut self, rpc: &'static str, answer: Result<Response<T>, Status>) {
        let said = match answer {
            Ok(response) => format!("{:?}", response.into_inner()),
            Err(status) => format!(
                "{:?} {:?} {}",
                status.code(),
                reason_of(&status),
                status.message()
            ),
        };
        self.note(rpc, said);
    }

    fn ask<T>(&self, message: T) -> Request<T> {
        self.me.ask(message)
    }

    /// All that merely reads.
    pub async fn read(&mut self) {
        self.read_accounts().await;
        self.read_graph().await;
        self.read_messages().await;
        self.read_consents().await;
        let told = self.told.count(self.me).await;
        let events = self.told.kinds(self.me).await;
        self.note("events", format!("{told} {events:?}"));
    }

    async fn read_accounts(&mut self) {
        let mut accounts = self.me.accounts();
        for person in [self.peer.reference(), by_handle(&self.peer.handle)] {
            let ask = self.ask(GetAccountRequest { person });
            let answer = accounts.get_account(ask).await;
            self.answer("AccountService/GetAccount", answer);
        }
        let ask = self.ask(BatchGetAccountsRequest {
            user_ids: vec![self.peer.id.to_string()],
        });
        let answer = accounts.batch_get_accounts(ask).await;
        self.answer("AccountService/BatchGetAccounts", answer);
    }

    async fn read_graph(&mut self) {
        let mut graph = self.me.graph();
        for person in [self.peer.reference(), by_handle(&self.peer.handle)] {
            let ask = self.ask(GetMyRelationshipRequest { person });
            let answer = graph.get_my_relationship(ask).await;
            self.answer("GraphService/GetMyRelationship", answer);
        }
        let answer = graph.get_counts(self.ask(GetCountsRequest {})).await;
        self.answer("GraphService/GetCounts", answer);
        let ask = self.ask(ListFollowersRequest::default());
        let answer = graph.list_followers(ask).await;
        self.answer("GraphService/ListFollowers", answer);
        let ask = self.ask(ListFollowingRequest::default());
        let answer = graph.list_following(ask).await;
        self.answer("GraphService/ListFollowing", answer);
        let ask = self.ask(ListFriendsRequest::default());
        let answer = graph.list_friends(ask).await;
        self.answer("GraphService/ListFriends", answer);
        let ask = self.ask(ListBlockedRequest::default());
        let answer = graph.list_blocked(ask).await;
        self.answer("GraphService/ListBlocked", answer);
    }

    async fn read_messages(&mut self) {
        for folder in [ConversationFolder::Inbox, ConversationFolder::Blocked] {
            let ask = self.ask(ListConversationsRequest {
                folder: folder.into(),
                page: None,
            });
            let answer = self.me.conversations().list_conversations(ask).await;
            self.answer("ConversationService/ListConversations", answer);
        }
        for tier in [RequestTier::Filtered, RequestTier::Hidden] {
            let ask = self.ask(ListRequestsRequest {
                tier: tier.into(),
                page: None,
            });
            let answer = self.me.requests().list_requests(ask).await;
            self.answer("RequestService/ListRequests", answer);
        }
        let ask = self.ask(ListMessagesRequest {
            conversation_id: self.id(),
            page: None,
        });
        let answer = self.me.messages().list_messages(ask).await;
        self.answer("MessageService/ListMessages", answer);
    }

    async fn read_consents(&mut self) {
        let mut consents = self.me.consents();
        let ask = self.ask(ExplainReceiveRequest {
            person: self.peer.reference(),
        });
        let answer = consents.explain_receive(ask).await;
        self.answer("ConsentService/ExplainReceive", answer);
        let ask = self.ask(ListConsentsRequest::default());
        let answer = consents.list_consents(ask).await;
        self.answer("ConsentService/ListConsents", answer);
        for who in [WhoCanMessage::Friends, WhoCanMessage::NoOne] {
            let ask = self.ask(PreviewSettingsRequest {
                who_can_message: who.into(),
                page: None,
            });
            let answer = consents.preview_settings(ask).await;
            self.answer("ConsentService/PreviewSettings", answer);
        }
    }

    fn pair(&self) -> Pair {
        Pair {
            me: self.me.clone(),
            peer: self.peer.clone(),
            conversation: self.id(),
        }
    }

    /// All that changes something, and what is to be read after each.
    pub async fn write(&mut self) {
        type Call = fn(Pair) -> calls::Outcome;
        let writes: [(&'static str, Call); 12] = [
            ("ConsentService/ExplainSend", calls::explain),
            ("MessageService/SendMessage", calls::send),
            ("RequestService/AcceptRequest", calls::accept),
            ("RequestService/DeclineRequest", calls::decline),
            ("MessageService/DeleteMessage", calls::delete),
            ("ConsentService/RevokeConsent", calls::revoke),
            ("GraphService/Follow", calls::follow),
            ("GraphService/Unfollow", calls::unfollow),
            ("GraphService/RemoveFollower", calls::remove_follower),
            ("GraphService/Block", calls::block),
            ("GraphService/Unblock", calls::unblock),
            ("MessageService/SendMessage", calls::send),
        ];
        for (rpc, call) in writes {
            let said = call(self.pair()).await;
            self.note(rpc, said);
            self.read().await;
        }
    }

    /// Declines whatever the two have, as one of several.
    pub async fn decline_all(&mut self) {
        let ask = self.ask(BatchDeclineRequestsRequest {
            conversation_ids: vec![self.id()],
        });
        let answer = self.me.requests().batch_decline_requests(ask).await;
        self.answer("RequestService/BatchDeclineRequests", answer);
    }
}

/// Ids, names and times as words that are the same for everyone.
fn masked(said: &str, me: &Person, peer: &Person, conversation: Option<&str>) -> String {
    let mut said = said
        .replace(&me.id.to_string(), "<me>")
        .replace(&peer.id.to_string(), "<peer>")
        .replace(&me.handle, "<my handle>")
        .replace(&peer.handle, "<their handle>");
    if let Some(id) = conversation {
        said = said.replace(id, "<conversation>");
    }
    // A message's own id, made by the client at random.
    let words = said.split_inclusive([' ', ',', '"']);
    let word = |word: &str| {
        let bare = word.trim_end_matches([' ', ',', '"']);
        match uuid::Uuid::try_parse(bare) {
            Ok(_) => word.replace(bare, "<id>"),
            Err(_) => word.to_owned(),
        }
    };
    words.map(word).collect()
}

/// What messaging has told people of, as it is stored.
pub struct Told(Db);

impl Told {
    pub async fn of(suite: &Suite) -> Self {
        Self(suite.home.database(&postern_messaging::service()).await)
    }

    /// How many events a person's mailbox has seen.
    pub async fn count(&self, person: &Person) -> i64 {
        let sql = "SELECT event_seq FROM mailbox WHERE user_id = $1";
        let rows = self.ask(sql, person).await;
        rows.first()
            .map_or(0, |row| row.try_get("", "event_seq").unwrap())
    }

    /// What kinds of events a person was told, messages aside.
    pub async fn kinds(&self, person: &Person) -> Vec<String> {
        let sql = "SELECT kind FROM user_event WHERE user_id = $1 ORDER BY event";
        let rows = self.ask(sql, person).await;
        rows.iter()
            .map(|row| row.try_get("", "kind").unwrap())
            .collect()
    }

    /// What others were told: the events that were left to be published, in no order.
    pub async fn events(&self) -> Vec<Event> {
        let ask = Statement::from_sql_and_values(self.0.backend(), "SELECT events FROM outbox", []);
        let rows = self.0.reader().query_all_raw(ask).await.unwrap();
        let batches = rows.iter().map(|row| {
            let bytes: Vec<u8> = row.try_get("", "events").unwrap();
            EventBatch::decode(&bytes[..]).unwrap()
        });
        batches.flat_map(|batch| batch.events).collect()
    }

    async fn ask(&self, sql: &str, person: &Person) -> Vec<QueryResult> {
        let values = [person.id.uuid().into()];
        let ask = Statement::from_sql_and_values(self.0.backend(), sql, values);
        self.0.reader().query_all_raw(ask).await.unwrap()
    }
}
