//! The RPCs of identity, one line each.

mod ban_account;
mod batch_get_accounts;
mod create_account;
mod create_session;
mod deactivate_account;
mod enforcement;
mod get_account;
mod get_action_enforcement;
mod get_enforcement;
mod get_jwks;
mod get_my_standing;
mod get_standing;
mod lift_action;
mod list_actions;
mod list_sessions;
mod reactivate_account;
mod refresh_session;
mod restrict_automatically;
mod restrict_messaging;
mod revoke_session;
mod sanction;
mod suspend_account;
mod tokens;
mod update_account;
mod visibility;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use postern_proto::{
    graph::v1::relationship_service_client::RelationshipServiceClient,
    identity::v1::{
        BanAccountRequest, BanAccountResponse, BatchGetAccountsRequest, BatchGetAccountsResponse,
        BatchGetStandingRequest, BatchGetStandingResponse, CreateAccountRequest,
        CreateAccountResponse, CreateSessionRequest, CreateSessionResponse,
        DeactivateAccountRequest, DeactivateAccountResponse, GetAccountRequest, GetAccountResponse,
        GetActionEnforcementRequest, GetActionEnforcementResponse, GetEnforcementRequest,
        GetEnforcementResponse, GetJwksRequest, GetJwksResponse, GetMyStandingRequest,
        GetMyStandingResponse, GetStandingRequest, GetStandingResponse, LiftActionRequest,
        LiftActionResponse, ListActionsRequest, ListActionsResponse, ListSessionsRequest,
        ListSessionsResponse, ReactivateAccountRequest, ReactivateAccountResponse,
        RefreshSessionRequest, RefreshSessionResponse, RestrictAutomaticallyRequest,
        RestrictAutomaticallyResponse, RestrictMessagingRequest, RestrictMessagingResponse,
        RevokeSessionRequest, RevokeSessionResponse, SuspendAccountRequest, SuspendAccountResponse,
        UpdateAccountRequest, UpdateAccountResponse, account_service_server::AccountService,
        session_service_server::SessionService,
        standing_facts_service_server::StandingFactsService,
        standing_service_server::StandingService,
    },
};
use postern_shared::{
    auth::SigningKey,
    caller::{answer, answer_me},
    clock::Clock,
    fence::Fences,
    page::Pager,
    peer::Peer,
    random::Random,
};
use tonic::{Request, Response, Status, async_trait};

use crate::{attempts::FailedSignIns, config::Config, hashing::Hasher, store::Store};

/// What the RPCs work with.
#[derive(Debug)]
pub struct Rpc {
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Counts failed sign-ins; none when limits are off.
    pub failed_sign_ins: Option<FailedSignIns>,
    /// Knows who blocks whom.
    pub graph: RelationshipServiceClient<Peer>,
    /// Raises the fences of people whose standing changed.
    pub fences: Fences,
    /// Signs access tokens.
    pub signing_key: SigningKey,
    /// Makes page tokens.
    pub pager: Arc<Pager>,
    /// What time it is.
    pub clock: Clock,
    /// Where chance comes from.
    pub random: Random,
}

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl AccountService for Rpc {
    async fn create_account(
        &self,
        request: Request<CreateAccountRequest>,
    ) -> Answer<CreateAccountResponse> {
        answer(request, |_, ask| create_account::create_account(self, ask)).await
    }

    async fn get_account(&self, request: Request<GetAccountRequest>) -> Answer<GetAccountResponse> {
        answer_me(request, |me, ask| get_account::get_account(self, me, ask)).await
    }

    async fn batch_get_accounts(
        &self,
        request: Request<BatchGetAccountsRequest>,
    ) -> Answer<BatchGetAccountsResponse> {
        answer_me(request, |me, ask| {
            batch_get_accounts::batch_get_accounts(self, me, ask)
        })
        .await
    }

    async fn update_account(
        &self,
        request: Request<UpdateAccountRequest>,
    ) -> Answer<UpdateAccountResponse> {
        answer_me(request, |me, ask| {
            update_account::update_account(self, me, ask)
        })
        .await
    }

    async fn deactivate_account(
        &self,
        request: Request<DeactivateAccountRequest>,
    ) -> Answer<DeactivateAccountResponse> {
        answer_me(request, |me, _| {
            deactivate_account::deactivate_account(self, me)
        })
        .await
    }

    async fn reactivate_account(
        &self,
        request: Request<ReactivateAccountRequest>,
    ) -> Answer<ReactivateAccountResponse> {
        answer_me(request, |me, _| {
            reactivate_account::reactivate_account(self, me)
        })
        .await
    }

    async fn get_enforcement(
        &self,
        request: Request<GetEnforcementRequest>,
    ) -> Answer<GetEnforcementResponse> {
        answer_me(request, |me, _| get_enforcement::get_enforcement(self, me)).await
    }
}

