//! What the three say: what their state holds, or as their fault has it.

use postern_proto::{
    common::v1::{ErrorReason, person_ref::Person},
    graph::v1::{
        BatchGetRelationshipsRequest, BatchGetRelationshipsResponse, GetRelationshipRequest,
        GetRelationshipResponse, relationship_service_server::RelationshipService,
    },
    identity::v1::{
        BatchGetStandingRequest, BatchGetStandingResponse, GetStandingRequest, GetStandingResponse,
        RestrictAutomaticallyRequest, RestrictAutomaticallyResponse, Sanction,
        standing_facts_service_server::StandingFactsService,
    },
    policy::v1::SanctionKind,
    settings::v1::{
        BatchGetDmPoliciesRequest, BatchGetDmPoliciesResponse, GetDmPolicyRequest,
        GetDmPolicyResponse, dm_policy_service_server::DmPolicyService,
    },
};
use postern_shared::{caller::ServiceName, error};
use tonic::{Code, Request, Status};

use super::{Fake, Fault};
use crate::rpc::Answer;

#[tonic::async_trait]
impl RelationshipService for Fake {
    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Answer<GetRelationshipResponse> {
        let fault = self.fault(ServiceName::Graph).await?;
        let ask = request.into_inner();
        let (answer, meanwhile, call) = self.with(|state| {
            state.graph_calls += 1;
            let found = state.relationship(ask.user_id, ask.peer_id);
            let graph = ServiceName::Graph;
            let (user, peer) = (&found.user_id, &found.peer_id);
            let user = state.hold_to(graph, user, ask.min_user_version, found.user_version);
            let peer = state.hold_to(graph, peer, ask.min_peer_version, found.peer_version);
            let answer = user.and(peer).map(|()| found);
            (answer, state.meanwhile.clone(), state.graph_calls)
        });
        if let Some(meanwhile) = meanwhile {
            meanwhile(call).await;
        }
        let mut answer = GetRelationshipResponse {
            relationship: Some(answer?),
        };
        if let Some(Fault::Graph(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }

    async fn batch_get_relationships(
        &self,
        request: Request<BatchGetRelationshipsRequest>,
    ) -> Answer<BatchGetRelationshipsResponse> {
        let fault = self.fault(ServiceName::Graph).await?;
        let ask = request.into_inner();
        assert!(
            (1..=100).contains(&ask.peer_ids.len()),
            "graph takes 1 to 100"
        );
        if let Some(meeting) = self.with(|state| state.meeting.clone()) {
            meeting.wait().await;
        }
        let relationships = self.with(|state| {
            let peers = ask.peer_ids.into_iter();
            let between = peers.map(|peer| state.relationship(ask.user_id.clone(), peer));
            between.collect()
        });
        let mut answer = BatchGetRelationshipsResponse { relationships };
        if let Some(Fault::Graphs(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }
}

#[tonic::async_trait]
impl DmPolicyService for Fake {
    async fn get_dm_policy(
        &self,
        request: Request<GetDmPolicyRequest>,
    ) -> Answer<GetDmPolicyResponse> {
        let fault = self.fault(ServiceName::Settings).await?;
        let ask = request.into_inner();
        let policy = self.with(|state| {
            let policy = state.policies[&ask.user_id].clone();
            let settings = ServiceName::Settings;
            state.hold_to(settings, &ask.user_id, ask.min_version, policy.version)?;
            Ok::<_, Status>(policy)
        })?;
        let mut answer = GetDmPolicyResponse {
            policy: Some(policy),
        };
        if let Some(Fault::Policy(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }

    async fn batch_get_dm_policies(
        &self,
        request: Request<BatchGetDmPoliciesRequest>,
    ) -> Answer<BatchGetDmPoliciesResponse> {
        let fault = self.fault(ServiceName::Settings).await?;
        let ids = request.into_inner().user_ids;
        let found = |id| self.with(|state| state.policies.get(id).cloned());
        let policies = ids.iter().filter_map(found).collect();
        let mut answer = BatchGetDmPoliciesResponse { policies };
        if let Some(Fault::Settings(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }
}

#[tonic::async_trait]
impl StandingFactsService for Fake {
    async fn restrict_automatically(
        &self,
        request: Request<RestrictAutomaticallyRequest>,
    ) -> Answer<RestrictAutomaticallyResponse> {
        let ask = request.into_inner();
        let sanction = Some(Sanction {
            kind: SanctionKind::SendRestricted.into(),
            end_time: ask.end_time,
        });
        self.with(|state| {
            state.restrictions.push(ask.clone());
            if let Some(status) = state.restricting_fails.clone() {
                return Err(status);
            }
            let standing = state.standings.get_mut(&ask.user_id).unwrap();
            standing.sanction = sanction;
            Ok(RestrictAutomaticallyResponse { sanction }.into())
        })
    }

    async fn get_standing(
        &self,
        request: Request<GetStandingRequest>,
    ) -> Answer<GetStandingResponse> {
        let fault = self.fault(ServiceName::Identity).await?;
        let ask = request.into_inner();
        let handle = match ask.person.unwrap().person.unwrap() {
            Person::Handle(handle) => handle,
            Person::UserId(id) => return self.one_standing(&id, ask.min_version, fault),
        };
        if handle == "proxy" {
            return Err(Status::not_found("something in between speaks"));
        }
        if handle == "broken" {
            return Ok(GetStandingResponse::default().into());
        }
        let standing = self.with(|state| {
            let user = state.handles.get(&handle)?;
            state.standings.get(&user.to_string()).cloned()
        });
        let missing = || error::status(Code::NotFound, ErrorReason::AccountNotFound, "nobody");
        let standing = Some(standing.ok_or_else(missing)?);
        Ok(GetStandingResponse { standing }.into())
    }

    async fn batch_get_standing(
        &self,
        request: Request<BatchGetStandingRequest>,
    ) -> Answer<BatchGetStandingResponse> {
        let fault = self.fault(ServiceName::Identity).await?;
        let ids = request.into_inner().user_ids;
        let found = |id| self.with(|state| state.standings.get(id).cloned());
        let standings = ids.iter().filter_map(found).collect();
        let mut answer = BatchGetStandingResponse { standings };
        if let Some(Fault::Identity(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }
}

impl Fake {
    fn one_standing(
        &self,
        id: &str,
        min: u64,
        fault: Option<Fault>,
    ) -> Answer<GetStandingResponse> {
        let standing = self.with(|state| {
            let standing = state.standings[id].clone();
            state.hold_to(ServiceName::Identity, id, min, standing.version)?;
            Ok::<_, Status>(standing)
        })?;
        let mut answer = GetStandingResponse {
            standing: Some(standing),
        };
        if let Some(Fault::Standing(garble)) = fault {
            garble(&mut answer);
        }
        Ok(answer.into())
    }
}
