//! The RPCs that a replay calls.

use postern_proto::common::v1::{PageInfo, PageRequest, PersonRef, person_ref::Person};
use postern_proto::graph::v1::graph_service_server::GraphService;
use postern_proto::graph::v1::relationship_service_server::RelationshipService;
use postern_proto::graph::v1::*;
use postern_proto::identity::v1::account_service_server::AccountService;
use postern_proto::identity::v1::session_service_server::SessionService;
use postern_proto::identity::v1::*;
use postern_proto::messaging::v1::conversation_service_server::ConversationService;
use postern_proto::messaging::v1::message_service_server::MessageService;
use postern_proto::messaging::v1::request_service_server::RequestService;
use postern_proto::messaging::v1::send_message_response::Outcome;
use postern_proto::messaging::v1::*;
use postern_proto::policy::v1::{RefusalReason, WhoCanMessage};
use postern_proto::settings::v1::settings_service_server::SettingsService;
use postern_proto::settings::v1::*;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::unserved::unserved;
use super::{Fake, Kept, Mischief};

/// Few enough that every list of a test has several pages.
const PAGE_SIZE_MAX: usize = 2;

type Answer<T> = Result<Response<T>, Status>;

impl Fake {
    /// Who calls. A moody server forgets a token now and then, but only one of each person.
    fn caller<T>(&self, request: &Request<T>, kept: &mut Kept) -> Result<String, Status> {
        let unknown = || Status::unauthenticated("no such token");
        let token = request
            .metadata()
            .get("authorization")
            .ok_or_else(unknown)?;
        let token = token.to_str().map_err(|_| unknown())?.to_owned();
        let user_id = kept.sessions.get(&token).cloned().ok_or_else(unknown)?;
        let forgets = self.mood(kept, 3) || self.mischief == Mischief::LostRefresh;
        if forgets && kept.forgotten.insert(user_id.clone()) {
            kept.sessions.remove(&token);
            return Err(unknown());
        }
        Ok(user_id)
    }

    /// Whether a moody server is in the mood for it, one time in so many.
    fn mood(&self, kept: &mut Kept, one_in: usize) -> bool {
        kept.calls += 1;
        self.mischief == Mischief::Moody && kept.calls.is_multiple_of(one_in)
    }

    fn tokens(kept: &mut Kept, user_id: &str) -> Tokens {
        let serial = kept.sessions.len() + kept.refreshes.len() + kept.calls;
        let access_token = format!("access-{user_id}-{serial}");
        let refresh_token = format!("refresh-{user_id}-{serial}");
        kept.sessions
            .insert(format!("Bearer {access_token}"), user_id.to_owned());
        kept.refreshes
            .insert(refresh_token.clone(), user_id.to_owned());
        Tokens {
            access_token,
            refresh_token,
            ..Default::default()
        }
    }

    fn send(&self, request: Request<SendMessageRequest>) -> Answer<SendMessageResponse> {
        let mut kept = self.kept();
        let caller = self.caller(&request, &mut kept)?;
        if self.mischief == Mischief::Away || self.mood(&mut kept, 4) {
            return Err(Status::unavailable(
                "a service that has to be asked is away",
            ));
        }
        if self.mischief == Mischief::Invalid(*self.stored.borrow() + 1) {
            return Err(Status::invalid_argument("this message is wrong"));
        }
        let SendMessageRequest {
            recipient,
            client_message_id,
            content,
        } = request.into_inner();
        let recipient = user_id(recipient)?;
        let key = [caller.clone(), recipient.clone(), client_message_id];
        let content = content.unwrap_or_default();
        let answer = match kept.answers.get(&key) {
            Some(answer) => answer.clone(),
            None => {
                let outcome = self.decide(&mut kept, &caller, &recipient, content);
                SendMessageResponse {
                    outcome: Some(outcome),
                }
            }
        };
        if matches!(answer.outcome, Some(Outcome::Delivered(_))) {
            kept.answers.insert(key, answer.clone());
        }
        if self.mood(&mut kept, 5) {
            return Err(Status::deadline_exceeded("done, but too late"));
        }
        Ok(Response::new(answer))
    }

