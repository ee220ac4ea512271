//! What people say, and take back: repeated until it is answered, as any client would.

use std::{future::Future, time::Duration};

use postern_proto::{
    graph::v1::{
        BlockRequest, FollowRequest, GetEnforcementRequest, UnblockRequest, UnfollowRequest,
    },
    identity::v1::{
        DeactivateAccountRequest, LiftActionRequest, ReactivateAccountRequest,
        SuspendAccountRequest,
    },
    policy::v1::{Enforcement, RefusalReason, WhoCanMessage},
    settings::v1::{self, Settings, UpdateSettingsRequest},
};
use tonic::{Code, Request, Response, Status};

use crate::suite::{Person, START, mask};

/// Who repeats more often than this has found a fault of ours.
const REPETITIONS_MAX: usize = 300;
/// How long a client waits for what is not to be enforced.
const WAIT: Duration = Duration::from_millis(250);
/// In a hurry: an owner keeps 200 ms for its answer, and next to nothing is left for a raise.
const HURRY: Duration = Duration::from_millis(205);

/// What is said by a recipient, or by a moderator about a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum No {
    /// The recipient blocks a sender.
    Block,
    /// The recipient, who takes messages from friends, no longer follows a sender.
    Unfollow,
    /// The recipient takes messages from no one.
    Nobody,
    /// A sender is suspended.
    Suspend,
    /// The recipient leaves.
    Leave,
}

impl No {
    pub const ALL: [Self; 5] = [
        Self::Block,
        Self::Unfollow,
        Self::Nobody,
        Self::Suspend,
        Self::Leave,
    ];

    /// Whether it is about one sender only.
    pub const fn is_for_one(self) -> bool {
        matches!(self, Self::Block | Self::Unfollow | Self::Suspend)
    }

    /// What a sender is told whom it is about.
    pub const fn reason(self) -> RefusalReason {
        match self {
            Self::Block | Self::Leave => RefusalReason::NotAccepting,
            Self::Unfollow => RefusalReason::MutualFollowRequired,
            Self::Nobody => RefusalReason::RecipientMessagesAreOff,
            Self::Suspend => RefusalReason::SenderRestricted,
        }
    }
}

/// Who speaks about whom, and how long one call may take.
pub struct Parties<'a> {
    pub recipient: &'a Person,
    pub sender: &'a Person,
    pub moderator: &'a Person,
    pub patience: Duration,
}

/// How a "no" came to be enforced.
#[derive(Debug, Default)]
pub struct Said {
    /// Whether the first answer was PENDING.
    pub was_pending: bool,
    /// Calls that were not answered, or answered that it may pass.
    pub repeated: usize,
    /// What a moderator lifts.
    action: String,
}

/// Calls until there is an answer; it, and how many calls had none.
pub async fn insist<T, F>(mut call: impl FnMut() -> F) -> (T, usize)
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    for repeated in 0..REPETITIONS_MAX {
        let failed = match call().await {
            Ok(answer) => return (answer.into_inner(), repeated),
            Err(failed) => failed,
        };
        let passes = [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Cancelled,
            Code::Aborted,
        ];
        assert!(passes.contains(&failed.code()), "{failed:?}");
        tokio::task::yield_now().await;
    }
    panic!("a call was never answered");
}

/// A request in somebody's name that is given up after a while.
pub fn timed<T>(who: &Person, wait: Duration, message: T) -> Request<T> {
    let mut ask = who.ask(message);
    ask.set_timeout(wait);
    ask
}

/// Insists on a call: of whom, through which client, by which method, with which message.
macro_rules! insist {
    ($who:expr, $client:ident, $rpc:ident, $wait:expr, $message:expr $(,)?) => {
        insist(|| {
            let (who, message) = (&$who, $message);
            let (mut client, ask) = (who.$client(), timed(who, $wait, message));
            async move { client.$rpc(ask).await }
        })
        .await
    };
}

