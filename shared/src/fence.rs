//! The consent fence, seen by an owner of policy: tasks written with a change, raised before it is
//! acknowledged, and carried on until they have arrived.
//!
//! For: graph, settings and identity [`add`] a task in the transaction of a change and hand it to
//! [`Fences::enforce`] after the commit; messaging reads what arrives with [`incoming`]. Graph
//! hears of people who are gone in the words of its own contract.
//!
//! Promises: a change that is committed has its task, whatever crashes; a task is removed only
//! after its target has acknowledged it; [`Enforcement::Enforced`] is never said before that. Tasks
//! may arrive twice and in any order: targets take the greatest.
//!
//! Must not: know what a target does with a raise.

mod incoming;
mod table;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use futures_util::future;
use postern_proto::policy::v1::{
    self as wire, fence_service_client::FenceServiceClient,
    presence_service_client::PresenceServiceClient,
};
use sea_orm::{DbErr, sea_query::SelectStatement};
use tokio::time::timeout;

pub use incoming::{OutOfRange, Refused, incoming, raised};

use crate::{
    caller::{Caller, ServiceName},
    clock::Timestamp,
    db::{Db, Migration, Tx},
    error::chain,
    id::UserId,
    peer::Peer,
};

/// How long a target is waited for: by the answer to a change, and in each round of the relay. One
/// that was silent hears of everything in the second round after that, however long it was away.
const WAIT: Duration = Duration::from_secs(1);
/// What is left of the caller's deadline for the answer itself.
const RESERVE: Duration = Duration::from_millis(200);
/// How often the relay looks for tasks that nobody acknowledged.
pub const RELAY_PERIOD: Duration = Duration::from_millis(500);
/// Tasks that the relay reads at once.
const RELAY_ROWS: u64 = 256;

/// What a change does to the lists of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The person blocks this one.
    PeerBlocked(UserId),
    /// The person blocks this one no longer.
    PeerUnblocked(UserId),
    /// The person is gone to others.
    Gone,
    /// The person is back.
    Returned,
}

/// One raise of one person's fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise {
    /// Whose policy changed.
    pub user: UserId,
    /// The version that the change made.
    pub version: u64,
    /// What it does to lists; none for most changes.
    pub effect: Option<Effect>,
}

/// Whether a change holds for every message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enforcement {
    /// It does.
    Enforced,
    /// It is stored, and the relay carries it on.
    Pending,
}

impl Enforcement {
    /// The contract's word for it.
    #[must_use]
    pub const fn to_proto(self) -> wire::Enforcement {
        match self {
            Self::Enforced => wire::Enforcement::Enforced,
            Self::Pending => wire::Enforcement::Pending,
        }
    }
}

/// The step that makes the table of tasks, under the name that it has in a service's schema.
#[must_use]
pub const fn migration(name: &'static str) -> Migration {
    Migration {
        name,
        statements: &[
            // One row a change and target, until the target has acknowledged it.
            "CREATE TABLE IF NOT EXISTS fence_task (
                user_id uuid NOT NULL,
                version bigint NOT NULL,
                target text NOT NULL,
                effect text NOT NULL,
                peer_id uuid,
                created_at_ms bigint NOT NULL,
                PRIMARY KEY (user_id, version, target)
            )",
        ],
    }
}

/// Writes the tasks of a change in its transaction: one for each service that must hear of it.
///
/// # Errors
/// The database's.
pub async fn add(tx: &Tx, now: Timestamp, raise: &Raise) -> Result<(), DbErr> {
    table::insert(tx, now, raise, targets(raise.effect)).await
}

/// Who must hear of it: messaging of everything, graph of people who go and return.
const fn targets(effect: Option<Effect>) -> &'static [ServiceName] {
    match effect {
        None | Some(Effect::PeerBlocked(_) | Effect::PeerUnblocked(_)) => &[ServiceName::Messaging],
        Some(Effect::Gone | Effect::Returned) => &[ServiceName::Messaging, ServiceName::Graph],
    }
}

/// The moments of a person's changes that have not arrived everywhere, as a part of a query of
/// their owner: a task has the time that its change was stored under.
#[must_use]
pub fn moments_waiting(user: UserId) -> SelectStatement {
    table::moments(user)
}