    fn decide(&self, kept: &mut Kept, from: &str, to: &str, content: Content) -> Outcome {
        let follows = |one: &str, other: &str| kept.follows.contains(&(one.into(), other.into()));
        let friends = follows(from, to) && follows(to, from);
        let refused = |reason: RefusalReason| {
            Outcome::Refused(Refused {
                reason: reason.into(),
                ..Default::default()
            })
        };
        if from == to {
            return refused(RefusalReason::SelfMessage);
        }
        if !kept.everyone.contains(to) {
            return refused(RefusalReason::MutualFollowRequired);
        }
        let mut people = [from.to_owned(), to.to_owned()];
        people.sort();
        let id = people.join("+");
        let conversation = kept.conversations.entry(id.clone()).or_default();
        conversation.people = people;
        if !friends && conversation.oldest_first.len() >= 3 {
            return refused(RefusalReason::AwaitingAcceptance);
        }
        conversation.requested_by = (!friends).then(|| from.to_owned());
        let message = Message {
            conversation_id: id,
            seq: conversation.oldest_first.len() as i64 + 1,
            sender_id: from.to_owned(),
            content: Some(content),
            ..Default::default()
        };
        let mut number = 0;
        self.stored.send_modify(|stored| {
            *stored += 1;
            number = *stored;
        });
        if self.mischief != Mischief::Lose(number) {
            conversation.oldest_first.push(message.clone());
        }
        if self.mischief == Mischief::Double(number) {
            let again = Message {
                seq: message.seq + 1,
                ..message.clone()
            };
            conversation.oldest_first.push(again);
        }
        let placement = if friends {
            Placement::Inbox
        } else {
            Placement::Request
        };
        Outcome::Delivered(Delivered {
            message: Some(message),
            placement: placement.into(),
        })
    }

    fn listed(&self, kept: &Kept, caller: &str, requests: bool) -> Vec<(String, usize)> {
        let mine = kept.conversations.iter().filter(|(_, it)| {
            let to_caller = it.requested_by.as_ref().is_some_and(|by| by != caller);
            let request = to_caller && self.mischief != Mischief::NoRequests;
            it.people.iter().any(|person| person == caller) && request == requests
        });
        let mine = mine.filter(|(_, it)| !it.oldest_first.is_empty());
        mine.map(|(id, it)| (id.clone(), it.oldest_first.len()))
            .collect()
    }
}

fn user_id(person: Option<PersonRef>) -> Result<String, Status> {
    match person.and_then(|person| person.person) {
        Some(Person::UserId(user_id)) => Ok(user_id),
        _ => Err(Status::invalid_argument("a user id is needed")),
    }
}

fn page<T: Clone>(all: &[T], page: Option<PageRequest>) -> (Vec<T>, Option<PageInfo>) {
    let page = page.unwrap_or_default();
    let start: usize = page.page_token.parse().unwrap_or(0);
    let size = usize::try_from(page.page_size)
        .unwrap_or(0)
        .min(PAGE_SIZE_MAX);
    let end = all.len().min(start + size);
    let next_page_token = if end < all.len() {
        end.to_string()
    } else {
        String::new()
    };
    (all[start..end].to_vec(), Some(PageInfo { next_page_token }))
}

#[tonic::async_trait]
impl AccountService for Fake {
    async fn create_account(
        &self,
        request: Request<CreateAccountRequest>,
    ) -> Answer<CreateAccountResponse> {
        let CreateAccountRequest {
            handle, password, ..
        } = request.into_inner();
        let mut kept = self.kept();
        if kept.passwords.contains_key(&handle) {
            return Err(Status::already_exists("the handle is taken"));
        }
        kept.passwords.insert(handle, password);
        if self.mood(&mut kept, 3) {
            return Err(Status::deadline_exceeded("done, but too late"));
        }
        Ok(Response::new(CreateAccountResponse::default()))
    }

    unserved! {
        deactivate_account: DeactivateAccountRequest => DeactivateAccountResponse;
        reactivate_account: ReactivateAccountRequest => ReactivateAccountResponse;
        get_account: GetAccountRequest => GetAccountResponse;
        batch_get_accounts: BatchGetAccountsRequest => BatchGetAccountsResponse;
        update_account: UpdateAccountRequest => UpdateAccountResponse;
        get_enforcement: postern_proto::identity::v1::GetEnforcementRequest
            => postern_proto::identity::v1::GetEnforcementResponse;
    }
}

