//! The RPCs, one line each; what each does stands in the file of its name.

mod batch_get_dm_policies;
mod current;
mod enforcement;
mod get_dm_policy;
mod get_effective_policy;
mod get_settings;
mod list_changes;
mod update_settings;
mod wire;

use std::sync::Arc;

use postern_proto::settings::v1::{
    BatchGetDmPoliciesRequest, BatchGetDmPoliciesResponse, GetDmPolicyRequest, GetDmPolicyResponse,
    GetEffectivePolicyRequest, GetEffectivePolicyResponse, GetEnforcementRequest,
    GetEnforcementResponse, GetSettingsRequest, GetSettingsResponse, ListChangesRequest,
    ListChangesResponse, UpdateSettingsRequest, UpdateSettingsResponse,
    dm_policy_service_server::DmPolicyService, settings_service_server::SettingsService,
};
use postern_shared::{
    caller::{answer, answer_me},
    clock::Clock,
    fence::Fences,
    page::Pager,
};
use tonic::{Request, Response, Status};

use crate::{peers::Identity, store::Store};

/// What the RPCs work with.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// What is stored.
    pub store: Store,
    /// How old people are, and whether they are there.
    pub identity: Identity,
    /// Raises what a change closes, before it is acknowledged.
    pub fences: Fences,
    /// Makes page tokens.
    pub pager: Arc<Pager>,
    /// What time it is.
    pub clock: Clock,
}

#[tonic::async_trait]
impl SettingsService for Rpc {
    async fn get_settings(
        &self,
        request: Request<GetSettingsRequest>,
    ) -> Result<Response<GetSettingsResponse>, Status> {
        answer_me(request, |me, _| get_settings::get_settings(self, me)).await
    }

    async fn update_settings(
        &self,
        request: Request<UpdateSettingsRequest>,
    ) -> Result<Response<UpdateSettingsResponse>, Status> {
        answer_me(request, |me, ask| {
            update_settings::update_settings(self, me, ask)
        })
        .await
    }

    async fn get_effective_policy(
        &self,
        request: Request<GetEffectivePolicyRequest>,
    ) -> Result<Response<GetEffectivePolicyResponse>, Status> {
        answer_me(request, |me, _| {
            get_effective_policy::get_effective_policy(self, me)
        })
        .await
    }

    async fn list_changes(
        &self,
        request: Request<ListChangesRequest>,
    ) -> Result<Response<ListChangesResponse>, Status> {
        answer_me(request, |me, ask| list_changes::list_changes(self, me, ask)).await
    }

    async fn get_enforcement(
        &self,
        request: Request<GetEnforcementRequest>,
    ) -> Result<Response<GetEnforcementResponse>, Status> {
        answer_me(request, |me, _| enforcement::get_enforcement(self, me)).await
    }
}

#[tonic::async_trait]
impl DmPolicyService for Rpc {
    async fn get_dm_policy(
        &self,
        request: Request<GetDmPolicyRequest>,
    ) -> Result<Response<GetDmPolicyResponse>, Status> {
        answer(request, |caller, ask| {
            get_dm_policy::get_dm_policy(self, caller, ask)
        })
        .await
    }

    async fn batch_get_dm_policies(
        &self,
        request: Request<BatchGetDmPoliciesRequest>,
    ) -> Result<Response<BatchGetDmPoliciesResponse>, Status> {
        answer(request, |caller, ask| {
            batch_get_dm_policies::batch_get_dm_policies(self, caller, ask)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
