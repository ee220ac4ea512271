//! The facts of one send: everything a decision may look at, and nothing else.
//!
//! For: whoever gathers facts fills one [`Facts`]; `decide` reads it.
//!
//! Promises: "could not be consulted", "consulted, there is none" and a value are three different
//! things wherever they can differ. The few judgements here (gone, a consent that counts, a class
//! that is filtered) are the definitions of the policy, each written once.
//!
//! Must not: implement `Default` on anything, hold a time that still has to be compared with a
//! clock, or know how facts are fetched.

/// How many messages a stranger may send to one request, unless configured otherwise.
pub const REQUEST_MESSAGES_MAX: u32 = 3;

/// Everything one decision about a message from A to B may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Facts {
    /// A and B are the same person.
    pub same_person: bool,
    /// What identity says about A.
    pub sender: Answer<Person>,
    /// What identity says about B. [`Answer::Absent`] is a person nobody knows, and so gone.
    pub recipient: Answer<Person>,
    /// A's privacy settings.
    pub sender_settings: Answer<Settings>,
    /// B's privacy settings.
    pub recipient_settings: Answer<Settings>,
    /// What graph says about the pair; `None` when it could not be consulted. Graph has an answer
    /// about every pair, so there is no third case.
    pub edges: Option<Edges>,
    /// Consent(B→A): whether B agreed to hear from A.
    pub consent: Consent,
    /// Request(A→B).
    pub request: Request,
    /// How many messages one request may hold before it is accepted, in messages. With 0 no
    /// stranger gets in.
    pub request_messages_max: u32,
    /// What kind of content the message is.
    pub content: ContentKind,
    /// What the content filter said about it.
    pub verdict: Verdict,
    /// Whether what this send costs can be paid.
    pub budgets: Budgets,
}

/// What an owner answered. Not an `Option`: a service that is down and a person who does not exist
/// lead to different decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer<T> {
    /// The owner could not be consulted.
    Unavailable,
    /// The owner was consulted and has nothing under this id.
    Absent,
    /// The owner was consulted and said this.
    Known(T),
}

/// One person, as identity sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Person {
    /// Where the account is in its life.
    pub lifecycle: Lifecycle,
    /// The severest live action against the account.
    pub sanction: Sanction,
    /// The age band that is effective now.
    pub age_band: AgeBand,
}

impl Person {
    /// Whether the policy calls this person *gone*: not active, suspended or banned. The
    /// send-restricted are not gone: they may receive.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        let inactive = match self.lifecycle {
            Lifecycle::Active => false,
            Lifecycle::Deactivated
            | Lifecycle::Erasing
            | Lifecycle::Erased
            | Lifecycle::Unknown => true,
        };
        let removed = match self.sanction {
            Sanction::None | Sanction::SendRestricted { .. } => false,
            Sanction::Suspended { .. } | Sanction::Banned => true,
        };
        inactive || removed
    }
}

/// Where an account is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lifecycle {
    /// In use.
    Active,
    /// Switched off by its owner, who may come back.
    Deactivated,
    /// Its erasure was asked for and can still be taken back.
    Erasing,
    /// Erased for good.
    Erased,
    /// None of the above: identity has no account, or names a state this build does not know.
    Unknown,
}

/// The severest live action against an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sanction {
    /// No live action.
    None,
    /// May receive, may not send.
    SendRestricted {
        /// When it ends, in Unix milliseconds; `None` when it has no end.
        until_ms: Option<i64>,
    },
    /// Gone to everybody until it ends.
    Suspended {
        /// When it ends, in Unix milliseconds; `None` when it has no end.
        until_ms: Option<i64>,
    },
    /// Gone to everybody for good.
    Banned,
}

/// The age band that is effective for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgeBand {
    /// Younger than 16 years: no messages either way.
    Under16,
    /// 16 or 17 years: messages with adults between friends only.
    From16To17,
    /// 18 years or older.
    Adult,
}

/// Who may open a conversation with a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhoCanMessage {
    /// Everyone, strangers through a request.
    Everyone,
    /// Friends, and those whose consent counts.
    Friends,
    /// No one; the person cannot send either.
    NoOne,
}

/// One person's privacy settings, read together from one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Who may message this person. All that matters of the sender's settings.
    pub who_can_message: WhoCanMessage,
    /// The version these settings were read at. A consent this person gives now carries it.
    pub version: u64,
    /// The version at which this person last stopped being open to everyone; older consents lapse.
    pub left_everyone_version: u64,
    /// Which content filters this person has on.
    pub filters: Filters,
}

/// Which content filters a person has on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Filters {
    /// Hide what looks like spam, suspicious links included.
    pub spam: bool,
    /// Hide what looks offensive.
    pub offensive: bool,
    /// Hide what holds one of the person's own keywords.
    pub keywords: bool,
}

impl Filters {
    /// Whether content flagged as `class` is filtered. Links count as spam.
    #[must_use]
    pub const fn covers(&self, class: Class) -> bool {
        match class {
            Class::Spam | Class::Link => self.spam,
            Class::Offensive => self.offensive,
            Class::Keyword => self.keywords,
        }
    }
}

