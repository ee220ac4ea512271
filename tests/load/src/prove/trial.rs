//! One trial: senders flood a recipient, who says no in the middle of it.
//!
//! It promises that a message counts as sent after the acknowledgement only if it was begun after
//! the answer had arrived here, and that the second look comes after the last answer to anything
//! that was under way.

use std::cell::Cell;

use futures_util::future::try_join_all;
use postern_proto::policy::v1::WhoCanMessage;
use tokio::sync::watch;

use super::Cast;
use super::lots::{Lots, No};
use crate::calls::{self, Sent};
use crate::error::CallError;
use crate::session::Session;

/// Messages that each stream of a sender who was told no begins after the acknowledgement.
const LATE: usize = 1;

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing was said yet.
    Before,
    /// It was said and not acknowledged.
    Said,
    /// The acknowledgement has arrived.
    Acknowledged,
    /// Nobody begins anything any more.
    Over,
}

/// One message of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which sender's.
    pub sender: usize,
    /// Where the trial stood when it was sent.
    pub begun: Moment,
    /// Where it stood when it was answered.
    pub answered: Moment,
    /// The answer.
    pub answer: Sent,
}

/// How many messages a sender who was told no has in their conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which sender.
    pub sender: usize,
    /// Right after the acknowledgement.
    pub first: i64,
    /// When nothing was under way any more.
    pub last: i64,
}

/// What was seen of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whether the "no" was acknowledged as enforced.
    pub enforced: bool,
    /// Every message that was sent.
    pub messages: Vec<Message>,
    /// The conversations of those who were told no.
    pub looks: Vec<Look>,
}

/// A recipient and those who write to them, all friends.
pub struct Lane<'a> {
    cast: &'a Cast<'a>,
    recipient: &'a Session,
    senders: Vec<(&'a Session, String)>,
}

/// What those who take part in a trial tell each other.
struct Board {
    moment: Cell<Moment>,
    answered: watch::Sender<usize>,
}

impl<'a> Lane<'a> {
    /// Makes friends of them, with a message in each conversation.
    pub async fn prepare(
        cast: &'a Cast<'a>,
        recipient: &'a Session,
        senders: &'a [Session],
    ) -> Result<Self, CallError> {
        let mut lane = Self {
            cast,
            recipient,
            senders: Vec::with_capacity(senders.len()),
        };
        for sender in senders {
            calls::befriend(cast.client, sender, recipient).await?;
            let Cast { client, names, .. } = cast;
            let number = cast.next_message();
            let (conversation, _) = calls::lands(client, names, sender, recipient, number).await?;
            lane.senders.push((sender, conversation));
        }
        Ok(lane)
    }

    /// Plays a trial, and undoes what was said in it.
    pub async fn play(&self, lots: &Lots) -> Result<Seen, CallError> {
        let board = Board {
            moment: Cell::new(Moment::Before),
            answered: watch::Sender::new(0),
        };
        let streams = (0..self.senders.len())
            .flat_map(|sender| std::iter::repeat_n(sender, self.cast.streams));
        let (told, others): (Vec<_>, Vec<_>) = streams.partition(|sender| lots.concerns(*sender));
        let flood = |senders: Vec<usize>| {
            let streams = senders.into_iter();
            try_join_all(streams.map(|sender| self.flood(&board, lots, sender)))
        };
        let saying = async {
            let both = futures_util::future::try_join(self.say(&board, lots), flood(told)).await?;
            board.moment.set(Moment::Over);
            Ok::<_, CallError>(both)
        };
        let (((action, first), told), others) =
            futures_util::future::try_join(saying, flood(others)).await?;
        let last = self.look(lots).await?;
        self.take_back(lots, action).await?;
        let enforced = first.is_some();
        let first = first.unwrap_or_else(|| last.clone());
        let looks = first.into_iter().zip(last);
        Ok(Seen {
            enforced,
            messages: told.into_iter().chain(others).flatten().collect(),
            looks: looks
                .map(|((sender, first), (_, last))| Look {
                    sender,
                    first,
                    last,
                })
                .collect(),
        })
    }

