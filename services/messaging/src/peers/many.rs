//! What a person's own choices do to several others: their settings and standing, and what lies
//! between them and each.
//!
//! Promises: an answer that leaves somebody out, or is about others than were asked for, is none.
//! Nothing is taken from what was said before.

use futures_util::future::try_join_all;
use postern_policy::{Answer, Edges, Person, Settings};
use postern_proto::graph::v1::{BatchGetRelationshipsRequest, Relationship};
use postern_shared::{
    caller::{Caller, ServiceName},
    error::Dependency,
    id::UserId,
    person::PEOPLE_MAX,
};
use tonic::Status;

use super::{
    Owners,
    gather::map,
    ledger::{Had, Said, Wanted},
};

/// Questions that are under way at once.
const QUESTIONS_MAX: usize = 10;

impl Owners {
    /// How a person stands, and what they chose, as both are now.
    pub async fn own(&self, caller: &Caller, user: UserId) -> (Answer<Person>, Answer<Settings>) {
        let (moment, until) = (self.moment(), caller.deadline);
        let only_them = || vec![Wanted::any(user)];
        let (accounts, policies) = tokio::join!(
            (self.memory.accounts).get(only_them(), moment, until, |asked| {
                self.ask_identity(caller, asked)
            }),
            (self.memory.policies).get(only_them(), moment, until, |asked| {
                self.ask_settings(caller, asked)
            }),
        );
        let (account, policy) = (only(accounts), only(policies));
        let settings = map(&policy, |policy| policy.of(&account));
        (map(&account, |account| account.person), settings)
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

/// The one answer to a question about one.
fn only<V>(said: Vec<Had<V>>) -> Answer<V> {
    match said.into_iter().next().map(|had| had.said) {
        Some(Said::Known(fact)) => Answer::Known(fact),
        Some(Said::Absent) => Answer::Absent,
        Some(Said::Behind | Said::Failed) | None => Answer::Unavailable,
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
