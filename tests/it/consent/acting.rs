//! The oracle's acts as calls of real people, and what both sides say compared.

use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{FollowRequest, RemoveFollowerRequest, UnfollowRequest},
    messaging::v1::{
        self as wire, ExplainSendRequest, ExplainSendResponse, Placement, SendMessageRequest,
        SendMessageResponse, explain_send_response, send_message_response::Outcome,
    },
    policy::v1::{RefusalReason, WhoCanMessage},
};
use postern_shared::{error::reason_of, random::Random};
use tonic::Status;

use super::oracle::{Act, Content, Told, Who};
use crate::suite::Person;

/// The id of the conversation of two people: what the contract lets a client remember.
pub type Conversations = std::collections::HashMap<(usize, usize), String>;

/// Some people and the conversations that they have seen.
pub struct World {
    pub people: Vec<Person>,
    pub conversations: Conversations,
}

impl World {
    pub fn of(people: Vec<Person>) -> Self {
        Self {
            people,
            conversations: Conversations::new(),
        }
    }

    /// The conversation of two people, once one has written to the other.
    pub fn conversation(&self, one: usize, other: usize) -> Option<&str> {
        let pair = (one.min(other), one.max(other));
        self.conversations.get(&pair).map(String::as_str)
    }

    /// Does it over the wire. What is refused is no failure: the oracle knows of it.
    pub async fn act(&mut self, act: Act) {
        let people = &self.people;
        match act {
            Act::Follow(me, peer) => {
                let person = people[peer].reference();
                let ask = people[me].ask(FollowRequest { person });
                let reasons = [
                    ErrorReason::AccountNotFound,
                    ErrorReason::AccountBlockedByYou,
                ];
                tolerate(people[me].graph().follow(ask).await, &reasons);
            }
            Act::Unfollow(me, peer) => {
                let person = people[peer].reference();
                let ask = people[me].ask(UnfollowRequest { person });
                let gone = [ErrorReason::AccountNotFound];
                tolerate(people[me].graph().unfollow(ask).await, &gone);
            }
            Act::Remove(me, peer) => {
                let person = people[peer].reference();
                let ask = people[me].ask(RemoveFollowerRequest { person });
                let gone = [ErrorReason::AccountNotFound];
                tolerate(people[me].graph().remove_follower(ask).await, &gone);
            }
            Act::Block(me, peer) => drop(people[me].block(&people[peer]).await),
            Act::Unblock(me, peer) => people[me].unblock(&people[peer]).await,
            Act::Send(me, peer) => drop(self.send(me, peer).await),
            Act::Accept(me, peer) => {
                if let Some(id) = self.conversation(me, peer) {
                    let refused = [
                        ErrorReason::RequestNotFound,
                        ErrorReason::YourMessagesAreOff,
                    ];
                    tolerate(people[me].accept(id).await, &refused);
                }
            }
            Act::Decline(me, peer) => {
                if let Some(id) = self.conversation(me, peer) {
                    let none = [ErrorReason::RequestNotFound];
                    tolerate(people[me].decline(id, false).await, &none);
                }
            }
            Act::Revoke(me, peer) => people[me].revoke(&people[peer]).await,
            Act::Choose(me, who) => people[me].let_write(choice(who)).await,
            Act::Leave(me) => people[me].deactivate().await,
            Act::Return(me) => people[me].reactivate().await,
        }
    }

    /// Sends a text, and what its sender is told of it.
    pub async fn send(&mut self, me: usize, peer: usize) -> Told {
        self.send_of(Content::Text, me, peer).await
    }

    /// The same of any message.
    pub async fn send_of(&mut self, content: Content, me: usize, peer: usize) -> Told {
        let id = uuid::Uuid::from_bytes(Random::system().bytes()).to_string();
        let ask = self.people[me].ask(SendMessageRequest {
            recipient: self.people[peer].reference(),
            client_message_id: id,
            content: said(content),
        });
        let answer = self.people[me].messages().send_message(ask).await.unwrap();
        let answer = answer.into_inner();
        if let Some(Outcome::Delivered(delivered)) = &answer.outcome {
            let id = delivered.message.as_ref().unwrap().conversation_id.clone();
            let pair = (me.min(peer), me.max(peer));
            let known = self.conversations.entry(pair).or_insert_with(|| id.clone());
            assert_eq!(*known, id, "two people have one conversation");
        }
        told(&answer)
    }