/// An owner's way to the fences that it raises.
#[derive(Debug, Clone)]
pub struct Fences {
    owner: ServiceName,
    db: Db,
    targets: Targets,
    /// The same as the relay calls them: it finds out that a target is back.
    relayed: Targets,
}

type Targets = Arc<[(ServiceName, Peer)]>;

impl Fences {
    /// Raises the fences of this owner, by tasks in its database, at these services.
    #[must_use]
    pub fn new(owner: ServiceName, db: Db, targets: Vec<(ServiceName, Peer)>) -> Self {
        let insistent = |(name, peer): &(ServiceName, Peer)| (*name, peer.insistent());
        Self {
            owner,
            db,
            relayed: targets.iter().map(insistent).collect(),
            targets: targets.into(),
        }
    }

    /// Raises a change's fences now, each target at once. Waits for no longer than a second and
    /// what the caller can spare; what has not arrived then is the relay's.
    pub async fn enforce(&self, caller: &Caller, raise: &Raise) -> Enforcement {
        let wait = WAIT.min(caller.remaining().saturating_sub(RESERVE));
        if wait.is_zero() {
            return Enforcement::Pending;
        }
        let raising = targets(raise.effect).iter().map(|target| async move {
            let raised = timeout(wait, self.deliver(caller, raise, *target, &self.targets)).await;
            match raised {
                Ok(Ok(())) => true,
                Ok(Err(problem)) => {
                    tracing::warn!(problem, target = %target, "a fence is raised later");
                    false
                }
                Err(_) => {
                    tracing::warn!(target = %target, "a fence was not acknowledged in time");
                    false
                }
            }
        });
        let raised = future::join_all(raising).await;
        if raised.into_iter().all(|raised| raised) {
            Enforcement::Enforced
        } else {
            Enforcement::Pending
        }
    }

    /// Whether every change of a person so far has arrived.
    ///
    /// # Errors
    /// The database's.
    pub async fn state(&self, user: UserId) -> Result<Enforcement, DbErr> {
        Ok(if table::has_tasks(self.db.reader(), user).await? {
            Enforcement::Pending
        } else {
            Enforcement::Enforced
        })
    }

    /// One round of the relay: tries every task that nobody has acknowledged. To be called every
    /// [`RELAY_PERIOD`] by every replica; doing it twice at once does no harm.
    pub async fn relay(&self) {
        let mut after = None;
        loop {
            let page = match table::page(self.db.reader(), after, RELAY_ROWS).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "fence tasks could not be read");
                    return;
                }
            };
            if page.last.is_none() {
                return;
            }
            let tasks = page.tasks;
            after = page.last;
            let caller = Caller::system(WAIT);
            let delivering = tasks
                .iter()
                .map(|task| self.deliver(&caller, &task.raise, task.target, &self.relayed));
            let failed = future::join_all(delivering).await;
            let failed: Vec<_> = failed.into_iter().filter_map(Result::err).collect();
            if let Some(problem) = failed.first() {
                tracing::warn!(
                    problem,
                    tasks = failed.len(),
                    "fences could not be raised yet"
                );
            }
        }
    }

    async fn deliver(
        &self,
        caller: &Caller,
        raise: &Raise,
        target: ServiceName,
        ways: &Targets,
    ) -> Result<(), String> {
        let peer = ways.iter().find(|(name, _)| *name == target);
        let (_, peer) = peer.ok_or_else(|| format!("{target} has no address here"))?;
        // In the service's own name: a raise is nobody's act towards the target.
        let caller = Caller {
            user: None,
            ..caller.clone()
        };
        let sent = match target {
            ServiceName::Graph => {
                let ask = caller.ask(incoming::presence(raise));
                let mut client = PresenceServiceClient::new(peer.clone());
                client.set_presence(ask).await.map(drop)
            }
            _ => {
                let ask = caller.ask(incoming::to_proto(self.owner, raise));
                let mut client = FenceServiceClient::new(peer.clone());
                client.raise(ask).await.map(drop)
            }
        };
        sent.map_err(|status| chain(&status))?;
        table::remove(&self.db, raise, target)
            .await
            .map_err(|error| chain(&error))
    }
}