impl Parties<'_> {
    /// Says it until it is enforced.
    pub async fn say(&self, no: No) -> Said {
        let mut said = Said::default();
        let mut told = self.once(no, &mut said).await;
        said.was_pending = told == Enforcement::Pending;
        while told != Enforcement::Enforced {
            assert_eq!(told, Enforcement::Pending);
            tokio::task::yield_now().await;
            told = match no {
                No::Block | No::Unfollow => self.graph_holds().await,
                No::Nobody => self.settings_hold().await,
                // Asking again what is so already tells how it stands.
                No::Suspend | No::Leave => self.once(no, &mut said).await,
            };
        }
        said
    }

    async fn once(&self, no: No, said: &mut Said) -> Enforcement {
        let (sender, wait) = (self.sender.reference(), self.patience);
        let person = || sender.clone();
        let (told, repeated) = match no {
            No::Block => {
                let ask = || BlockRequest { person: person() };
                let (answer, repeated) = insist!(self.recipient, graph, block, wait, ask());
                (answer.enforcement(), repeated)
            }
            No::Unfollow => {
                let ask = || UnfollowRequest { person: person() };
                let (answer, repeated) = insist!(self.recipient, graph, unfollow, wait, ask());
                (answer.enforcement(), repeated)
            }
            No::Nobody => self.let_write(WhoCanMessage::NoOne).await,
            No::Suspend => {
                let end = START.plus(Duration::from_secs(24 * 60 * 60));
                let ask = || SuspendAccountRequest {
                    person: person(),
                    end_time: Some(end.to_proto()),
                    rule: "spam".to_owned(),
                    explanation: "many people reported the same text".to_owned(),
                };
                let (answer, repeated) =
                    insist!(self.moderator, standing, suspend_account, wait, ask());
                let told = answer.enforcement();
                said.action = answer.action.unwrap().action_id;
                (told, repeated)
            }
            No::Leave => {
                let ask = DeactivateAccountRequest {};
                let (answer, repeated) =
                    insist!(self.recipient, accounts, deactivate_account, wait, ask);
                (answer.enforcement(), repeated)
            }
        };
        said.repeated += repeated;
        told
    }

    /// Takes it back; how many calls that took too many.
    pub async fn take_back(&self, no: No, said: &Said) -> usize {
        match no {
            No::Block => {
                let repeated = self.unblock(self.sender).await;
                repeated
                    + follow(self.recipient, self.sender).await
                    + follow(self.sender, self.recipient).await
            }
            No::Unfollow => follow(self.recipient, self.sender).await,
            No::Nobody => self.let_write(WhoCanMessage::Friends).await.1,
            No::Suspend => {
                let ask = || LiftActionRequest {
                    person: self.sender.reference(),
                    action_id: said.action.clone(),
                };
                insist!(self.moderator, standing, lift_action, WAIT, ask()).1
            }
            No::Leave => {
                let ask = ReactivateAccountRequest {};
                insist!(self.recipient, accounts, reactivate_account, WAIT, ask).1
            }
        }
    }

    /// Blocks somebody who does not write, in such a hurry that it is enforced later.
    pub async fn block(&self, other: &Person) -> usize {
        let ask = || BlockRequest {
            person: other.reference(),
        };
        insist!(self.recipient, graph, block, HURRY, ask()).1
    }

    pub async fn unblock(&self, other: &Person) -> usize {
        let ask = || UnblockRequest {
            person: other.reference(),
        };
        insist!(self.recipient, graph, unblock, WAIT, ask()).1
    }

    /// Waits until graph and settings have nothing of the recipient's that is under way.
    pub async fn until_settled(&self) {
        while self.graph_holds().await != Enforcement::Enforced
            || self.settings_hold().await != Enforcement::Enforced
        {
            tokio::task::yield_now().await;
        }
    }

    async fn graph_holds(&self) -> Enforcement {
        let ask = GetEnforcementRequest {};
        let (answer, _) = insist!(self.recipient, graph, get_enforcement, WAIT, ask);
        answer.enforcement()
    }

    async fn settings_hold(&self) -> Enforcement {
        let ask = v1::GetEnforcementRequest {};
        let (answer, _) = insist!(self.recipient, settings, get_enforcement, WAIT, ask);
        answer.enforcement()
    }

    async fn let_write(&self, who: WhoCanMessage) -> (Enforcement, usize) {
        let ask = || UpdateSettingsRequest {
            settings: Some(Settings {
                who_can_message: who.into(),
                ..Settings::default()
            }),
            update_mask: Some(mask(&["who_can_message"])),
            etag: String::new(),
        };
        let (answer, repeated) = insist!(
            self.recipient,
            settings,
            update_settings,
            self.patience,
            ask()
        );
        (answer.enforcement(), repeated)
    }
}

/// No longer follows somebody, and does again: what was kept of the two will not do any more.
pub async fn refollow(who: &Person, whom: &Person) -> usize {
    let ask = || UnfollowRequest {
        person: whom.reference(),
    };
    insist!(who, graph, unfollow, WAIT, ask()).1 + follow(who, whom).await
}

async fn follow(who: &Person, whom: &Person) -> usize {
    let ask = || FollowRequest {
        person: whom.reference(),
    };
    insist!(who, graph, follow, WAIT, ask()).1
}
