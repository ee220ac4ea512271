//! Asking the owners of facts: graph, settings, identity, in parallel.
//!
//! Promises: an answer that cannot be understood (an unknown enum value, a missing part) counts as
//! no answer; nothing is ever filled in. Must not decide anything.

mod block;
mod many;

use postern_policy::{
    AgeBand, Answer, Edges, Filters, Lifecycle, Person, Sanction, Settings, WhoCanMessage, clamped,
};
use postern_proto::{
    common::v1::ErrorReason,
    graph::v1::{
        GetRelationshipRequest, Relationship, graph_service_client::GraphServiceClient,
        relationship_service_client::RelationshipServiceClient,
    },
    identity::v1::{
        BatchGetStandingRequest, GetStandingRequest, RestrictAutomaticallyRequest, Standing,
        standing_facts_service_client::StandingFactsServiceClient,
    },
    policy::v1 as wire,
    settings::v1::{
        BatchGetDmPoliciesRequest, DmPolicy, dm_policy_service_client::DmPolicyServiceClient,
    },
};
use postern_shared::{
    caller::{Caller, ServiceName},
    clock::Timestamp,
    error::{Dependency, reason_of},
    id::UserId,
    peer::Peer,
    person::Named,
    run::{Peers, StartError},
};

use crate::domain::{self, Parties, Versions};

/// The owners, as clients.
#[derive(Debug, Clone)]
pub struct Owners {
    graph: RelationshipServiceClient<Peer>,
    people: GraphServiceClient<Peer>,
    settings: DmPolicyServiceClient<Peer>,
    identity: StandingFactsServiceClient<Peer>,
}

/// What the owners say of a sender and a recipient.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// Identity about the sender.
    pub sender: Answer<Person>,
    /// Identity about the recipient.
    pub recipient: Answer<Person>,
    /// Settings of the sender, as they count at their age.
    pub sender_settings: Answer<Settings>,
    /// Settings of the recipient, likewise.
    pub recipient_settings: Answer<Settings>,
    /// The recipient's own filter words.
    pub recipient_keywords: Vec<String>,
    /// Graph about the pair.
    pub edges: Option<Edges>,
    /// When the sender's account was made, and what the recipient's is used for.
    pub parties: Parties,
    /// What goes into a consent of the sender, where all of it is known.
    pub sender_owners: Option<domain::Owners>,
    /// The versions of the sender's policy, where all are known.
    pub sender_versions: Option<Versions>,
    /// The versions of the recipient's policy, likewise.
    pub recipient_versions: Option<Versions>,
}

impl Owners {
    /// Makes the clients.
    ///
    /// # Errors
    /// When an owner's address is missing.
    pub fn new(peers: &Peers) -> Result<Self, StartError> {
        Ok(Self::of(
            peers.get(ServiceName::Graph)?,
            peers.get(ServiceName::Settings)?,
            peers.get(ServiceName::Identity)?,
        ))
    }

    /// Makes the clients of these three.
    pub fn of(graph: Peer, settings: Peer, identity: Peer) -> Self {
        Self {
            graph: RelationshipServiceClient::new(graph.clone()),
            people: GraphServiceClient::new(graph),
            settings: DmPolicyServiceClient::new(settings),
            identity: StandingFactsServiceClient::new(identity),
        }
    }

    /// Whose handle it is; none when nobody goes by it.
    ///
    /// # Errors
    /// When identity cannot be asked.
    pub async fn resolve(
        &self,
        caller: &Caller,
        handle: &Named,
    ) -> Result<Option<UserId>, Dependency> {
        let person = Some(handle.to_proto());
        let ask = caller.ask(GetStandingRequest {
            person,
            min_version: 0,
        });
        let unavailable = |status| Dependency::new(ServiceName::Identity, status);
        match self.identity.clone().get_standing(ask).await {
            Ok(response) => {
                let id = response
                    .into_inner()
                    .standing
                    .and_then(|s| s.user_id.parse().ok());
                let broken = || unavailable(tonic::Status::data_loss("no user id in a standing"));
                id.ok_or_else(broken).map(Some)
            }
            Err(status) if reason_of(&status) == Some(ErrorReason::AccountNotFound) => Ok(None),
            Err(status) => Err(unavailable(status)),
        }
    }

    /// Has identity keep a person from sending for a while, by a rule and with words for them.
    ///
    /// # Errors
    /// When identity cannot be asked or does not do it.
    pub async fn restrict(
        &self,
        caller: &Caller,
        user: UserId,
        until: Timestamp,
        rule: &str,
        explanation: String,
    ) -> Result<(), Dependency> {
        let ask = caller.ask(RestrictAutomaticallyRequest {
            user_id: user.to_string(),
            end_time: Some(until.to_proto()),
            rule: rule.to_owned(),
            explanation,
        });
        let restricted = self.identity.clone().restrict_automatically(ask).await;
        restricted.map_err(|status| Dependency::new(ServiceName::Identity, status))?;
        Ok(())
    }

