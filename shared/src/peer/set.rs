//! The addresses of a peer: which there are, how each one does, and which one is asked next.
//!
//! Pure: moments are arguments and nothing is sent. Among those that may be asked the one with the
//! fewest calls in flight is taken. An address that could not be reached or said that it cannot
//! serve is left alone for a while, but only as long as there is another one: a replica that comes
//! back is found at once.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use tokio::time::Instant;

use super::{
    backoff::Backoff,
    breaker::{Breaker, Outcome, Ticket, Turn},
    way::Way,
};
use crate::random::Random;

/// How long an address that did not serve is left alone.
const AWAY: Backoff = Backoff {
    first: Duration::from_millis(250),
    max: Duration::from_secs(5),
};
/// How soon it is told again that an address does not serve: one that fails now and then must not
/// fill the log.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Names one address for as long as it stays in the set; one that comes back is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u64);

/// Where an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In this process.
    Here,
    /// On the network.
    At(SocketAddr),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("this process"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// How a call ended, as far as it tells of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// With an answer.
    Answered,
    /// With the answer that it cannot serve.
    Failing,
    /// Not in time.
    Late,
    /// It could not be reached, or the connection broke.
    Unreachable,
    /// Nobody waited for the end.
    Unknown,
}

/// Why nobody can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoOne {
    /// No address is known.
    Unknown,
    /// Every breaker is open.
    Resting,
}

/// What to ask, and what to end it with.
#[derive(Debug)]
pub(super) struct Pick {
    pub(super) id: Id,
    pub(super) ticket: Ticket,
    pub(super) way: Way,
}

/// What the end of a call changed about an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) place: Place,
    /// It is left alone from now on.
    pub(super) ejected: bool,
    /// People have to know that it does not serve (`false`) or serves again (`true`).
    pub(super) serves: Option<bool>,
    pub(super) breaker: Option<Turn>,
}

/// The addresses of a peer.
#[derive(Debug, Default)]
pub(super) struct Set {
    members: Vec<Member>,
    next: u64,
}

#[derive(Debug)]
struct Member {
    id: Id,
    place: Place,
    way: Way,
    in_flight: usize,
    /// It has served since it appeared or since it last did not.
    proven: bool,
    /// How often in a row it did not serve.
    failures: u32,
    away_until: Instant,
    /// When it was last told that it does not serve, and whether that still stands.
    told: Option<(Instant, bool)>,
    breaker: Breaker,
}

/// Why others are asked first; the greater the doubt, the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doubt {
    None,
    /// One call finds out already whether it serves.
    FoundOut,
    /// It did not serve a moment ago.
    LeftAlone,
}

impl Member {
    /// Whether others are asked first.
    fn doubt(&self, now: Instant) -> Doubt {
        match self.proven {
            true => Doubt::None,
            false if now < self.away_until => Doubt::LeftAlone,
            false if self.in_flight > 0 => Doubt::FoundOut,
            false => Doubt::None,
        }
    }

    fn serves(&mut self, now: Instant) -> Option<bool> {
        (self.proven, self.failures, self.away_until) = (true, 0, now);
        match &mut self.told {
            Some((_, stands @ true)) => {
                *stands = false;
                Some(true)
            }
            _ => None,
        }
    }

    fn leave_alone(&mut self, now: Instant, random: &Random) -> Option<bool> {
        (self.proven, self.failures) = (false, self.failures.saturating_add(1));
        self.away_until = now + AWAY.upper_half(self.failures, random);
        let again = |(at, stands): (Instant, bool)| !stands && now >= at + TOLD_EVERY;
        if !self.told.is_none_or(again) {
            return None;
        }
        self.told = Some((now, true));
        Some(false)
    }
}

impl Set {
    /// Adds an address.
    pub(super) fn add(&mut self, place: Place, way: Way, now: Instant) {
        self.next += 1;
        self.members.push(Member {
            id: Id(self.next),
            place,
            way,
            in_flight: 0,
            proven: false,
            failures: 0,
            away_until: now,
            told: None,
            breaker: Breaker::new(now),
        });
    }

    /// Keeps those addresses alone, and answers which of them are new. What is in flight on the
    /// others goes on.
    pub(super) fn keep<T>(&mut self, wanted: &BTreeMap<SocketAddr, T>) -> Vec<SocketAddr> {
        self.members.retain(|member| match member.place {
            Place::Here => true,
            Place::At(address) => wanted.contains_key(&address),
        });
        let known = |address: &SocketAddr| {
            let mut members = self.members.iter();
            members.any(|member| member.place == Place::At(*address))
        };
        let new = wanted.keys().filter(|address| !known(address));
        new.copied().collect()
    }

    /// Whom to ask next; those that this call has tried come after those that it has not. A call
    /// that insists asks one that is left to rest when there is no other.
    pub(super) fn pick(
        &mut self,
        tried: &[Id],
        insists: bool,
        now: Instant,
        random: &Random,
    ) -> Result<Pick, NoOne> {
        if self.members.is_empty() {
            return Err(NoOne::Unknown);
        }
        let (mut best, mut ties) = (None, 0);
        for (index, member) in self.members.iter().enumerate() {
            let rests = !member.breaker.admits(now);
            if rests && !(insists && member.breaker.admits_insistence()) {
                continue;
            }
            let before = tried.contains(&member.id);
            let rank = (rests, member.doubt(now), before, member.in_flight);
            let least = best.map(|(least, _)| least);
            if least.is_none_or(|least| rank < least) {
                (best, ties) = (Some((rank, index)), 1);
            } else if least == Some(rank) {
                // Each of those that tie is as likely to be the one that stays.
                ties += 1;
                if random.below(ties) == 0 {
                    best = Some((rank, index));
                }
            }
        }
        let (_, index) = best.ok_or(NoOne::Resting)?;
        let member = &mut self.members[index];
        member.in_flight += 1;
        Ok(Pick {
            id: member.id,
            ticket: member.breaker.begin(),
            way: member.way.clone(),
        })
    }

    /// A call ended. None when its address is no longer here or nothing changed.
    pub(super) fn end(
        &mut self,
        (id, ticket): (Id, Ticket),
        verdict: Verdict,
        now: Instant,
        random: &Random,
    ) -> Option<Change> {
        let member = self.members.iter_mut().find(|member| member.id == id)?;
        member.in_flight = member.in_flight.saturating_sub(1);
        let outcome = match verdict {
            Verdict::Answered => Outcome::Good,
            Verdict::Failing | Verdict::Late | Verdict::Unreachable => Outcome::Bad,
            Verdict::Unknown => Outcome::Unknown,
        };
        let breaker = member.breaker.end(ticket, outcome, now, random);
        let before = member.away_until;
        let serves = match verdict {
            Verdict::Answered => member.serves(now),
            // Of the calls that failed together the first one counts.
            Verdict::Failing | Verdict::Unreachable if before <= now => {
                member.leave_alone(now, random)
            }
            Verdict::Failing | Verdict::Unreachable | Verdict::Late | Verdict::Unknown => None,
        };
        let change = Change {
            place: member.place,
            ejected: member.away_until > before && !member.proven,
            serves,
            breaker,
        };
        (change.ejected || serves.is_some() || breaker.is_some()).then_some(change)
    }

    /// The places of the set, for logs and tests.
    pub(super) fn places(&self) -> Vec<Place> {
        self.members.iter().map(|member| member.place).collect()
    }
}
