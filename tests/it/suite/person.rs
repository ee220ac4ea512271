//! Someone who is signed in and calls the suite like everyone else.

use postern_proto::{
    common::v1::PersonRef,
    graph::v1::{
        BlockRequest, BlockResponse, FollowRequest, RemoveFollowerRequest, UnblockRequest,
        UnfollowRequest, graph_service_client::GraphServiceClient,
    },
    identity::v1::{
        DeactivateAccountRequest, ReactivateAccountRequest,
        account_service_client::AccountServiceClient,
        standing_service_client::StandingServiceClient,
    },
    messaging::v1::{
        AcceptRequestRequest, AcceptRequestResponse, Conversation, ConversationFolder,
        DeclineRequestRequest, DeclineRequestResponse, DeleteMessageRequest, DeleteScope,
        ExplainSendRequest, ExplainSendResponse, ListConversationsRequest, ListMessagesRequest,
        ListRequestsRequest, ListRequestsResponse, Message, MessageRequest, RequestTier,
        RevokeConsentRequest, SendMessageRequest, SendMessageResponse,
        consent_service_client::ConsentServiceClient,
        conversation_service_client::ConversationServiceClient,
        message_service_client::MessageServiceClient,
        moderation_service_client::ModerationServiceClient,
        request_service_client::RequestServiceClient,
    },
    policy::v1::WhoCanMessage,
    settings::v1::{
        Settings, UpdateSettingsRequest, settings_service_client::SettingsServiceClient,
    },
};
use postern_shared::{id::UserId, random::Random};
use tonic::{Request, Status, transport::Channel};

use super::{by_id, mask, text_content};

/// Someone who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub handle: String,
    pub token: String,
    pub channel: Channel,
}

impl Person {
    /// A request in this person's name.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    /// This person, as others name them.
    pub fn reference(&self) -> Option<PersonRef> {
        by_id(&self.id.to_string())
    }

    pub fn graph(&self) -> GraphServiceClient<Channel> {
        GraphServiceClient::new(self.channel.clone())
    }

    pub fn accounts(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    pub fn standing(&self) -> StandingServiceClient<Channel> {
        StandingServiceClient::new(self.channel.clone())
    }

    pub fn consents(&self) -> ConsentServiceClient<Channel> {
        ConsentServiceClient::new(self.channel.clone())
    }

    pub fn moderation(&self) -> ModerationServiceClient<Channel> {
        ModerationServiceClient::new(self.channel.clone())
    }

    pub fn settings(&self) -> SettingsServiceClient<Channel> {
        SettingsServiceClient::new(self.channel.clone())
    }

    pub fn messages(&self) -> MessageServiceClient<Channel> {
        MessageServiceClient::new(self.channel.clone())
    }

    pub fn conversations(&self) -> ConversationServiceClient<Channel> {
        ConversationServiceClient::new(self.channel.clone())
    }

    pub fn requests(&self) -> RequestServiceClient<Channel> {
        RequestServiceClient::new(self.channel.clone())
    }

    pub async fn follow(&self, other: &Self) {
        let ask = self.ask(FollowRequest {
            person: other.reference(),
        });
        self.graph().follow(ask).await.unwrap();
    }

    pub async fn unfollow(&self, other: &Self) {
        let ask = self.ask(UnfollowRequest {
            person: other.reference(),
        });
        self.graph().unfollow(ask).await.unwrap();
    }

    pub async fn befriend(&self, other: &Self) {
        self.follow(other).await;
        other.follow(self).await;
    }

    pub async fn remove(&self, follower: &Self) {
        let ask = self.ask(RemoveFollowerRequest {
            person: follower.reference(),
        });
        self.graph().remove_follower(ask).await.unwrap();
    }

    pub async fn block(&self, other: &Self) -> BlockResponse {
        let ask = self.ask(BlockRequest {
            person: other.reference(),
        });
        self.graph().block(ask).await.unwrap().into_inner()
    }

    pub async fn unblock(&self, other: &Self) {
        let ask = self.ask(UnblockRequest {
            person: other.reference(),
        });
        self.graph().unblock(ask).await.unwrap();
    }

    pub async fn let_write(&self, who: WhoCanMessage) {
        let ask = self.ask(UpdateSettingsRequest {
            settings: Some(Settings {
                who_can_message: who.into(),
                ..Settings::default()
            }),
            update_mask: Some(mask(&["who_can_message"])),
            etag: String::new(),
        });
        self.settings().update_settings(ask).await.unwrap();
    }

    /// Sends a text under an id.
    pub async fn send_as(
        &self,
        other: &Self,
        id: &str,
        text: &str,
    ) -> Result<SendMessageResponse, Status> {
        let ask = self.ask(SendMessageRequest {
            recipient: other.reference(),
            client_message_id: id.to_owned(),
            content: text_content(text),
        });
        Ok(self.messages().send_message(ask).await?.into_inner())
    }

    /// Sends a text under an id of its own.
    pub async fn send(&self, other: &Self, text: &str) -> SendMessageResponse {
        let id = uuid::Uuid::from_bytes(Random::system().bytes()).to_string();
        self.send_as(other, &id, text).await.unwrap()
    }

    /// The inbox, all pages: conversation ids, latest first.
    pub async fn inbox(&self) -> Vec<String> {
        let ask = self.ask(ListConversationsRequest::default());
        let listed = self
            .conversations()
            .list_conversations(ask)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            listed.page.unwrap().next_page_token,
            "",
            "a test's inbox fits a page"
        );
        listed
            .conversations
            .into_iter()
            .map(|listed| listed.conversation_id)
            .collect()
    }

