//! Who calls: the program by its credential, the person by their access token, and whether the
//! access table lets them.

use http::{HeaderMap, Request, header::AUTHORIZATION};
use postern_proto::common::v1::ErrorReason;
use tonic::{Code, Status, body::Body};

use super::{Port, Stack};
use crate::{
    access::Access,
    auth::{CREDENTIAL_HEADER, TokenError},
    caller::{Principal, Role, Scope, User, token_missing},
    error,
    peer::InProcess,
};

impl Stack {
    pub(super) async fn identify(
        &self,
        request: &mut Request<Body>,
        access: Option<Access>,
    ) -> Result<(Principal, Option<User>), Status> {
        // Only code in this process can put it there; a header cannot.
        if let Some(local) = request.extensions_mut().remove::<InProcess>() {
            allow(access, local.principal, local.user.as_ref())?;
            return Ok((local.principal, local.user));
        }
        let principal = match self.port {
            Port::Public => Principal::Anyone,
            Port::Internal => self.principal(request.headers())?,
        };
        // Whether the program may call at all is settled before any work is done for it.
        if matches!(access, Some(Access::Services(_)) | None) {
            allow(access, principal, None)?;
        }
        // An RPC for anyone must not fail because of a token that it does not need.
        let token = match access {
            Some(Access::Anyone) => None,
            _ => bearer(request.headers())?,
        };
        let user = match token {
            Some(token) => Some(self.shared.verifier.verify(token).await.map_err(refused)?),
            None => None,
        };
        allow(access, principal, user.as_ref())?;
        Ok((principal, user))
    }

    fn principal(&self, headers: &HeaderMap) -> Result<Principal, Status> {
        let mut credentials = headers.get_all(CREDENTIAL_HEADER).iter();
        let Some(credential) = credentials.next() else {
            return Ok(Principal::Anyone);
        };
        if credentials.next().is_some() {
            return Err(credential_invalid());
        }
        let service = credential
            .to_str()
            .ok()
            .and_then(|text| self.shared.service_key.check(text));
        service
            .map(Principal::Service)
            .ok_or_else(credential_invalid)
    }
}

fn allow(access: Option<Access>, principal: Principal, user: Option<&User>) -> Result<(), Status> {
    match (access, principal) {
        (Some(Access::Anyone), _) => Ok(()),
        (Some(Access::AnyStanding), _) => user.map(drop).ok_or_else(token_missing),
        (Some(Access::User), _) => in_use(user).map(drop),
        (Some(Access::Holder(allowed)), _) => {
            let holds = |role: &Role| allowed.contains(role);
            if in_use(user)?.roles.iter().any(holds) {
                Ok(())
            } else {
                Err(not_allowed())
            }
        }
        (Some(Access::Services(allowed)), Principal::Service(service))
            if allowed.contains(&service) =>
        {
            Ok(())
        }
        (Some(Access::Services(_)), Principal::Anyone) => Err(credential_invalid()),
        (Some(Access::Services(_)) | None, _) => Err(not_allowed()),
    }
}

/// The person who calls, if their account is in use.
fn in_use(user: Option<&User>) -> Result<&User, Status> {
    let user = user.ok_or_else(token_missing)?;
    match user.scope {
        Scope::Full => Ok(user),
        Scope::Restricted => Err(error::status(
            Code::PermissionDenied,
            ErrorReason::AccountRestricted,
            "the account is deactivated, suspended or banned: see StandingService.GetMyStanding",
        )),
    }
}

fn not_allowed() -> Status {
    error::status(
        Code::PermissionDenied,
        ErrorReason::CallerNotAllowed,
        "this caller may not call this RPC",
    )
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Status> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    // Of two, somebody before us may have looked at the other one.
    if values.next().is_some() {
        return Err(refused(TokenError::Invalid));
    }
    let text = value.to_str().map_err(|_| refused(TokenError::Invalid))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
        return Ok(Some(token.trim()));
    }
    Err(error::status(
        Code::Unauthenticated,
        ErrorReason::TokenInvalid,
        "the authorization header must read `Bearer <access_token>`",
    ))
}

fn refused(error: TokenError) -> Status {
    let (code, reason) = match error {
        TokenError::Invalid => (Code::Unauthenticated, ErrorReason::TokenInvalid),
        TokenError::Expired => (Code::Unauthenticated, ErrorReason::TokenExpired),
        TokenError::KeysUnavailable => (Code::Unavailable, ErrorReason::DependencyUnavailable),
    };
    error::status(code, reason, error.to_string())
}

fn credential_invalid() -> Status {
    error::status(
        Code::Unauthenticated,
        ErrorReason::ServiceCredentialInvalid,
        "this RPC is for services: send a valid `postern-service` credential",
    )
}
