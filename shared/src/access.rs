//! Which caller may call which RPC: one table, deny by default.
//!
//! An RPC without a row here is served to nobody. A test walks every RPC of the contract against
//! every caller. Source of the rows: the callers named in the contract.

use crate::caller::{
    Role,
    ServiceName::{self, Graph, Identity, Messaging, Settings},
};

/// Who may call an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, signed in or not.
    Anyone,
    /// A person with a valid access token, whose account is in use.
    User,
    /// A person with a valid access token, also one whose account is deactivated, suspended or
    /// banned.
    AnyStanding,
    /// A person with one of these roles, whose account is in use.
    Holder(&'static [Role]),
    /// These services, on the internal port.
    Services(&'static [ServiceName]),
}

const MODERATORS: Access = Access::Holder(&[Role::Moderator]);

const TABLE: &[(&str, &[(&str, Access)])] = &[
    (
        "grpc.health.v1.Health",
        &[("Check", Access::Anyone), ("Watch", Access::Anyone)],
    ),
    (
        "grpc.reflection.v1.ServerReflection",
        &[("ServerReflectionInfo", Access::Anyone)],
    ),
    (
        "grpc.reflection.v1alpha.ServerReflection",
        &[("ServerReflectionInfo", Access::Anyone)],
    ),
    (
        "postern.identity.v1.AccountService",
        &[
            ("CreateAccount", Access::Anyone),
            ("GetAccount", Access::User),
            ("BatchGetAccounts", Access::User),
            ("UpdateAccount", Access::User),
            ("DeactivateAccount", Access::AnyStanding),
            ("ReactivateAccount", Access::AnyStanding),
            ("GetEnforcement", Access::AnyStanding),
        ],
    ),
    (
        "postern.identity.v1.SessionService",
        &[
            ("CreateSession", Access::Anyone),
            ("RefreshSession", Access::Anyone),
            ("ListSessions", Access::AnyStanding),
            ("RevokeSession", Access::AnyStanding),
            ("GetJwks", Access::Anyone),
        ],
    ),
    (
        "postern.identity.v1.StandingFactsService",
        &[
            (
                "GetStanding",
                Access::Services(&[Graph, Settings, Messaging]),
            ),
            (
                "BatchGetStanding",
                Access::Services(&[Graph, Settings, Messaging]),
            ),
            ("RestrictAutomatically", Access::Services(&[Messaging])),
        ],
    ),
    (
        "postern.identity.v1.StandingService",
        &[
            ("GetMyStanding", Access::AnyStanding),
            ("RestrictMessaging", MODERATORS),
            ("SuspendAccount", MODERATORS),
            ("BanAccount", MODERATORS),
            ("LiftAction", MODERATORS),
            ("ListActions", MODERATORS),
            ("GetActionEnforcement", MODERATORS),
        ],
    ),
    (
        "postern.policy.v1.FenceService",
        &[("Raise", Access::Services(&[Graph, Settings, Identity]))],
    ),
    (
        "postern.policy.v1.PresenceService",
        &[("SetPresence", Access::Services(&[Identity]))],
    ),
    (
        "postern.graph.v1.GraphService",
        &[
            ("Follow", Access::User),
            ("Unfollow", Access::User),
            ("RemoveFollower", Access::User),
            ("Block", Access::AnyStanding),
            ("Unblock", Access::AnyStanding),
            ("ListFollowers", Access::User),
            ("ListFollowing", Access::User),
            ("ListFriends", Access::User),
            ("ListBlocked", Access::AnyStanding),
            ("GetMyRelationship", Access::User),
            ("GetCounts", Access::User),
            ("GetEnforcement", Access::AnyStanding),
        ],
    ),
    (
        "postern.graph.v1.RelationshipService",
        &[
            ("GetRelationship", Access::Services(&[Identity, Messaging])),
            (
                "BatchGetRelationships",
                Access::Services(&[Identity, Messaging]),
            ),
        ],
    ),
    (
        "postern.settings.v1.SettingsService",
        &[
            ("GetSettings", Access::User),
            ("UpdateSettings", Access::User),
            ("GetEffectivePolicy", Access::User),
            ("ListChanges", Access::User),
            ("GetEnforcement", Access::AnyStanding),
        ],
    ),
    (
        "postern.settings.v1.DmPolicyService",
        &[
            ("GetDmPolicy", Access::Services(&[Messaging])),
            ("BatchGetDmPolicies", Access::Services(&[Messaging])),
        ],
    ),
    (
        "postern.messaging.v1.MessageService",
        &[
            ("SendMessage", Access::User),
            ("ListMessages", Access::User),
            ("DeleteMessage", Access::User),
        ],
    ),
    (
        "postern.messaging.v1.ConversationService",
        &[("ListConversations", Access::User)],
    ),
    (
        "postern.messaging.v1.RequestService",
        &[
            ("ListRequests", Access::User),
            ("AcceptRequest", Access::User),
            ("DeclineRequest", Access::User),
            ("BatchDeclineRequests", Access::User),
        ],
    ),
    (
        "postern.messaging.v1.ConsentService",
        &[
            ("ExplainSend", Access::User),
            ("ExplainReceive", Access::User),
            ("ListConsents", Access::User),
            ("RevokeConsent", Access::User),
            ("PreviewSettings", Access::User),
        ],
    ),
    (
        "postern.messaging.v1.ModerationService",
        &[(
            "GetDecision",
            Access::Holder(&[Role::Moderator, Role::Operator]),
        )],
    ),
];

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rpc {
    /// Who may call it.
    pub access: Access,
    /// The full name of its service.
    pub service: &'static str,
    /// The name of its method.
    pub method: &'static str,
}

/// Finds the row of a request's path, `/package.Service/Method`.
#[must_use]
pub fn find(path: &str) -> Option<Rpc> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    let (service, methods) = TABLE.iter().find(|(name, _)| *name == service)?;
    let (method, access) = methods.iter().find(|(name, _)| *name == method)?;
    Some(Rpc {
        access: *access,
        service,
        method,
    })
}

/// Every row, for tests.
pub fn all() -> impl Iterator<Item = Rpc> {
    TABLE.iter().flat_map(|(service, methods)| {
        methods.iter().map(|(method, access)| Rpc {
            access: *access,
            service,
            method,
        })
    })
}
