//! The consent policy a second time, written from its text.
//!
//! For: disagreeing with the service where either is wrong. It knows what lies between people who
//! are active adults, how each act changes that, and what a plain text from one to another becomes.
//!
//! Must not: use anything of the service, or of the crate that decides in it.

/// Messages that a stranger may send before being accepted.
pub const REQUEST_MESSAGES_MAX: u32 = 3;

/// `who_can_message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    Everyone,
    Friends,
    NoOne,
}

/// What one person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    pub who: Who,
    pub version: u32,
    pub left_everyone_version: u32,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    Text,
    /// A text with a link in it: what its sender is told does not depend on what filters see.
    TextWithLink,
    Video,
}

/// Consent of one person to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consent {
    None,
    Granted { epoch: u32, settings_version: u32 },
    Revoked,
}

/// Request of one person to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Request {
    None,
    /// So many messages were sent to it.
    Pending(u32),
    /// The same, and its author took it back.
    Withdrawn(u32),
    Accepted,
    /// And the cool-down is running.
    Declined,
}

/// What one person did towards another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Side {
    pub follows: bool,
    pub blocks: bool,
    pub epoch: u32,
    pub consent: Consent,
    pub request: Request,
}

const NOTHING: Side = Side {
    follows: false,
    blocks: false,
    epoch: 0,
    consent: Consent::None,
    request: Request::None,
};

/// What a person does; the second of two numbers is whom they do it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    Follow(usize, usize),
    Unfollow(usize, usize),
    Remove(usize, usize),
    Block(usize, usize),
    Unblock(usize, usize),
    Send(usize, usize),
    Accept(usize, usize),
    Decline(usize, usize),
    Revoke(usize, usize),
    Choose(usize, Who),
    /// Switches the own account off.
    Leave(usize),
    /// And on again.
    Return(usize),
}

/// What becomes of a plain text, as its sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    Inbox,
    Request,
    YouBlockedRecipient,
    YourMessagesAreOff,
    NotAccepting,
    RecipientMessagesAreOff,
    MutualFollowRequired,
    AwaitingAcceptance,
    RequestTextOnly,
    SenderRestricted,
}

impl Told {
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Inbox | Self::Request)
    }
}

/// Some people and what lies between each two of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Model {
    pub choices: Vec<Choice>,
    /// What each did towards each other.
    pub sides: Vec<Vec<Side>>,
    /// Whether each is there.
    pub here: Vec<bool>,
}

impl Model {
    /// Adults who have just registered: FRIENDS, and nothing between them.
    pub fn new(people: usize) -> Self {
        let new = Choice {
            who: Who::Friends,
            version: 0,
            left_everyone_version: 0,
        };
        Self {
            choices: vec![new; people],
            sides: vec![vec![NOTHING; people]; people],
            here: vec![true; people],
        }
    }

    /// What one did towards the other.
    pub fn side(&self, of: usize, towards: usize) -> Side {
        self.sides[of][towards]
    }

    fn side_mut(&mut self, of: usize, towards: usize) -> &mut Side {
        &mut self.sides[of][towards]
    }

    /// Both edges, live.
    pub fn friends(&self, one: usize, other: usize) -> bool {
        self.side(one, other).follows && self.side(other, one).follows
    }

    /// Whether the consent that `of` gave `to` counts: neither revoked nor of an older epoch, not
    /// older than the last tightening under FRIENDS, and never under NO_ONE.
    pub fn consent_counts(&self, of: usize, to: usize) -> bool {
        let (side, choice) = (self.side(of, to), self.choices[of]);
        let Consent::Granted {
            epoch,
            settings_version,
        } = side.consent
        else {
            return false;
        };
        epoch == side.epoch
            && match choice.who {
                Who::Everyone => true,
                Who::Friends => settings_version >= choice.left_everyone_version,
                Who::NoOne => false,
            }
    }

    /// What a plain text from `a` to `b` becomes at this moment.
    pub fn told(&self, a: usize, b: usize) -> Told {
        self.told_of(Content::Text, a, b)
    }

    /// The same of any message.
    pub fn told_of(&self, content: Content, a: usize, b: usize) -> Told {
        if !self.here[a] {
            return Told::SenderRestricted;
        }
        let (mine, theirs) = (self.side(a, b), self.side(b, a));
        if mine.blocks {
            return Told::YouBlockedRecipient;
        }
        if self.choices[a].who == Who::NoOne {
            return Told::YourMessagesAreOff;
        }
        if theirs.blocks || !self.here[b] {
            return Told::NotAccepting;
        }
        let agreed = self.consent_counts(b, a);
        match self.choices[b].who {
            Who::NoOne => Told::RecipientMessagesAreOff,
            _ if self.friends(a, b) || agreed => Told::Inbox,
            Who::Friends => Told::MutualFollowRequired,
            Who::Everyone if theirs.follows => Told::Inbox,
            Who::Everyone => match mine.request {
                Request::Declined => Told::AwaitingAcceptance,
                Request::Pending(sent) | Request::Withdrawn(sent)
                    if sent >= REQUEST_MESSAGES_MAX =>
                {
                    Told::AwaitingAcceptance
                }
                _ if content == Content::Video => Told::RequestTextOnly,
                _ => Told::Request,
            },
        }
    }