    /// Who is named; none when nobody goes by the handle. An id is taken for what it is.
    ///
    /// # Errors
    /// When identity cannot be asked for a handle.
    pub async fn named(
        &self,
        caller: &Caller,
        person: &Named,
    ) -> Result<Option<UserId>, Dependency> {
        match person {
            Named::Id(id) => Ok(Some(*id)),
            handle @ Named::Handle(_) => self.resolve(caller, handle).await,
        }
    }

    /// Asks all three at once.
    pub async fn gather(&self, caller: &Caller, sender: UserId, recipient: UserId) -> Gathered {
        let both = [sender, recipient];
        let mut graph = self.graph.clone();
        let (graph, policies, standings) = tokio::join!(
            graph.get_relationship(caller.ask(GetRelationshipRequest {
                user_id: sender.to_string(),
                peer_id: recipient.to_string(),
                ..GetRelationshipRequest::default()
            })),
            self.policies_of(caller, &both),
            self.standings_of(caller, &both),
        );
        let relationship = known(graph).and_then(|response| response.relationship);
        let relationship = relationship
            .filter(|r| r.user_id == sender.to_string() && r.peer_id == recipient.to_string());
        assemble(
            sender,
            recipient,
            relationship.as_ref(),
            policies.as_deref(),
            standings.as_deref(),
        )
    }

    /// What settings says of people, where the answer is about them and nobody else.
    async fn policies_of(&self, caller: &Caller, users: &[UserId]) -> Option<Vec<DmPolicy>> {
        let asked: Vec<_> = users.iter().map(UserId::to_string).collect();
        let user_ids = asked.clone();
        let ask = caller.ask(BatchGetDmPoliciesRequest { user_ids });
        let answer = self.settings.clone().batch_get_dm_policies(ask).await;
        let policies = known(answer)?.policies;
        answers(&policies, |policy| &policy.user_id, &asked).then_some(policies)
    }

    /// What identity says of people, likewise.
    async fn standings_of(&self, caller: &Caller, users: &[UserId]) -> Option<Vec<Standing>> {
        let asked: Vec<_> = users.iter().map(UserId::to_string).collect();
        let user_ids = asked.clone();
        let ask = caller.ask(BatchGetStandingRequest { user_ids });
        let answer = self.identity.clone().batch_get_standing(ask).await;
        let standings = known(answer)?.standings;
        answers(&standings, |standing| &standing.user_id, &asked).then_some(standings)
    }
}

fn known<T>(answer: Result<tonic::Response<T>, tonic::Status>) -> Option<T> {
    // The peer's own span and log tell why.
    answer.ok().map(tonic::Response::into_inner)
}

/// Whether a list answers the question: at most one entry for each who was asked about, and none
/// for anybody else. Only in such a list does a missing entry mean that there is nobody.
fn answers<T>(entries: &[T], id_of: impl Fn(&T) -> &str, asked: &[String]) -> bool {
    let about = |id: &str| entries.iter().filter(|entry| id_of(entry) == id).count();
    asked.iter().all(|id| about(id) <= 1)
        && asked.iter().map(|id| about(id)).sum::<usize>() == entries.len()
}

fn assemble(
    sender: UserId,
    recipient: UserId,
    relationship: Option<&Relationship>,
    policies: Option<&[DmPolicy]>,
    standings: Option<&[Standing]>,
) -> Gathered {
    let policy_of = |id| find(policies, |p| p.user_id.as_str(), id);
    let standing_of = |id| find(standings, |s| s.user_id.as_str(), id);
    let (sender_policy, recipient_policy) = (policy_of(sender), policy_of(recipient));
    let (sender_standing, recipient_standing) = (standing_of(sender), standing_of(recipient));
    let versions =
        |graph: Option<u64>, policy: Answer<&DmPolicy>, standing: Answer<&Standing>| match (
            graph, policy, standing,
        ) {
            (Some(graph), Answer::Known(policy), Answer::Known(standing)) => Some(Versions {
                graph,
                settings: policy.version,
                identity: standing.version,
            }),
            _ => None,
        };
    let sender_owners = match (relationship, sender_policy) {
        (Some(relationship), Answer::Known(policy)) => Some(domain::Owners {
            epoch: relationship.user_epoch,
            settings_version: policy.version,
            friends: relationship.user_follows && relationship.peer_follows,
        }),
        _ => None,
    };
    let (sender_person, recipient_person) = (
        understand(sender_standing, person),
        understand(recipient_standing, person),
    );
    Gathered {
        sender: sender_person,
        recipient: recipient_person,
        sender_settings: clamped(understand(sender_policy, settings), sender_person),
        recipient_settings: clamped(understand(recipient_policy, settings), recipient_person),
        recipient_keywords: match recipient_policy {
            Answer::Known(policy) => policy.filter_keywords.clone(),
            Answer::Absent | Answer::Unavailable => Vec::new(),
        },
        edges: relationship.map(edges),
        parties: Parties {
            sender_since: match sender_standing {
                Answer::Known(standing) => created(standing),
                Answer::Absent | Answer::Unavailable => None,
            },
            recipient_is_business: matches!(
                recipient_standing,
                Answer::Known(standing) if standing.kind() == wire::AccountKind::Business
            ),
        },
        sender_owners,
        sender_versions: versions(
            relationship.map(|r| r.user_version),
            sender_policy,
            sender_standing,
        ),
        recipient_versions: versions(
            relationship.map(|r| r.peer_version),
            recipient_policy,
            recipient_standing,
        ),
    }
}

