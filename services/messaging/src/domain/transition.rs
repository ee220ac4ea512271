//! How an act changes what messaging knows of a pair: the transitions of the policy, one function
//! an act. None of them decides whether the act is allowed.

use std::time::Duration;

use postern_policy::Placement;
use postern_shared::{clock::Timestamp, id::UserId};

use super::conversation::{Consent, Conversation, How, Request};

/// Where a conversation stands in one person's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// The inbox.
    Inbox,
    /// Filtered requests.
    Requests,
    /// Hidden requests.
    Hidden,
    /// Declined: in no list.
    Declined,
    /// In no list, because nothing waits there: the request was withdrawn.
    Nowhere,
}

impl Folder {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Requests => "requests",
            Self::Hidden => "hidden",
            Self::Declined => "declined",
            Self::Nowhere => "none",
        }
    }
}

/// What the owners said of the one who acts, as far as it goes into a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    /// epoch(actor→other).
    pub epoch: u64,
    /// The actor's settings version.
    pub settings_version: u64,
    /// Whether both follow each other.
    pub friends: bool,
}

/// What a stored message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// What is known of the pair afterwards.
    pub conversation: Conversation,
    /// Where the conversation then stands for the recipient. For the sender it is the inbox.
    pub folder: Folder,
}

/// A message from `sender` is stored where `placement` says.
#[must_use]
pub fn send(
    before: Conversation,
    sender: UserId,
    recipient: UserId,
    placement: Placement,
    owners: Owners,
    now: Timestamp,
) -> Sent {
    let mut mine = before.side(sender);
    let mut theirs = before.side(recipient);
    // Whoever writes to someone who is not a friend agrees to hear from them.
    if !owners.friends {
        mine.consent = renewed(mine.consent, How::Wrote, owners, now);
    }
    // A reply takes in what the other had asked, also after having declined it.
    theirs.request = match theirs.request {
        Request::Pending { .. } | Request::Declined { .. } => Request::Accepted,
        // There is nothing to take in, and whoever writes first need not be waited for.
        Request::Withdrawn { .. } => Request::None,
        settled @ (Request::None | Request::Accepted) => settled,
    };
    let folder = match placement {
        Placement::Inbox | Placement::InboxWithWarning => {
            // Trusted by now (a live edge, a consent): what still waits need not wait any more.
            if mine.request != Request::None {
                mine.request = Request::Accepted;
            }
            Folder::Inbox
        }
        Placement::Request | Placement::HiddenRequest => {
            let sent = match mine.request {
                Request::Pending { sent } | Request::Withdrawn { sent } => sent.saturating_add(1),
                // None before, or one that is settled: a new request begins.
                Request::None | Request::Accepted | Request::Declined { .. } => 1,
            };
            mine.request = Request::Pending { sent };
            if placement == Placement::Request {
                Folder::Requests
            } else {
                Folder::Hidden
            }
        }
    };
    Sent {
        conversation: before.with_side(sender, mine).with_side(recipient, theirs),
        folder,
    }
}

/// `person` accepts the other's pending request.
#[must_use]
pub fn accept(
    before: Conversation,
    person: UserId,
    other: UserId,
    owners: Owners,
    now: Timestamp,
) -> Conversation {
    let mut mine = before.side(person);
    let mut theirs = before.side(other);
    mine.consent = renewed(mine.consent, How::Accepted, owners, now);
    theirs.request = Request::Accepted;
    before.with_side(person, mine).with_side(other, theirs)
}

/// The other's pending request is declined; another may be made after `cool_down`.
#[must_use]
pub fn decline(
    before: Conversation,
    other: UserId,
    cool_down: Duration,
    now: Timestamp,
) -> Conversation {
    let mut theirs = before.side(other);
    theirs.request = Request::Declined {
        until: now.plus(cool_down),
    };
    before.with_side(other, theirs)
}

/// Nothing of `author`'s pending request is left for the other to see. It refunds nothing; the next
/// message that is delivered opens it again.
#[must_use]
pub fn withdraw(before: Conversation, author: UserId) -> Conversation {
    let mut mine = before.side(author);
    if let Request::Pending { sent } = mine.request {
        mine.request = Request::Withdrawn { sent };
    }
    before.with_side(author, mine)
}

/// How many messages of the two requests of a pair were decided after a block, by somebody who
/// knew that it had ended. Where it is heard of in time there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// Of the one who blocks.
    pub own: u32,
    /// Of the other.
    pub theirs: u32,
}

#[cfg(test)]
impl Later {
    /// None.
    pub const NONE: Self = Self { own: 0, theirs: 0 };
}

/// `blocker` blocks the other: their own request is withdrawn, and what the other asked is nothing
/// any more. Unblocking restores neither. What is settled stays settled, and consents end by their
/// epoch. What came later goes on as if the block had been heard of before it: an own request was
/// opened again, the other's is a new one.
#[must_use]
pub fn block(before: Conversation, blocker: UserId, blocked: UserId, later: Later) -> Conversation {
    let mut theirs = before.side(blocked);
    theirs.request = match theirs.request {
        Request::Pending { .. } | Request::Withdrawn { .. } if later.theirs == 0 => Request::None,
        Request::Pending { sent } => Request::Pending {
            sent: sent.min(later.theirs),
        },
        Request::Withdrawn { sent } => Request::Withdrawn {
            sent: sent.min(later.theirs),
        },
        settled @ (Request::None | Request::Accepted | Request::Declined { .. }) => settled,
    };
    let after = before.with_side(blocked, theirs);
    if later.own == 0 {
        withdraw(after, blocker)
    } else {
        after
    }
}

/// What an act does to a request and others may hear of. Of a decline nobody does, and neither of a
/// request that a follow made needless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStep {
    /// The one who acts asks the other.
    Created,
    /// The one who acts takes in what the other had asked.
    Accepted,
}

/// What an act of `actor` did to the requests of a pair.
#[must_use]
pub fn request_steps(
    before: &Conversation,
    after: &Conversation,
    actor: UserId,
) -> Vec<RequestStep> {
    let pending = |request| matches!(request, Request::Pending { .. });
    let other = if actor == before.lo {
        before.hi
    } else {
        before.lo
    };
    let (mine, theirs) = (before.side(actor).request, before.side(other).request);
    let mut steps = Vec::new();
    if theirs != Request::Accepted && after.side(other).request == Request::Accepted {
        steps.push(RequestStep::Accepted);
    }
    if !pending(mine) && pending(after.side(actor).request) {
        steps.push(RequestStep::Created);
    }
    steps
}

/// A consent by a new act; one that says the same already stays as it is, so that the messages of
/// a running conversation change nothing and need not wait for each other.
fn renewed(before: Consent, how: How, owners: Owners, now: Timestamp) -> Consent {
    match before {
        Consent::Granted {
            epoch,
            settings_version,
            ..
        } if epoch == owners.epoch && settings_version == owners.settings_version => before,
        _ => Consent::Granted {
            how,
            epoch: owners.epoch,
            settings_version: owners.settings_version,
            at: now,
        },
    }
}

#[cfg(test)]
mod tests;