#[async_trait]
impl SessionService for Rpc {
    async fn create_session(
        &self,
        request: Request<CreateSessionRequest>,
    ) -> Answer<CreateSessionResponse> {
        answer(request, |_, ask| create_session::create_session(self, ask)).await
    }

    async fn refresh_session(
        &self,
        request: Request<RefreshSessionRequest>,
    ) -> Answer<RefreshSessionResponse> {
        answer(request, |_, ask| {
            refresh_session::refresh_session(self, ask)
        })
        .await
    }

    async fn list_sessions(
        &self,
        request: Request<ListSessionsRequest>,
    ) -> Answer<ListSessionsResponse> {
        answer_me(request, |me, ask| {
            list_sessions::list_sessions(self, me, ask)
        })
        .await
    }

    async fn revoke_session(
        &self,
        request: Request<RevokeSessionRequest>,
    ) -> Answer<RevokeSessionResponse> {
        answer_me(request, |me, ask| {
            revoke_session::revoke_session(self, me, ask)
        })
        .await
    }

    async fn get_jwks(&self, request: Request<GetJwksRequest>) -> Answer<GetJwksResponse> {
        answer(request, |_, _| get_jwks::get_jwks(self)).await
    }
}

#[async_trait]
impl StandingService for Rpc {
    async fn get_my_standing(
        &self,
        request: Request<GetMyStandingRequest>,
    ) -> Answer<GetMyStandingResponse> {
        answer_me(request, |me, _| get_my_standing::get_my_standing(self, me)).await
    }

    async fn restrict_messaging(
        &self,
        request: Request<RestrictMessagingRequest>,
    ) -> Answer<RestrictMessagingResponse> {
        answer_me(request, |me, ask| {
            restrict_messaging::restrict_messaging(self, me, ask)
        })
        .await
    }

    async fn suspend_account(
        &self,
        request: Request<SuspendAccountRequest>,
    ) -> Answer<SuspendAccountResponse> {
        answer_me(request, |me, ask| {
            suspend_account::suspend_account(self, me, ask)
        })
        .await
    }

    async fn ban_account(&self, request: Request<BanAccountRequest>) -> Answer<BanAccountResponse> {
        answer_me(request, |me, ask| ban_account::ban_account(self, me, ask)).await
    }

    async fn lift_action(&self, request: Request<LiftActionRequest>) -> Answer<LiftActionResponse> {
        answer_me(request, |me, ask| lift_action::lift_action(self, me, ask)).await
    }

    async fn list_actions(
        &self,
        request: Request<ListActionsRequest>,
    ) -> Answer<ListActionsResponse> {
        answer_me(request, |me, ask| list_actions::list_actions(self, me, ask)).await
    }

    async fn get_action_enforcement(
        &self,
        request: Request<GetActionEnforcementRequest>,
    ) -> Answer<GetActionEnforcementResponse> {
        answer_me(request, |me, ask| {
            get_action_enforcement::get_action_enforcement(self, me, ask)
        })
        .await
    }
}

#[async_trait]
impl StandingFactsService for Rpc {
    async fn get_standing(
        &self,
        request: Request<GetStandingRequest>,
    ) -> Answer<GetStandingResponse> {
        answer(request, |_, ask| get_standing::get_standing(self, ask)).await
    }

    async fn batch_get_standing(
        &self,
        request: Request<BatchGetStandingRequest>,
    ) -> Answer<BatchGetStandingResponse> {
        answer(request, |_, ask| {
            get_standing::batch_get_standing(self, ask)
        })
        .await
    }

    async fn restrict_automatically(
        &self,
        request: Request<RestrictAutomaticallyRequest>,
    ) -> Answer<RestrictAutomaticallyResponse> {
        answer(request, |caller, ask| {
            restrict_automatically::restrict_automatically(self, caller, ask)
        })
        .await
    }
}
