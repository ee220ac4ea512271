//! An owner of facts is away while friends write: those who wrote a moment ago go on for as long
//! as messaging keeps what it was told, and everybody else is told to try again.

use std::time::Duration;

use futures_util::future::try_join_all;
use postern_proto::common::v1::ErrorReason;
use postern_proto::policy::v1::WhoCanMessage;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::Stage;
use super::report::Away;
use crate::calls::{self, Sent};
use crate::error::{CallError, LoadError};
use crate::retry::pause;
use crate::session::Session;

/// Between an answer and the next message of the same sender.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an owner stays away when nothing that it said may be used any more.
const BEYOND: Duration = Duration::from_secs(3);

/// Whom messaging asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Who follows and blocks whom.
    Graph,
    /// Who may write to whom.
    Settings,
    /// Who is in good standing.
    Identity,
}

impl Owner {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Graph, Self::Settings, Self::Identity];

    /// As its operator calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Settings => "settings",
            Self::Identity => "identity",
        }
    }
}

/// What one sender was told while the owner was away; times are from the moment it was gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Messages that were stored.
    pub delivered: u32,
    /// When the last of them was sent.
    pub last_delivered: Option<Duration>,
    /// Messages that were not decided.
    pub undecided: u32,
    /// When the first of them was answered.
    pub first_undecided: Option<Duration>,
    /// The longest that one of them waited for its answer.
    pub undecided_wait_max: Duration,
    /// Messages that were refused, which nobody had asked for.
    pub refused: u32,
}

impl Told {
    fn delivered(&mut self, sent: Duration) {
        self.delivered += 1;
        self.last_delivered = Some(sent);
    }

    fn undecided(&mut self, sent: Duration, answered: Duration) {
        self.undecided += 1;
        self.first_undecided.get_or_insert(answered);
        self.undecided_wait_max = self.undecided_wait_max.max(answered.saturating_sub(sent));
    }
}

/// Stops an owner while friends write to somebody, and starts it again.
pub async fn away(stage: &Stage<'_>, owner: Owner) -> Result<Away, LoadError> {
    let mut friends = stage.people(2 + stage.args.senders).await?;
    let cold = friends.swap_remove(0);
    let recipient = friends.swap_remove(0);
    calls::let_write(stage.client, &recipient, WhoCanMessage::Friends).await?;
    for friend in friends.iter().chain([&cold]) {
        calls::befriend(stage.client, friend, &recipient).await?;
    }

    let asked = Instant::now();
    for replica in &stage.replicas {
        let warming = friends
            .iter()
            .map(|friend| stage.lands(replica, friend, &recipient));
        try_join_all(warming).await?;
    }
    stage.stop(owner.name()).await?;
    let gone = Instant::now();
    stage.style.note(&format!("{} is away", owner.name()));

    let until = gone + stage.args.kept + BEYOND;
    let writing = friends.iter().chain([&cold]);
    let writing = writing.map(|friend| stage.write(friend, &recipient, gone, until));
    let mut told = try_join_all(writing).await?;
    let cold_told = told.pop().unwrap_or_default();

    stage.start(owner.name()).await?;
    let back = Instant::now();
    let landing = friends.iter().chain([&cold]);
    let landing = landing.map(|friend| stage.lands(stage.client, friend, &recipient));
    let landed = try_join_all(landing).await?;
    let mut seqs: Vec<i64> = landed.into_iter().map(|(_, seq)| seq).collect();
    let cold_seq = seqs.pop().unwrap_or_default();
    let mut away = Away::of(owner.name(), stage.args.kept.saturating_sub(gone - asked));
    away.back = back.elapsed();
    let warmed = i64::try_from(stage.replicas.len()).unwrap_or(i64::MAX);
    for (told, seq) in told.iter().zip(seqs) {
        away.count(told, seq - warmed - 1);
    }
    away.count_cold(&cold_told, cold_seq - 1);
    Ok(away)
}

impl Stage<'_> {
    /// Writes one message after the other, each sent once.
    async fn write(
        &self,
        from: &Session,
        to: &Session,
        gone: Instant,
        until: Instant,
    ) -> Result<Told, CallError> {
        let mut told = Told::default();
        while Instant::now() < until {
            let sent = gone.elapsed();
            match self.send(&self.once, from, to).await {
                Ok(Sent::Stored(..)) => told.delivered(sent),
                Ok(Sent::Refused(_)) => told.refused += 1,
                Err(error) if is_undecided(&error.status) => told.undecided(sent, gone.elapsed()),
                Err(error) => return Err(error),
            }
            pause(PAUSE).await;
        }
        Ok(told)
    }
}

/// Whether a message could not be decided, and whoever sent it is told to try again.
fn is_undecided(status: &Status) -> bool {
    let expected = ErrorReason::DependencyUnavailable.as_str_name();
    let expected = expected.trim_start_matches("ERROR_REASON_");
    let info = status.get_details_error_info();
    status.code() == Code::Unavailable && info.is_some_and(|info| info.reason == expected)
}
