//! What the owners' answers say, as messaging keeps and decides by it: a value and its version,
//! read together or not at all.
//!
//! Promises: an unknown enum value, a missing part, a number out of range: then nothing is read.

use std::sync::Arc;

use postern_policy::{
    AgeBand, Answer, Filters, Lifecycle, Person, Sanction, Settings, WhoCanMessage,
};
use postern_proto::{
    graph::v1::Relationship, identity::v1::Standing, policy::v1 as wire, settings::v1::DmPolicy,
};
use postern_shared::{clock::Timestamp, id::UserId};

use super::ledger::{Fact, Version};

/// How many bytes of a person's own words weigh as much as one more person.
const WORDS_BYTES: usize = 256;

/// What a person chose.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    /// As they chose it, whatever their age allows.
    pub(super) settings: Settings,
    /// Their own filter words.
    pub(super) keywords: Arc<[String]>,
}

/// A person's account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) person: Person,
    /// When it was made.
    pub(super) since: Timestamp,
    pub(super) is_business: bool,
    /// Whether they were a minor when it was made.
    began_as_minor: bool,
    version: u64,
}

/// One person's part of what lies between two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side {
    pub(super) follows: bool,
    pub(super) blocks: bool,
    pub(super) epoch: u64,
    pub(super) version: u64,
}

/// What lies between two people, whoever of them writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Between {
    /// Of the one with the lower id.
    pub(super) lo: Side,
    /// Of the other.
    pub(super) hi: Side,
}

/// Two people in the order of their ids.
pub(super) type PairKey = (UserId, UserId);

/// The pair of these two, and what was said of each in its order.
pub(super) fn in_order<T>(one: (UserId, T), other: (UserId, T)) -> (PairKey, [T; 2]) {
    if one.0 <= other.0 {
        ((one.0, other.0), [one.1, other.1])
    } else {
        ((other.0, one.0), [other.1, one.1])
    }
}

impl Policy {
    /// What counts, given what is known of the account. Nothing that a minor never chose lets
    /// anybody write. Settings say so too, but a birth date that is corrected raises identity's
    /// fence alone, and for a while they remember another age.
    pub(super) const fn of(&self, account: &Answer<Account>) -> Settings {
        match account {
            Answer::Known(account) if account.began_as_minor && self.settings.version == 0 => {
                Settings {
                    who_can_message: WhoCanMessage::NoOne,
                    ..self.settings
                }
            }
            _ => self.settings,
        }
    }
}

impl Fact for Policy {
    fn version(&self) -> Version {
        [self.settings.version, 0]
    }

    fn weight(&self) -> u32 {
        let bytes: usize = self.keywords.iter().map(String::len).sum();
        u32::try_from(1 + bytes / WORDS_BYTES).unwrap_or(u32::MAX)
    }
}

impl Fact for Account {
    fn version(&self) -> Version {
        [self.version, 0]
    }

    /// When an action of moderation ends, no version rises, and a milder one may still be in force.
    fn ended(&self, now: Timestamp) -> bool {
        let end = match self.person.sanction {
            Sanction::SendRestricted { until_ms } | Sanction::Suspended { until_ms } => until_ms,
            Sanction::None | Sanction::Banned => None,
        };
        end.is_some_and(|end| end <= now.unix_millis())
    }
}

impl Fact for Between {
    fn version(&self) -> Version {
        [self.lo.version, self.hi.version]
    }
}

/// What graph says of a user and a peer.
pub(super) fn between(user: UserId, peer: UserId, said: &Relationship) -> Option<Between> {
    if said.user_id != user.to_string() || said.peer_id != peer.to_string() {
        return None;
    }
    let one = Side {
        follows: said.user_follows,
        blocks: said.user_blocks,
        epoch: said.user_epoch,
        version: countable(said.user_version)?,
    };
    let other = Side {
        follows: said.peer_follows,
        blocks: said.peer_blocks,
        epoch: said.peer_epoch,
        version: countable(said.peer_version)?,
    };
    let (_, [lo, hi]) = in_order((user, one), (peer, other));
    Some(Between { lo, hi })
}

/// What settings say.
pub(super) fn policy(said: &DmPolicy) -> Option<Policy> {
    Some(Policy {
        settings: settings(said)?,
        keywords: said.filter_keywords.clone().into(),
    })
}

/// What identity says.
pub(super) fn account(said: &Standing) -> Option<Account> {
    Some(Account {
        person: person(said)?,
        since: created(said)?,
        is_business: said.kind() == wire::AccountKind::Business,
        began_as_minor: band(said.age_band_at_creation())? != AgeBand::Adult,
        version: countable(said.version)?,
    })
}

/// A person's settings.
pub(super) fn settings(policy: &DmPolicy) -> Option<Settings> {
    Some(Settings {
        who_can_message: match policy.who_can_message() {
            wire::WhoCanMessage::Everyone => WhoCanMessage::Everyone,
            wire::WhoCanMessage::Friends => WhoCanMessage::Friends,
            wire::WhoCanMessage::NoOne => WhoCanMessage::NoOne,
            wire::WhoCanMessage::Unspecified => return None,
        },
        version: countable(policy.version)?,
        left_everyone_version: policy.left_everyone_version,
        filters: Filters {
            spam: policy.filter_spam,
            offensive: policy.filter_offensive,
            keywords: !policy.filter_keywords.is_empty(),
        },
    })
}

/// A person's standing.
pub(super) fn person(standing: &Standing) -> Option<Person> {
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
        age_band: band(standing.age_band())?,
    })
}

const fn band(said: wire::AgeBand) -> Option<AgeBand> {
    match said {
        wire::AgeBand::Under16 => Some(AgeBand::Under16),
        wire::AgeBand::AgeBand16To17 => Some(AgeBand::From16To17),
        wire::AgeBand::Adult => Some(AgeBand::Adult),
        wire::AgeBand::Unspecified => None,
    }
}

/// When an account was made.
fn created(standing: &Standing) -> Option<Timestamp> {
    let created = unix_millis(standing.create_time.as_ref()?)?;
    Some(Timestamp::from_unix_millis(created))
}

/// A moment that this program can count; none is that of no sanction.
fn unix_millis(time: &prost_types::Timestamp) -> Option<i64> {
    let millis = time.seconds.checked_mul(1_000)?;
    millis.checked_add(i64::from(time.nanos / 1_000_000))
}

/// A version that a database can hold. One beyond that would stand above every fence.
fn countable(version: u64) -> Option<u64> {
    i64::try_from(version).is_ok().then_some(version)
}
