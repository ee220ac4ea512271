//! What a person's own choices do to several others: their settings and standing, and what lies
//! between them and each.
//!
//! Promises: an answer that leaves somebody out, or is about others than were asked for, is none;
//! nothing of it is kept, nor taken from what is.

use futures_util::future::try_join_all;
use postern_policy::{Answer, Edges, Person, Settings};
use postern_proto::{
    graph::v1::{BatchGetRelationshipsRequest, Relationship},
    identity::v1::BatchGetStandingRequest,
    settings::v1::BatchGetDmPoliciesRequest,
};
use postern_shared::{
    caller::{Caller, ServiceName},
    error::Dependency,
    id::UserId,
    person::PEOPLE_MAX,
};
use tonic::Status;

use super::{
    Owners,
    ask::answers,
    read::{person, settings},
};

/// Questions that are under way at once.
const QUESTIONS_MAX: usize = 10;

impl Owners {
    /// A person's settings.
    pub async fn settings_of(&self, caller: &Caller, user: UserId) -> Answer<Settings> {
        let asked = vec![user.to_string()];
        let ask = caller.ask(BatchGetDmPoliciesRequest {
            user_ids: asked.clone(),
        });
        let policies = known(self.settings.clone().batch_get_dm_policies(ask).await)
            .map(|response| response.policies)
            .filter(|all| answers(all, |policy| &policy.user_id, &asked));
        let policy = find(policies.as_deref(), |policy| policy.user_id.as_str(), user);
        understand(policy, settings)
    }

    /// How a person stands.
    pub async fn standing_of(&self, caller: &Caller, user: UserId) -> Answer<Person> {
        let asked = vec![user.to_string()];
        let ask = caller.ask(BatchGetStandingRequest {
            user_ids: asked.clone(),
        });
        let standings = known(self.identity.clone().batch_get_standing(ask).await)
            .map(|response| response.standings)
            .filter(|all| answers(all, |standing| &standing.user_id, &asked));
        let standing = find(
            standings.as_deref(),
            |standing| standing.user_id.as_str(),
            user,
        );
        understand(standing, person)
    }

    /// What lies between a person and each of several others, the others being who writes: in the
    /// order in which they are named. Graph is asked about all of them at once, in a few questions.
    ///
    /// # Errors
    /// When graph cannot be asked about one of them.
    pub async fn edges_towards(
        &self,
        caller: &Caller,
        user: UserId,
        senders: &[UserId],
    ) -> Result<Vec<Edges>, Dependency> {
        let mut all = Vec::with_capacity(senders.len());
        for some in senders.chunks(PEOPLE_MAX * QUESTIONS_MAX) {
            let questions = some.chunks(PEOPLE_MAX);
            let asked = questions.map(|few| self.edges_of_few(caller, user, few));
            all.extend(try_join_all(asked).await?.concat());
        }
        Ok(all)
    }

    /// The same of as many as one question takes.
    async fn edges_of_few(
        &self,
        caller: &Caller,
        user: UserId,
        senders: &[UserId],
    ) -> Result<Vec<Edges>, Dependency> {
        let ask = caller.ask(BatchGetRelationshipsRequest {
            user_id: user.to_string(),
            peer_ids: senders.iter().map(UserId::to_string).collect(),
        });
        let answered = self.graph.clone().batch_get_relationships(ask).await;
        let told = answered.map_err(failed)?.into_inner().relationships;
        let about = |(told, sender): (&Relationship, &UserId)| {
            told.user_id == user.to_string() && told.peer_id == sender.to_string()
        };
        if told.len() != senders.len() || !told.iter().zip(senders).all(about) {
            let nonsense = "the answer is about other people than were asked for";
            return Err(failed(Status::internal(nonsense)));
        }
        Ok(told.iter().map(towards_user).collect())
    }
}

fn known<T>(answer: Result<tonic::Response<T>, Status>) -> Option<T> {
    // The peer's own span and log tell why.
    answer.ok().map(tonic::Response::into_inner)
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

fn failed(status: Status) -> Dependency {
    Dependency::new(ServiceName::Graph, status)
}

/// The relationship as the user's peer would send by it.
const fn towards_user(relationship: &Relationship) -> Edges {
    Edges {
        sender_follows: relationship.peer_follows,
        recipient_follows: relationship.user_follows,
        sender_blocks: relationship.peer_blocks,
        recipient_blocks: relationship.user_blocks,
        // Restricting is not offered yet; the row of the policy is there.
        recipient_restricts: false,
        recipient_epoch: relationship.user_epoch,
    }
}