    /// Sends until it is over; whoever is told no sends a little more, and stops.
    async fn flood(
        &self,
        board: &Board,
        lots: &Lots,
        sender: usize,
    ) -> Result<Vec<Message>, CallError> {
        let (mut messages, mut late) = (Vec::new(), 0);
        loop {
            let begun = board.moment.get();
            if begun == Moment::Over || late == LATE {
                return Ok(messages);
            }
            if begun == Moment::Acknowledged && lots.concerns(sender) {
                late += 1;
            }
            let answer = self.send(self.senders[sender].0).await?;
            board.answered.send_modify(|answered| *answered += 1);
            messages.push(Message {
                sender,
                begun,
                answered: board.moment.get(),
                answer,
            });
        }
    }

    /// Says no when it is time. Tells the action of a moderator, and the first look unless it was
    /// not acknowledged as enforced.
    async fn say(
        &self,
        board: &Board,
        lots: &Lots,
    ) -> Result<(Option<String>, Option<Vec<(usize, i64)>>), CallError> {
        let mut answered = board.answered.subscribe();
        let enough = answered.wait_for(|answered| *answered >= lots.after);
        let _ = enough.await.expect("the board is still there");
        board.moment.set(Moment::Said);
        let (client, target) = (self.cast.client, self.senders[lots.target].0);
        let mut action = None;
        let enforced = match lots.no {
            No::Block => calls::block(client, self.recipient, target).await?,
            No::Unfollow => calls::unfollow(client, self.recipient, target).await?,
            No::RemoveFollower => calls::remove(client, self.recipient, target).await?,
            No::Nobody => calls::let_write(client, self.recipient, WhoCanMessage::NoOne).await?,
            No::Suspend => {
                let moderator = &self.cast.moderator;
                let (id, enforced) = calls::suspend(client, moderator, self.recipient).await?;
                action = Some(id);
                enforced
            }
        };
        if !enforced {
            board.moment.set(Moment::Over);
            return Ok((action, None));
        }
        board.moment.set(Moment::Acknowledged);
        Ok((action, Some(self.look(lots).await?)))
    }

    /// How many messages there are with each who was told no, as the recipient sees it; who is
    /// suspended sees nothing, so the sender looks.
    async fn look(&self, lots: &Lots) -> Result<Vec<(usize, i64)>, CallError> {
        let concerned = self.senders.iter().enumerate();
        let concerned = concerned.filter(|(sender, _)| lots.concerns(*sender));
        let looks = concerned.map(|(sender, (session, conversation))| async move {
            let reader = match lots.no {
                No::Suspend => *session,
                _ => self.recipient,
            };
            let seq = calls::last_seq(self.cast.client, reader, conversation).await?;
            Ok((sender, seq))
        });
        try_join_all(looks).await
    }

    /// Everything as it was, for the next trial.
    async fn take_back(&self, lots: &Lots, action: Option<String>) -> Result<(), CallError> {
        let (client, target) = (self.cast.client, self.senders[lots.target].0);
        match lots.no {
            No::Block => {
                calls::unblock(client, self.recipient, target).await?;
                calls::befriend(client, self.recipient, target).await
            }
            No::Unfollow => calls::follow(client, self.recipient, target).await,
            No::RemoveFollower => calls::follow(client, target, self.recipient).await,
            No::Nobody => {
                let friends = WhoCanMessage::Friends;
                calls::let_write(client, self.recipient, friends)
                    .await
                    .map(drop)
            }
            No::Suspend => {
                let (moderator, action) = (&self.cast.moderator, action.unwrap_or_default());
                calls::lift(client, moderator, self.recipient, action).await
            }
        }
    }

    async fn send(&self, sender: &Session) -> Result<Sent, CallError> {
        let Cast { client, names, .. } = self.cast;
        calls::send(
            client,
            names,
            sender,
            self.recipient,
            self.cast.next_message(),
        )
        .await
    }
}
