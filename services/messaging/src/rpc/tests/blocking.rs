//! Graph as people use it: who is blocked is noted, and nothing else is asked for. By whom does not
//! show here: inside a process the person goes along where only the middleware looks.

use postern_proto::{
    common::v1::person_ref::Person,
    graph::v1::{
        BlockRequest, BlockResponse, FollowRequest, FollowResponse, GetCountsRequest,
        GetCountsResponse, GetEnforcementRequest, GetEnforcementResponse, GetMyRelationshipRequest,
        GetMyRelationshipResponse, ListBlockedRequest, ListBlockedResponse, ListFollowersRequest,
        ListFollowersResponse, ListFollowingRequest, ListFollowingResponse, ListFriendsRequest,
        ListFriendsResponse, RemoveFollowerRequest, RemoveFollowerResponse, UnblockRequest,
        UnblockResponse, UnfollowRequest, UnfollowResponse, graph_service_server::GraphService,
    },
};
use postern_shared::caller::ServiceName;
use tonic::{Request, Status};

use super::{super::Answer, fake::Fake};

fn never<T>() -> Answer<T> {
    Err(Status::unimplemented("messaging blocks and nothing else"))
}

#[tonic::async_trait]
impl GraphService for Fake {
    async fn block(&self, request: Request<BlockRequest>) -> Answer<BlockResponse> {
        self.fault(ServiceName::Graph).await?;
        let Some(Person::UserId(peer)) = request.into_inner().person.unwrap().person else {
            panic!("messaging names people by their ids");
        };
        let enforcement = self.with(|state| {
            state.blocked.push(peer);
            state.enforcement
        });
        Ok(BlockResponse {
            relationship: None,
            enforcement: enforcement.into(),
        }
        .into())
    }

    async fn follow(&self, _: Request<FollowRequest>) -> Answer<FollowResponse> {
        never()
    }

    async fn unfollow(&self, _: Request<UnfollowRequest>) -> Answer<UnfollowResponse> {
        never()
    }

    async fn remove_follower(
        &self,
        _: Request<RemoveFollowerRequest>,
    ) -> Answer<RemoveFollowerResponse> {
        never()
    }

    async fn unblock(&self, _: Request<UnblockRequest>) -> Answer<UnblockResponse> {
        never()
    }

    async fn list_followers(
        &self,
        _: Request<ListFollowersRequest>,
    ) -> Answer<ListFollowersResponse> {
        never()
    }

    async fn list_following(
        &self,
        _: Request<ListFollowingRequest>,
    ) -> Answer<ListFollowingResponse> {
        never()
    }

    async fn list_friends(&self, _: Request<ListFriendsRequest>) -> Answer<ListFriendsResponse> {
        never()
    }

    async fn list_blocked(&self, _: Request<ListBlockedRequest>) -> Answer<ListBlockedResponse> {
        never()
    }

    async fn get_my_relationship(
        &self,
        _: Request<GetMyRelationshipRequest>,
    ) -> Answer<GetMyRelationshipResponse> {
        never()
    }

    async fn get_counts(&self, _: Request<GetCountsRequest>) -> Answer<GetCountsResponse> {
        never()
    }

    async fn get_enforcement(
        &self,
        _: Request<GetEnforcementRequest>,
    ) -> Answer<GetEnforcementResponse> {
        never()
    }
}