fn find<T>(entries: Option<&[T]>, id_of: impl Fn(&T) -> &str, id: UserId) -> Answer<&T> {
    let Some(entries) = entries else {
        return Answer::Unavailable;
    };
    let id = id.to_string();
    entries
        .iter()
        .find(|entry| id_of(entry) == id)
        .map_or(Answer::Absent, Answer::Known)
}

/// What cannot be understood was not answered.
fn understand<T, U>(answer: Answer<&T>, read: impl Fn(&T) -> Option<U>) -> Answer<U> {
    match answer {
        Answer::Known(value) => read(value).map_or(Answer::Unavailable, Answer::Known),
        Answer::Absent => Answer::Absent,
        Answer::Unavailable => Answer::Unavailable,
    }
}

fn edges(relationship: &Relationship) -> Edges {
    Edges {
        sender_follows: relationship.user_follows,
        recipient_follows: relationship.peer_follows,
        sender_blocks: relationship.user_blocks,
        recipient_blocks: relationship.peer_blocks,
        // Restricting is not offered yet; the row of the policy is there.
        recipient_restricts: false,
        recipient_epoch: relationship.peer_epoch,
    }
}

fn settings(policy: &DmPolicy) -> Option<Settings> {
    Some(Settings {
        who_can_message: match policy.who_can_message() {
            wire::WhoCanMessage::Everyone => WhoCanMessage::Everyone,
            wire::WhoCanMessage::Friends => WhoCanMessage::Friends,
            wire::WhoCanMessage::NoOne => WhoCanMessage::NoOne,
            wire::WhoCanMessage::Unspecified => return None,
        },
        version: policy.version,
        left_everyone_version: policy.left_everyone_version,
        filters: Filters {
            spam: policy.filter_spam,
            offensive: policy.filter_offensive,
            keywords: !policy.filter_keywords.is_empty(),
        },
    })
}

/// When an account was made.
fn created(standing: &Standing) -> Option<Timestamp> {
    let created = unix_millis(standing.create_time.as_ref()?)?;
    Some(Timestamp::from_unix_millis(created))
}

fn person(standing: &Standing) -> Option<Person> {
    // What a message costs depends on both.
    created(standing)?;
    if standing.kind() == wire::AccountKind::Unspecified {
        return None;
    }
    Some(Person {
        lifecycle: match standing.lifecycle() {
            wire::Lifecycle::Active => Lifecycle::Active,
            wire::Lifecycle::Deactivated => Lifecycle::Deactivated,
            wire::Lifecycle::Erasing => Lifecycle::Erasing,
            wire::Lifecycle::Erased => Lifecycle::Erased,
            wire::Lifecycle::Unspecified => return None,
        },
        sanction: match &standing.sanction {
            None => Sanction::None,
            Some(sanction) => {
                let until_ms = match &sanction.end_time {
                    None => None,
                    Some(end) => Some(unix_millis(end)?),
                };
                match sanction.kind() {
                    wire::SanctionKind::SendRestricted => Sanction::SendRestricted { until_ms },
                    wire::SanctionKind::Suspended => Sanction::Suspended { until_ms },
                    wire::SanctionKind::Banned => Sanction::Banned,
                    wire::SanctionKind::Unspecified => return None,
                }
            }
        },
        age_band: match standing.age_band() {
            wire::AgeBand::Under16 => AgeBand::Under16,
            wire::AgeBand::AgeBand16To17 => AgeBand::From16To17,
            wire::AgeBand::Adult => AgeBand::Adult,
            wire::AgeBand::Unspecified => return None,
        },
    })
}

/// A moment that this program can count; none is that of no sanction.
fn unix_millis(time: &prost_types::Timestamp) -> Option<i64> {
    let millis = time.seconds.checked_mul(1_000)?;
    millis.checked_add(i64::from(time.nanos / 1_000_000))
}
