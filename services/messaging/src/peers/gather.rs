//! All that the owners say of a sender and a recipient: for one decision.

use std::sync::Arc;

use postern_policy::{Answer, Edges, Person, Settings, clamped};
use postern_shared::{caller::Caller, id::UserId};

use super::{
    Owners,
    ledger::{Fact, Had, Said, Wanted},
    read::{Account, Policy, Side, in_order},
};
use crate::domain::{self, Parties, Versions};

/// What will do for a decision.
#[derive(Debug, Clone, Copy, Default)]
pub struct Need {
    /// Only answers to questions after this moment, see [`Owners::moment`]; 0: any that are kept.
    pub since: u64,
    /// The lowest versions of the sender.
    pub sender: Versions,
    /// The lowest versions of the recipient.
    pub recipient: Versions,
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
    pub recipient_keywords: Arc<[String]>,
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
    /// Whether an owner had only something older than will do: it is as if it had not been asked.
    pub is_behind: bool,
    /// Whether anybody was asked or waited for.
    pub was_asked: bool,
    oldest: u64,
}

impl Gathered {
    /// Whether all of it was asked for after this moment.
    pub const fn is_since(&self, moment: u64) -> bool {
        self.oldest > moment
    }
}

impl Owners {
    /// Only what is asked for from now on will do, and of any version.
    pub fn afresh(&self) -> Need {
        Need {
            since: self.moment(),
            ..Need::default()
        }
    }

    /// This moment, in the order of the questions that this process asks.
    pub fn moment(&self) -> u64 {
        self.memory.means.tickets.last()
    }

    /// What all three say: what they said lately where that will do, and what they are asked for
    /// all at once where it will not.
    pub async fn gather(
        &self,
        caller: &Caller,
        sender: UserId,
        recipient: UserId,
        need: Need,
    ) -> Gathered {
        let since = if self.memory.means.max_age.is_zero() {
            self.moment()
        } else {
            need.since
        };
        let graph = in_order(
            (sender, need.sender.graph),
            (recipient, need.recipient.graph),
        );
        let people = |of: fn(Versions) -> u64| {
            let mut people = vec![Wanted::at(sender, [of(need.sender), 0])];
            if recipient != sender {
                people.push(Wanted::at(recipient, [of(need.recipient), 0]));
            }
            people
        };
        let (memory, deadline) = (&self.memory, caller.deadline);
        let (graph, settings, identity) = tokio::join!(
            memory.pairs.get(
                vec![Wanted::at(graph.0, graph.1)],
                since,
                deadline,
                |asked| { self.ask_graph(caller, (sender, recipient), asked) }
            ),
            memory
                .policies
                .get(people(|of| of.settings), since, deadline, |asked| self
                    .ask_settings(caller, asked)),
            memory
                .accounts
                .get(people(|of| of.identity), since, deadline, |asked| self
                    .ask_identity(caller, asked)),
        );
        let mut seen = Seen::default();
        let between = graph.into_iter().map(|had| seen.note(had)).next();
        let sides = match between {
            Some(Answer::Known(between)) => Some(if sender <= recipient {
                (between.lo, between.hi)
            } else {
                (between.hi, between.lo)
            }),
            _ => None,
        };
        let policies = seen.both(settings);
        let accounts = seen.both(identity);
        assemble(sides, policies, accounts, seen)
    }
}

/// How the answers were had.
struct Seen {
    oldest: u64,
    is_behind: bool,
    was_asked: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            oldest: u64::MAX,
            is_behind: false,
            was_asked: false,
        }
    }
}

impl Seen {
    fn note<V>(&mut self, had: Had<V>) -> Answer<V> {
        self.oldest = self.oldest.min(had.ticket);
        self.was_asked |= !had.is_kept;
        match had.said {
            Said::Known(fact) => Answer::Known(fact),
            Said::Absent => Answer::Absent,
            Said::Behind => {
                self.is_behind = true;
                Answer::Unavailable
            }
            Said::Failed => Answer::Unavailable,
        }
    }

    /// The sender's and the recipient's, who may be one person.
    fn both<V: Fact>(&mut self, had: Vec<Had<V>>) -> [Answer<V>; 2] {
        let mut said = had.into_iter().map(|had| self.note(had));
        let sender = said.next().unwrap_or(Answer::Unavailable);
        let recipient = said.next().unwrap_or_else(|| sender.clone());
        [sender, recipient]
    }
}

fn assemble(
    sides: Option<(Side, Side)>,
    [sender_policy, recipient_policy]: [Answer<Policy>; 2],
    [sender_account, recipient_account]: [Answer<Account>; 2],
    seen: Seen,
) -> Gathered {
    let person = |account: Account| account.person;
    let settings = |policy: &Answer<Policy>, account| map(policy, |policy| policy.of(account));
    let (sender, recipient) = (
        map(&sender_account, |account| person(*account)),
        map(&recipient_account, |account| person(*account)),
    );
    let sender_owners = match (sides, &sender_policy) {
        (Some((own, others)), Answer::Known(policy)) => Some(domain::Owners {
            epoch: own.epoch,
            settings_version: policy.settings.version,
            friends: own.follows && others.follows,
        }),
        _ => None,
    };
    Gathered {
        sender,
        recipient,
        sender_settings: clamped(settings(&sender_policy, &sender_account), sender),
        recipient_settings: clamped(settings(&recipient_policy, &recipient_account), recipient),
        recipient_keywords: match &recipient_policy {
            Answer::Known(policy) => Arc::clone(&policy.keywords),
            Answer::Absent | Answer::Unavailable => Arc::from([]),
        },
        edges: sides.map(edges),
        parties: Parties {
            sender_since: match sender_account {
                Answer::Known(account) => Some(account.since),
                Answer::Absent | Answer::Unavailable => None,
            },
            recipient_is_business: matches!(
                recipient_account,
                Answer::Known(account) if account.is_business
            ),
        },
        sender_owners,
        sender_versions: versions(sides.map(|(own, _)| own), &sender_policy, &sender_account),
        recipient_versions: versions(
            sides.map(|(_, others)| others),
            &recipient_policy,
            &recipient_account,
        ),
        is_behind: seen.is_behind,
        was_asked: seen.was_asked,
        oldest: seen.oldest,
    }
}

pub(super) fn map<T, U>(answer: &Answer<T>, read: impl FnOnce(&T) -> U) -> Answer<U> {
    match answer {
        Answer::Known(value) => Answer::Known(read(value)),
        Answer::Absent => Answer::Absent,
        Answer::Unavailable => Answer::Unavailable,
    }
}

fn versions(
    side: Option<Side>,
    policy: &Answer<Policy>,
    account: &Answer<Account>,
) -> Option<Versions> {
    match (side, policy, account) {
        (Some(side), Answer::Known(policy), Answer::Known(account)) => Some(Versions {
            graph: side.version,
            settings: policy.version()[0],
            identity: account.version()[0],
        }),
        _ => None,
    }
}

const fn edges((sender, recipient): (Side, Side)) -> Edges {
    Edges {
        sender_follows: sender.follows,
        recipient_follows: recipient.follows,
        sender_blocks: sender.blocks,
        recipient_blocks: recipient.blocks,
        // Restricting is not offered yet; the row of the policy is there.
        recipient_restricts: false,
        recipient_epoch: recipient.epoch,
    }
}