    /// Whether a plain text from `a` gets to `b` as far as `b`'s own side goes: `a` taken as
    /// someone who may write, wants to, and blocks nobody.
    pub fn reaches(&self, a: usize, b: usize) -> bool {
        let mut willing = self.clone();
        willing.side_mut(a, b).blocks = false;
        willing.here[a] = true;
        willing.choices[a].who = Who::Everyone;
        willing.told(a, b).is_delivered()
    }

    /// Whether `b` has a request of `a` to accept or decline.
    pub fn is_asked(&self, b: usize, a: usize) -> bool {
        matches!(self.side(a, b).request, Request::Pending(_))
            && !self.side(a, b).blocks
            && !self.side(b, a).blocks
            && self.here[a]
    }

    /// Whether an act does anything; a refused one changes nothing.
    pub fn act(&mut self, act: Act) -> bool {
        let before = self.clone();
        match act {
            Act::Follow(me, peer) => {
                if !self.side(me, peer).blocks && self.sees(me, peer) {
                    self.side_mut(me, peer).follows = true;
                }
            }
            Act::Unfollow(me, peer) => {
                if self.side(me, peer).follows && self.sees(me, peer) {
                    let side = self.side_mut(me, peer);
                    side.follows = false;
                    side.epoch += 1;
                }
            }
            Act::Remove(me, peer) => {
                if self.side(peer, me).follows && self.sees(me, peer) {
                    self.side_mut(peer, me).follows = false;
                    self.side_mut(me, peer).epoch += 1;
                }
            }
            Act::Block(me, peer) => self.block(me, peer),
            Act::Unblock(me, peer) => self.side_mut(me, peer).blocks = false,
            Act::Send(me, peer) => self.send(me, peer),
            Act::Accept(me, peer) => {
                if self.is_asked(me, peer) && self.choices[me].who != Who::NoOne {
                    self.agree(me, peer);
                    self.side_mut(peer, me).request = Request::Accepted;
                }
            }
            Act::Decline(me, peer) => {
                if self.is_asked(me, peer) {
                    self.side_mut(peer, me).request = Request::Declined;
                }
            }
            Act::Revoke(me, peer) => {
                let side = self.side_mut(me, peer);
                if side.consent != Consent::None {
                    side.consent = Consent::Revoked;
                }
            }
            Act::Leave(me) => self.here[me] = false,
            Act::Return(me) => self.here[me] = true,
            Act::Choose(me, who) => {
                let choice = &mut self.choices[me];
                if choice.who != who {
                    choice.version += 1;
                    if choice.who == Who::Everyone {
                        choice.left_everyone_version = choice.version;
                    }
                    choice.who = who;
                }
            }
        }
        *self != before
    }

    /// Whether somebody exists to another: nobody does who is gone or blocks them.
    fn sees(&self, me: usize, peer: usize) -> bool {
        self.here[peer] && !self.side(peer, me).blocks
    }

    fn agree(&mut self, me: usize, peer: usize) {
        let settings_version = self.choices[me].version;
        let side = self.side_mut(me, peer);
        side.consent = Consent::Granted {
            epoch: side.epoch,
            settings_version,
        };
    }

    /// Edges and consents of both end; the blocker's own pending request is withdrawn, and of the
    /// other's nothing is left to be restored.
    fn block(&mut self, me: usize, peer: usize) {
        if self.side(me, peer).blocks {
            return;
        }
        for (of, towards) in [(me, peer), (peer, me)] {
            let side = self.side_mut(of, towards);
            side.follows = false;
            side.epoch += 1;
        }
        let mine = self.side_mut(me, peer);
        mine.blocks = true;
        if let Request::Pending(sent) = mine.request {
            mine.request = Request::Withdrawn(sent);
        }
        let theirs = self.side_mut(peer, me);
        if matches!(theirs.request, Request::Pending(_)) {
            theirs.request = Request::None;
        }
    }

    fn send(&mut self, me: usize, peer: usize) {
        let told = self.told(me, peer);
        if !told.is_delivered() {
            return;
        }
        // Whoever writes to someone who is not a friend may be answered.
        if !self.friends(me, peer) {
            self.agree(me, peer);
        }
        // A reply takes in what the other asked.
        let theirs = self.side_mut(peer, me);
        if theirs.request != Request::None {
            theirs.request = Request::Accepted;
        }
        let mine = self.side_mut(me, peer);
        mine.request = match (told, mine.request) {
            (Told::Inbox, Request::None) => Request::None,
            (Told::Inbox, _) => Request::Accepted,
            (_, Request::Pending(sent) | Request::Withdrawn(sent)) => Request::Pending(sent + 1),
            (_, Request::None | Request::Accepted | Request::Declined) => Request::Pending(1),
        };
    }
}
