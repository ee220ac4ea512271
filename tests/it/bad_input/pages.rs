//! Page tokens that were issued for something else, or by nobody, and sizes below zero.

use postern_proto::{
    common::v1::{ErrorReason, PageInfo, PageRequest},
    graph::v1::ListFollowersRequest,
    identity::v1::CreateSessionRequest,
    messaging::v1::{ListMessagesRequest, ListRequestsRequest, RequestTier},
};
use prost::Message;
use tonic::Code;

use super::{ask, wrong_fields};
use crate::suite::{PASSWORD, Person, Suite, assert_fails, delivered};

/// The lists of the contract that have no parameters; their requests hold a page alone.
const PLAIN: [&str; 6] = [
    "identity.v1.SessionService/ListSessions",
    "graph.v1.GraphService/ListFollowers",
    "graph.v1.GraphService/ListFollowing",
    "graph.v1.GraphService/ListFriends",
    "graph.v1.GraphService/ListBlocked",
    "messaging.v1.ConversationService/ListConversations",
];

/// The second field of every answer that is a page.
#[derive(Clone, PartialEq, Message)]
struct AnyPage {
    #[prost(message, optional, tag = "2")]
    page: Option<PageInfo>,
}

/// A list with its parameters.
#[derive(Debug, Clone, PartialEq)]
enum List {
    Plain(&'static str),
    Requests(RequestTier),
    Messages(String),
}

impl List {
    async fn ask(&self, person: &Person, size: i32, token: &str) -> Result<String, tonic::Status> {
        let page = Some(PageRequest {
            page_size: size,
            page_token: token.to_owned(),
        });
        let answer = match self {
            Self::Plain(rpc) => ask(person, rpc, &ListFollowersRequest { page }).await,
            Self::Requests(tier) => {
                let tier = (*tier).into();
                let list = ListRequestsRequest { page, tier };
                ask(person, "messaging.v1.RequestService/ListRequests", &list).await
            }
            Self::Messages(conversation) => {
                let conversation_id = conversation.clone();
                let list = ListMessagesRequest {
                    conversation_id,
                    page,
                };
                ask(person, "messaging.v1.MessageService/ListMessages", &list).await
            }
        };
        let answer = AnyPage::decode(answer?.as_slice()).unwrap();
        Ok(answer.page.unwrap().next_page_token)
    }
}

/// Ada with two entries in every list but the hidden requests, Ben, who shares a conversation, and
/// the lists.
async fn lists() -> (Suite, Person, Person, Vec<List>) {
    let suite = Suite::start().await;
    let ada = suite.open_person("ada").await;
    let mut conversations = Vec::new();
    let mut friends = Vec::new();
    for handle in ["ben", "cleo"] {
        let friend = suite.person(handle).await;
        ada.befriend(&friend).await;
        ada.send(&friend, "one").await;
        let sent = delivered(friend.send(&ada, "two").await).message.unwrap();
        conversations.push(sent.conversation_id);
        friends.push(friend);
    }
    for handle in ["dora", "emil"] {
        suite.person(handle).await.send(&ada, "hello").await;
    }
    for handle in ["fritz", "gina"] {
        ada.block(&suite.person(handle).await).await;
    }
    for _ in 0..2 {
        let create = CreateSessionRequest {
            handle: "ada".to_owned(),
            password: PASSWORD.to_owned(),
            device_name: String::new(),
        };
        suite.sessions().create_session(create).await.unwrap();
    }
    let tiers = [RequestTier::Filtered, RequestTier::Hidden].map(List::Requests);
    let plain = PLAIN.into_iter().map(List::Plain);
    let messages = conversations.into_iter().map(List::Messages);
    let lists = plain.chain(messages).chain(tiers).collect();
    (suite, ada, friends.swap_remove(0), lists)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_works_for_its_caller_its_rpc_and_its_parameters_alone() {
    let (_suite, ada, ben, lists) = lists().await;
    let mut tokens = Vec::new();
    for list in &lists {
        let token = list.ask(&ada, 1, "").await.unwrap();
        let hidden = *list == List::Requests(RequestTier::Hidden);
        assert_eq!(token.is_empty(), hidden, "{list:?}");
        if !hidden {
            tokens.push((list, token));
        }
    }
    for (issued, token) in &tokens {
        for list in &lists {
            let answer = list.ask(&ada, 1, token).await;
            if list == *issued {
                assert_eq!(answer.unwrap(), "", "{list:?}");
            } else {
                assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidPageToken);
            }
        }
        // Unspecified means filtered, so it is the same list.
        let unspecified = List::Requests(RequestTier::Unspecified);
        let same = **issued == List::Requests(RequestTier::Filtered);
        assert_eq!(unspecified.ask(&ada, 1, token).await.is_ok(), same);
        let answer = issued.ask(&ben, 1, token).await;
        assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidPageToken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_and_made_up_tokens_are_refused_and_change_nothing() {
    let (_suite, ada, _, lists) = lists().await;
    for list in lists {
        let good = list.ask(&ada, 1, "").await.unwrap();
        let mut bad = vec![
            "x".to_owned(),
            "\0".to_owned(),
            "null".to_owned(),
            "AAAA".to_owned(),
            "A".repeat(60),
            "A".repeat(512),
            "A".repeat(60_000),
            "' OR 1=1 --".to_owned(),
            "🦀".to_owned(),
        ];
        if !good.is_empty() {
            let mut flipped = good.clone().into_bytes();
            flipped[20] = if flipped[20] == b'A' { b'B' } else { b'A' };
            bad.push(String::from_utf8(flipped).unwrap());
            bad.extend([1, good.len() / 2, good.len() - 1].map(|end| good[..end].to_owned()));
            bad.extend([format!("{good}A"), format!("{good}="), format!(" {good}")]);
            bad.push([good.as_str(), good.as_str()].concat());
        }
        for token in bad {
            let answer = list.ask(&ada, 1, &token).await;
            assert_fails(answer, Code::InvalidArgument, ErrorReason::InvalidPageToken);
        }
        for size in [-1, i32::MIN] {
            for token in ["", good.as_str()] {
                let answer = list.ask(&ada, size, token).await;
                assert_eq!(wrong_fields(answer), ["page.page_size"], "{list:?}");
            }
        }
        assert_eq!(list.ask(&ada, i32::MAX, "").await.unwrap(), "", "{list:?}");
        list.ask(&ada, 1, &good).await.unwrap();
    }
}