#[tonic::async_trait]
impl SessionService for Fake {
    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Answer<CreateSessionResponse> {
        let CreateSessionRequest {
            handle, password, ..
        } = request.into_inner();
        let mut kept = self.kept();
        if self.mood(&mut kept, 3) {
            let wait = std::time::Duration::from_millis(20);
            let details = ErrorDetails::with_retry_info(Some(wait));
            let code = Code::ResourceExhausted;
            return Err(Status::with_error_details(code, "too many hashes", details));
        }
        if kept.passwords.get(&handle) != Some(&password) {
            return Err(Status::unauthenticated("handle and password do not match"));
        }
        kept.sign_ins += 1;
        let user_id = format!("id-of-{handle}");
        let tokens = Some(Self::tokens(&mut kept, &user_id));
        Ok(Response::new(CreateSessionResponse {
            user_id,
            tokens,
            session: None,
        }))
    }

    async fn refresh_session(
        &self,
        request: Request<RefreshSessionRequest>,
    ) -> Answer<RefreshSessionResponse> {
        let mut kept = self.kept();
        let refused = self.mood(&mut kept, 2);
        match kept.refreshes.remove(&request.into_inner().refresh_token) {
            Some(user_id) if !refused => {
                let tokens = Some(Self::tokens(&mut kept, &user_id));
                if self.mood(&mut kept, 3) || self.mischief == Mischief::LostRefresh {
                    // Whoever comes back with the old token has lost the session.
                    return Err(Status::deadline_exceeded("done, but too late"));
                }
                Ok(Response::new(RefreshSessionResponse { tokens }))
            }
            _ => Err(Status::unauthenticated("no such refresh token")),
        }
    }

    unserved! {
        list_sessions: ListSessionsRequest => ListSessionsResponse;
        revoke_session: RevokeSessionRequest => RevokeSessionResponse;
        get_jwks: GetJwksRequest => GetJwksResponse;
    }
}

#[tonic::async_trait]
impl SettingsService for Fake {
    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Answer<UpdateSettingsResponse> {
        let mut kept = self.kept();
        let caller = self.caller(&request, &mut kept)?;
        let UpdateSettingsRequest {
            settings,
            update_mask,
            ..
        } = request.into_inner();
        let chosen = settings.unwrap_or_default().who_can_message();
        let paths = update_mask.unwrap_or_default().paths;
        if chosen != WhoCanMessage::Everyone || paths != ["who_can_message"] {
            return Err(Status::invalid_argument("not what a replay would set"));
        }
        kept.everyone.insert(caller);
        Ok(Response::new(UpdateSettingsResponse::default()))
    }

    unserved! {
        get_settings: GetSettingsRequest => GetSettingsResponse;
        get_effective_policy: GetEffectivePolicyRequest => GetEffectivePolicyResponse;
        list_changes: ListChangesRequest => ListChangesResponse;
        get_enforcement: postern_proto::settings::v1::GetEnforcementRequest
            => postern_proto::settings::v1::GetEnforcementResponse;
    }
}

#[tonic::async_trait]
impl GraphService for Fake {
    async fn follow(&self, request: Request<FollowRequest>) -> Answer<FollowResponse> {
        let mut kept = self.kept();
        let caller = self.caller(&request, &mut kept)?;
        let followee = user_id(request.into_inner().person)?;
        kept.follows.insert((caller, followee));
        Ok(Response::new(FollowResponse::default()))
    }

    unserved! {
        get_enforcement: postern_proto::graph::v1::GetEnforcementRequest
            => postern_proto::graph::v1::GetEnforcementResponse;
        unfollow: UnfollowRequest => UnfollowResponse;
        remove_follower: RemoveFollowerRequest => RemoveFollowerResponse;
        block: BlockRequest => BlockResponse;
        unblock: UnblockRequest => UnblockResponse;
        list_followers: ListFollowersRequest => ListFollowersResponse;
        list_following: ListFollowingRequest => ListFollowingResponse;
        list_friends: ListFriendsRequest => ListFriendsResponse;
        list_blocked: ListBlockedRequest => ListBlockedResponse;
        get_my_relationship: GetMyRelationshipRequest => GetMyRelationshipResponse;
        get_counts: GetCountsRequest => GetCountsResponse;
    }
}

