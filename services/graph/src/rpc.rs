//! What this service answers: one line for each RPC, one file for each group.

mod block;
mod counts;
mod enforcement;
mod follow;
mod lists;
mod my_relationship;
mod person;
mod presence;
mod relationship;

use std::sync::Arc;

use postern_proto::{
    graph::v1::{
        BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, BlockRequest, BlockResponse,
        FollowRequest, FollowResponse, GetCountsRequest, GetCountsResponse, GetEnforcementRequest,
        GetEnforcementResponse, GetMyRelationshipRequest, GetMyRelationshipResponse,
        GetRelationshipRequest, GetRelationshipResponse, ListBlockedRequest, ListBlockedResponse,
        ListFollowersRequest, ListFollowersResponse, ListFollowingRequest, ListFollowingResponse,
        ListFriendsRequest, ListFriendsResponse, RemoveFollowerRequest, RemoveFollowerResponse,
        UnblockRequest, UnblockResponse, UnfollowRequest, UnfollowResponse,
        graph_service_server::GraphService, relationship_service_server::RelationshipService,
    },
    identity::v1::standing_facts_service_client::StandingFactsServiceClient,
    policy::v1::{
        SetPresenceRequest, SetPresenceResponse, presence_service_server::PresenceService,
    },
};
use postern_shared::{
    caller::{answer, answer_me},
    clock::Clock,
    fence::Fences,
    page::Pager,
    peer::Peer,
    random::Random,
};
use tonic::{Request, Response, Status, async_trait};

use crate::store::Store;

type Answer<T> = Result<Response<T>, Status>;

/// What the handlers work with.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// What is stored.
    pub store: Store,
    /// Who exists.
    pub identity: StandingFactsServiceClient<Peer>,
    /// Raises what a change closes, before it is acknowledged.
    pub fences: Fences,
    /// Makes page tokens.
    pub pager: Arc<Pager>,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
}

#[async_trait]
impl GraphService for Rpc {
    async fn follow(&self, request: Request<FollowRequest>) -> Answer<FollowResponse> {
        answer_me(request, |me, ask| follow::follow(self, me, ask)).await
    }

    async fn unfollow(&self, request: Request<UnfollowRequest>) -> Answer<UnfollowResponse> {
        answer_me(request, |me, ask| follow::unfollow(self, me, ask)).await
    }

    async fn remove_follower(
        &self,
        request: Request<RemoveFollowerRequest>,
    ) -> Answer<RemoveFollowerResponse> {
        answer_me(request, |me, ask| follow::remove_follower(self, me, ask)).await
    }

    async fn block(&self, request: Request<BlockRequest>) -> Answer<BlockResponse> {
        answer_me(request, |me, ask| block::block(self, me, ask)).await
    }

    async fn unblock(&self, request: Request<UnblockRequest>) -> Answer<UnblockResponse> {
        answer_me(request, |me, ask| block::unblock(self, me, ask)).await
    }

    async fn list_followers(
        &self,
        request: Request<ListFollowersRequest>,
    ) -> Answer<ListFollowersResponse> {
        answer_me(request, |me, ask| lists::followers(self, me, ask)).await
    }

    async fn list_following(
        &self,
        request: Request<ListFollowingRequest>,
    ) -> Answer<ListFollowingResponse> {
        answer_me(request, |me, ask| lists::following(self, me, ask)).await
    }

    async fn list_friends(
        &self,
        request: Request<ListFriendsRequest>,
    ) -> Answer<ListFriendsResponse> {
        answer_me(request, |me, ask| lists::friends(self, me, ask)).await
    }

    async fn list_blocked(
        &self,
        request: Request<ListBlockedRequest>,
    ) -> Answer<ListBlockedResponse> {
        answer_me(request, |me, ask| lists::blocked(self, me, ask)).await
    }

    async fn get_my_relationship(
        &self,
        request: Request<GetMyRelationshipRequest>,
    ) -> Answer<GetMyRelationshipResponse> {
        answer_me(request, |me, ask| {
            my_relationship::get_my_relationship(self, me, ask)
        })
        .await
    }

    async fn get_counts(&self, request: Request<GetCountsRequest>) -> Answer<GetCountsResponse> {
        answer_me(request, |me, ask| counts::get_counts(self, me, ask)).await
    }

    async fn get_enforcement(
        &self,
        request: Request<GetEnforcementRequest>,
    ) -> Answer<GetEnforcementResponse> {
        answer_me(request, |me, _| enforcement::get_enforcement(self, me)).await
    }
}

#[async_trait]
impl PresenceService for Rpc {
    async fn set_presence(
        &self,
        request: Request<SetPresenceRequest>,
    ) -> Answer<SetPresenceResponse> {
        answer(request, |_, ask| presence::set_presence(self, ask)).await
    }
}

#[async_trait]
impl RelationshipService for Rpc {
    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Answer<GetRelationshipResponse> {
        answer(request, |caller, ask| relationship::get(self, caller, ask)).await
    }

    async fn batch_get_relationships(
        &self,
        request: Request<BatchGetRelationshipsRequest>,
    ) -> Answer<BatchGetRelationshipsResponse> {
        answer(request, |caller, ask| {
            relationship::batch_get(self, caller, ask)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
