//! The RPCs, one line each; what each does stands in the file of its name.

mod batch_get_dm_policies;
mod current;
mod get_dm_policy;
mod get_settings;
mod update_settings;
mod wire;

use postern_proto::settings::v1::{
    BatchGetDmPoliciesRequest, BatchGetDmPoliciesResponse, GetDmPolicyRequest, GetDmPolicyResponse,
    GetSettingsRequest, GetSettingsResponse, UpdateSettingsRequest, UpdateSettingsResponse,
    dm_policy_service_server::DmPolicyService, settings_service_server::SettingsService,
};
use postern_shared::{
    caller::{answer, answer_me},
    clock::Clock,
};
use tonic::{Request, Response, Status};

use crate::{peers::Identity, store::Store};

/// What the RPCs work with.
#[derive(Debug, Clone)]
pub struct Rpc {
    store: Store,
    identity: Identity,
    clock: Clock,
}

impl Rpc {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(store: Store, identity: Identity, clock: Clock) -> Self {
        Self {
            store,
            identity,
            clock,
        }
    }
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
