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
    if matches!(
        theirs.request,
        Request::Pending { .. } | Request::Declined { .. }
    ) {
        theirs.request = Request::Accepted;
    }
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
                Request::Pending { sent } => sent.saturating_add(1),
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
mod tests {
    use postern_shared::random::Random;

    use super::*;
    use crate::domain::Side;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_000);
    const STRANGERS: Owners = Owners {
        epoch: 3,
        settings_version: 5,
        friends: false,
    };

    fn pair() -> (UserId, UserId, Conversation) {
        let random = Random::system();
        let (a, b) = (UserId::random(&random), UserId::random(&random));
        (a, b, Conversation::new(a, b))
    }

    fn wrote() -> Consent {
        Consent::Granted {
            how: How::Wrote,
            epoch: 3,
            settings_version: 5,
            at: NOW,
        }
    }

    #[test]
    fn a_request_counts_its_messages_and_gives_the_right_to_reply() {
        let (a, b, new) = pair();
        let first = send(new, a, b, Placement::Request, STRANGERS, NOW);
        assert_eq!(first.folder, Folder::Requests);
        let side = first.conversation.side(a);
        assert_eq!(
            side,
            Side {
                consent: wrote(),
                request: Request::Pending { sent: 1 }
            }
        );
        let second = send(first.conversation, a, b, Placement::Request, STRANGERS, NOW);
        assert_eq!(
            second.conversation.side(a).request,
            Request::Pending { sent: 2 }
        );
        assert_eq!(second.conversation.side(b), Side::NEW);
    }

    #[test]
    fn a_reply_accepts() {
        let (a, b, new) = pair();
        let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
        let reply = send(asked, b, a, Placement::Inbox, STRANGERS, NOW);
        assert_eq!(reply.folder, Folder::Inbox);
        assert_eq!(reply.conversation.side(a).request, Request::Accepted);
        assert_eq!(reply.conversation.side(b).consent, wrote());
    }

    #[test]
    fn a_running_conversation_changes_no_facts() {
        let (a, b, new) = pair();
        let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
        let running = accept(asked, b, a, STRANGERS, NOW);
        let once = send(running, a, b, Placement::Inbox, STRANGERS, NOW).conversation;
        assert_eq!(once.state_version, running.state_version);
        let friends = Owners {
            friends: true,
            ..STRANGERS
        };
        let fresh = send(new, a, b, Placement::Inbox, friends, NOW).conversation;
        assert_eq!(fresh, new);
    }

    #[test]
    fn a_later_act_renews_a_consent_that_lapsed() {
        let (a, b, new) = pair();
        let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
        let later = Owners {
            epoch: 4,
            ..STRANGERS
        };
        let again = send(asked, a, b, Placement::Request, later, NOW).conversation;
        assert!(matches!(
            again.side(a).consent,
            Consent::Granted { epoch: 4, .. }
        ));
    }

    #[test]
    fn declining_cools_down_and_a_live_edge_settles() {
        let (a, b, new) = pair();
        let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
        let declined = decline(asked, a, Duration::from_millis(7), NOW);
        let until = Timestamp::from_unix_millis(1_007);
        assert_eq!(declined.side(a).request, Request::Declined { until });
        let anew = send(declined, a, b, Placement::Request, STRANGERS, NOW).conversation;
        assert_eq!(anew.side(a).request, Request::Pending { sent: 1 });
        let trusted = send(declined, a, b, Placement::Inbox, STRANGERS, NOW);
        assert_eq!(trusted.conversation.side(a).request, Request::Accepted);
    }
}