/// What graph says about the pair, all read at the moment of the send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Edges {
    /// A→B.
    pub sender_follows: bool,
    /// B→A.
    pub recipient_follows: bool,
    /// A blocks B.
    pub sender_blocks: bool,
    /// B blocks A.
    pub recipient_blocks: bool,
    /// B restricts A: A may write and does not learn that B sees it in the hidden tier.
    pub recipient_restricts: bool,
    /// Epoch(B→A): rises when B unfollows or removes A and when either blocks the other.
    pub recipient_epoch: u64,
}

impl Edges {
    /// Whether A and B follow each other.
    #[must_use]
    pub const fn are_friends(&self) -> bool {
        self.sender_follows && self.recipient_follows
    }
}

/// A stored, directed record that B agreed to hear from A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consent {
    /// B never agreed.
    None,
    /// B agreed, by accepting A's request or by writing to A.
    Granted {
        /// Epoch(B→A) as read by the decision that made the record.
        epoch: u64,
        /// The version of B's settings as read by the decision that made the record.
        settings_version: u64,
    },
    /// B took it back.
    Revoked,
}

impl Consent {
    /// Whether the consent counts now, given epoch(B→A) and B's settings.
    #[must_use]
    pub const fn counts(&self, present_epoch: u64, recipient_settings: &Settings) -> bool {
        matches!(
            self.state(present_epoch, recipient_settings),
            Some(ConsentState::Counts)
        )
    }

    /// Whether the consent counts now, and if not, why; `None` where B never agreed.
    ///
    /// An unfollow or a block ends it (the epoch moved), tightening lapses older ones (under
    /// FRIENDS), and under NO_ONE none counts, so that a pause keeps them for later.
    #[must_use]
    pub const fn state(
        &self,
        present_epoch: u64,
        recipient_settings: &Settings,
    ) -> Option<ConsentState> {
        let (epoch, settings_version) = match *self {
            Self::None => return None,
            Self::Revoked => return Some(ConsentState::Revoked),
            Self::Granted {
                epoch,
                settings_version,
            } => (epoch, settings_version),
        };
        if epoch != present_epoch {
            return Some(ConsentState::Ended);
        }
        let lapsed = settings_version < recipient_settings.left_everyone_version;
        Some(match recipient_settings.who_can_message {
            WhoCanMessage::NoOne => ConsentState::Paused,
            WhoCanMessage::Friends if lapsed => ConsentState::Lapsed,
            WhoCanMessage::Friends | WhoCanMessage::Everyone => ConsentState::Counts,
        })
    }
}

/// Whether a consent counts, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConsentState {
    /// It counts.
    Counts,
    /// An unfollow or a block ended it, for good.
    Ended,
    /// B tightened since, and is not open to everyone.
    Lapsed,
    /// B takes messages from no one for the time being.
    Paused,
    /// B took it back.
    Revoked,
}

/// A's message request to B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    /// There is none.
    None,
    /// It waits for B.
    Pending {
        /// Messages already sent to this request; unsent ones count.
        sent: u32,
    },
    /// B accepted it. Where the consent no longer counts, a stranger starts a new request.
    Accepted,
    /// B declined it.
    Declined {
        /// A may not ask again yet. Once this is false, a stranger starts a new request.
        cooling_down: bool,
    },
}

impl Request {
    /// Messages already sent to the request that the next message would join; 0 where it would
    /// start a new one.
    #[must_use]
    pub const fn sent(&self) -> u32 {
        match *self {
            Self::Pending { sent } => sent,
            Self::None | Self::Accepted | Self::Declined { .. } => 0,
        }
    }
}

/// What kind of content a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentKind {
    /// Plain text: all that a stranger may send.
    Text,
    /// A video.
    Video,
    /// A link shared as such. A link inside a text is a matter of the verdict.
    Link,
}

/// What the content filter said about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing found.
    Clean,
    /// Something found that B may have filtered.
    Flagged(Class),
    /// Something found that nobody may send.
    Rejected(Class),
    /// The filter gave no verdict; handled as flagged, whichever filters are on.
    Unavailable,
}

/// What a content filter can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Unsolicited bulk content.
    Spam,
    /// Offensive content.
    Offensive,
    /// One of the recipient's keywords.
    Keyword,
    /// A link in a stranger's text.
    Link,
}

/// Whether what this send costs can be paid from one budget. A send that costs nothing of a budget
/// finds it available: a further message to a pending request does not meet a new person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget {
    /// It can be paid.
    Available,
    /// It cannot be paid yet.
    Empty {
        /// In how many milliseconds it could be.
        retry_after_ms: u64,
    },
}

/// The budgets one send is charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budgets {
    /// A's attempts, refused ones included.
    pub attempts: Budget,
    /// How many new people A may write to.
    pub new_strangers: Budget,
    /// How many strangers B hears from.
    pub inbound_strangers: Budget,
    /// Messages from A to B.
    pub pair: Budget,
}

impl Budgets {
    /// Every budget can pay: what `limits = off` hands in.
    pub const NEUTRAL: Self = Self {
        attempts: Budget::Available,
        new_strangers: Budget::Available,
        inbound_strangers: Budget::Available,
        pair: Budget::Available,
    };
}