    /// The filtered requests.
    pub async fn filtered(&self) -> Vec<MessageRequest> {
        let ask = self.ask(ListRequestsRequest {
            tier: RequestTier::Filtered.into(),
            page: None,
        });
        self.requests()
            .list_requests(ask)
            .await
            .unwrap()
            .into_inner()
            .requests
    }

    /// A page of requests with the counts.
    pub async fn listed_requests(&self, tier: RequestTier) -> ListRequestsResponse {
        let ask = self.ask(ListRequestsRequest {
            tier: tier.into(),
            page: None,
        });
        let listed = self.requests().list_requests(ask).await.unwrap();
        listed.into_inner()
    }

    /// A folder of conversations.
    pub async fn conversations_in(&self, folder: ConversationFolder) -> Vec<Conversation> {
        let ask = self.ask(ListConversationsRequest {
            folder: folder.into(),
            page: None,
        });
        let listed = self.conversations().list_conversations(ask).await.unwrap();
        listed.into_inner().conversations
    }

    pub async fn accept(&self, conversation: &str) -> Result<AcceptRequestResponse, Status> {
        let ask = self.ask(AcceptRequestRequest {
            conversation_id: conversation.to_owned(),
        });
        Ok(self.requests().accept_request(ask).await?.into_inner())
    }

    pub async fn decline(
        &self,
        conversation: &str,
        block: bool,
    ) -> Result<DeclineRequestResponse, Status> {
        let ask = self.ask(DeclineRequestRequest {
            conversation_id: conversation.to_owned(),
            block,
        });
        Ok(self.requests().decline_request(ask).await?.into_inner())
    }

    pub async fn revoke(&self, other: &Self) {
        let ask = self.ask(RevokeConsentRequest {
            person: other.reference(),
        });
        self.consents().revoke_consent(ask).await.unwrap();
    }

    /// Deletes a message for everyone.
    pub async fn unsend(&self, conversation: &str, seq: i64) -> Result<Message, Status> {
        let ask = self.ask(DeleteMessageRequest {
            conversation_id: conversation.to_owned(),
            seq,
            scope: DeleteScope::Everyone.into(),
        });
        let deleted = self.messages().delete_message(ask).await?;
        Ok(deleted.into_inner().message.unwrap())
    }

    /// What SendMessage would answer to a plain text.
    pub async fn explain(&self, other: &Self) -> Result<ExplainSendResponse, Status> {
        let ask = self.ask(ExplainSendRequest {
            recipient: other.reference(),
            content: None,
        });
        Ok(self.consents().explain_send(ask).await?.into_inner())
    }

    pub async fn deactivate(&self) {
        let ask = self.ask(DeactivateAccountRequest {});
        self.accounts().deactivate_account(ask).await.unwrap();
    }

    pub async fn reactivate(&self) {
        let ask = self.ask(ReactivateAccountRequest {});
        self.accounts().reactivate_account(ask).await.unwrap();
    }

    /// The messages of a conversation, newest first.
    pub async fn read(&self, conversation_id: &str) -> Result<Vec<Message>, Status> {
        let ask = self.ask(ListMessagesRequest {
            conversation_id: conversation_id.to_owned(),
            page: None,
        });
        Ok(self
            .messages()
            .list_messages(ask)
            .await?
            .into_inner()
            .messages)
    }
}