    /// What ExplainSend says.
    pub async fn explain(&self, me: usize, peer: usize) -> Told {
        explained(&self.people[me].explain(&self.people[peer]).await.unwrap())
    }

    /// The same of any message.
    pub async fn explain_of(&self, content: Content, me: usize, peer: usize) -> Told {
        let ask = self.people[me].ask(ExplainSendRequest {
            recipient: self.people[peer].reference(),
            content: said(content),
        });
        let answer = self.people[me].consents().explain_send(ask).await.unwrap();
        explained(&answer.into_inner())
    }
}

/// What a SendMessage said, in the oracle's words.
pub fn told(answer: &SendMessageResponse) -> Told {
    match answer.outcome.as_ref().unwrap() {
        Outcome::Delivered(delivered) => placed(delivered.placement()),
        Outcome::Refused(refused) => refusal(refused.reason()),
    }
}

/// What an ExplainSend said, in the oracle's words.
pub fn explained(answer: &ExplainSendResponse) -> Told {
    match answer.outcome.as_ref().unwrap() {
        explain_send_response::Outcome::Delivered(placement) => {
            placed(Placement::try_from(*placement).unwrap())
        }
        explain_send_response::Outcome::Refused(refused) => refusal(refused.reason()),
    }
}

/// What a SendMessage said, whatever it is, in a word.
pub fn shown(answer: &SendMessageResponse) -> String {
    match answer.outcome.as_ref().unwrap() {
        Outcome::Delivered(delivered) => format!("{:?}", delivered.placement()),
        Outcome::Refused(refused) => format!("{:?}", refused.reason()),
    }
}

/// What an ExplainSend said, likewise.
pub fn shown_explained(answer: &ExplainSendResponse) -> String {
    match answer.outcome.as_ref().unwrap() {
        explain_send_response::Outcome::Delivered(placement) => {
            format!("{:?}", Placement::try_from(*placement).unwrap())
        }
        explain_send_response::Outcome::Refused(refused) => format!("{:?}", refused.reason()),
    }
}

fn said(content: Content) -> Option<wire::Content> {
    let content = match content {
        Content::Text => wire::content::Content::Text("hello".to_owned()),
        Content::TextWithLink => {
            wire::content::Content::Text("look at https://example.org/".to_owned())
        }
        Content::Video => wire::content::Content::SharedVideo(wire::SharedVideo {
            video_id: "v-1".to_owned(),
        }),
    };
    Some(wire::Content {
        content: Some(content),
    })
}

fn placed(placement: Placement) -> Told {
    match placement {
        Placement::Inbox => Told::Inbox,
        Placement::Request => Told::Request,
        Placement::Unspecified => panic!("never sent"),
    }
}

fn refusal(reason: RefusalReason) -> Told {
    match reason {
        RefusalReason::YouBlockedRecipient => Told::YouBlockedRecipient,
        RefusalReason::YourMessagesAreOff => Told::YourMessagesAreOff,
        RefusalReason::NotAccepting => Told::NotAccepting,
        RefusalReason::RecipientMessagesAreOff => Told::RecipientMessagesAreOff,
        RefusalReason::MutualFollowRequired => Told::MutualFollowRequired,
        RefusalReason::AwaitingAcceptance => Told::AwaitingAcceptance,
        RefusalReason::RequestTextOnly => Told::RequestTextOnly,
        RefusalReason::SenderRestricted => Told::SenderRestricted,
        other => panic!("adults in good standing with full budgets are never told {other:?}"),
    }
}

/// The contract's word.
pub fn choice(who: Who) -> WhoCanMessage {
    match who {
        Who::Everyone => WhoCanMessage::Everyone,
        Who::Friends => WhoCanMessage::Friends,
        Who::NoOne => WhoCanMessage::NoOne,
    }
}

#[track_caller]
fn tolerate<T: std::fmt::Debug>(answer: Result<T, Status>, reasons: &[ErrorReason]) {
    if let Err(status) = answer {
        let reason = reason_of(&status).unwrap();
        assert!(reasons.contains(&reason), "{status:?}");
    }
}