/// What the internal port takes for a service's credential.
const CREDENTIAL: &str = "messaging.secret";

#[tonic::async_trait]
impl RelationshipService for Fake {
    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Answer<GetRelationshipResponse> {
        let credential = request.metadata().get("postern-service");
        if credential.is_none_or(|value| value != CREDENTIAL) {
            return Err(Status::unauthenticated("this RPC is for services"));
        }
        let GetRelationshipRequest {
            user_id, peer_id, ..
        } = request.into_inner();
        let kept = self.kept();
        let follows =
            |one: &String, other: &String| kept.follows.contains(&(one.clone(), other.clone()));
        let relationship = Some(Relationship {
            user_follows: follows(&user_id, &peer_id),
            peer_follows: follows(&peer_id, &user_id),
            user_id,
            peer_id,
            ..Default::default()
        });
        Ok(Response::new(GetRelationshipResponse { relationship }))
    }

    unserved! {
        batch_get_relationships: BatchGetRelationshipsRequest => BatchGetRelationshipsResponse;
    }
}

#[tonic::async_trait]
impl MessageService for Fake {
    unserved! {
        delete_message: DeleteMessageRequest => DeleteMessageResponse;
    }

    async fn send_message(
        &self,
        request: Request<SendMessageRequest>,
    ) -> Answer<SendMessageResponse> {
        let answer = self.send(request);
        let stored = *self.stored.borrow();
        if matches!(self.mischief, Mischief::Silent(after) if stored >= after) {
            // Until the server is gone.
            std::future::pending::<()>().await;
        }
        answer
    }

    async fn list_messages(
        &self,
        request: Request<ListMessagesRequest>,
    ) -> Answer<ListMessagesResponse> {
        let mut kept = self.kept();
        let caller = self.caller(&request, &mut kept)?;
        let request = request.into_inner();
        let conversation = kept.conversations.get(&request.conversation_id);
        let conversation = conversation.filter(|it| it.people.contains(&caller));
        let conversation = conversation.ok_or_else(|| Status::not_found("no such conversation"))?;
        let mut newest_first: Vec<_> = conversation.oldest_first.iter().rev().cloned().collect();
        if self.mischief == Mischief::Swap && newest_first.len() > 1 {
            newest_first.swap(0, 1);
        }
        let (messages, page) = page(&newest_first, request.page);
        Ok(Response::new(ListMessagesResponse { messages, page }))
    }
}

#[tonic::async_trait]
impl ConversationService for Fake {
    async fn list_conversations(
        &self,
        request: Request<ListConversationsRequest>,
    ) -> Answer<ListConversationsResponse> {
        let mut kept = self.kept();
        let caller = self.caller(&request, &mut kept)?;
        let listed = self.listed(&kept, &caller, false);
        let (listed, page) = page(&listed, request.into_inner().page);
        let conversation = |(conversation_id, _)| Conversation {
            conversation_id,
            ..Default::default()
        };
        let conversations = listed.into_iter().map(conversation).collect();
        Ok(Response::new(ListConversationsResponse {
            conversations,
            page,
        }))
    }
}

#[tonic::async_trait]
impl RequestService for Fake {
    async fn list_requests(
        &self,
        request: Request<ListRequestsRequest>,
    ) -> Answer<ListRequestsResponse> {
        let mut kept = self.kept();
        let caller = self.caller(&request, &mut kept)?;
        // What was written by a single message waits among the hidden ones, to be looked for.
        let hidden = request.get_ref().tier() == RequestTier::Hidden;
        let mut listed = self.listed(&kept, &caller, true);
        listed.retain(|(_, messages)| hidden == (*messages == 1));
        let (listed, page) = page(&listed, request.into_inner().page);
        let pending = |(conversation_id, _)| MessageRequest {
            conversation_id,
            ..Default::default()
        };
        let requests = listed.into_iter().map(pending).collect();
        Ok(Response::new(ListRequestsResponse {
            requests,
            page,
            ..ListRequestsResponse::default()
        }))
    }

    unserved! {
        batch_decline_requests: BatchDeclineRequestsRequest => BatchDeclineRequestsResponse;
        accept_request: AcceptRequestRequest => AcceptRequestResponse;
        decline_request: DeclineRequestRequest => DeclineRequestResponse;
    }
}
