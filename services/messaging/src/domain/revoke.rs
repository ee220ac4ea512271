//! Taking an agreement back.

use postern_shared::id::UserId;

use super::conversation::{Consent, Conversation};

/// `person` takes back what they agreed to. Where they never did, nothing is changed: there is
/// nothing that has to be remembered. Requests stay as they are: an accepted one lets nobody in by
/// itself.
#[must_use]
pub fn revoke(before: Conversation, person: UserId) -> Conversation {
    let mut mine = before.side(person);
    mine.consent = match mine.consent {
        Consent::None => Consent::None,
        Consent::Granted { .. } | Consent::Revoked => Consent::Revoked,
    };
    before.with_side(person, mine)
}

#[cfg(test)]
mod tests {
    use postern_policy::Placement;
    use postern_shared::{clock::Timestamp, random::Random};

    use super::*;
    use crate::domain::{How, Owners, Side, accept, send};

    const NOW: Timestamp = Timestamp::from_unix_millis(1_000);
    const STRANGERS: Owners = Owners {
        epoch: 3,
        settings_version: 5,
        friends: false,
    };

    fn granted(how: How) -> Consent {
        Consent::Granted {
            how,
            epoch: 3,
            settings_version: 5,
            at: NOW,
        }
    }

    #[test]
    fn one_side_is_taken_back_once_and_nothing_where_there_is_none() {
        let random = Random::system();
        let (a, b) = (UserId::random(&random), UserId::random(&random));
        let new = Conversation::new(a, b);
        assert_eq!(revoke(new, b), new);
        let asked = send(new, a, b, Placement::Request, STRANGERS, NOW).conversation;
        let accepted = accept(asked, b, a, STRANGERS, NOW);
        let revoked = revoke(accepted, b);
        assert_eq!(revoked.state_version, accepted.state_version + 1);
        assert_eq!(revoked.side(a), accepted.side(a));
        assert_eq!(
            revoked.side(b),
            Side {
                consent: Consent::Revoked,
                ..accepted.side(b)
            }
        );
        assert_eq!(revoke(revoked, b), revoked);
    }

    #[test]
    fn a_later_act_renews_it() {
        let random = Random::system();
        let (a, b) = (UserId::random(&random), UserId::random(&random));
        let asked = send(
            Conversation::new(a, b),
            a,
            b,
            Placement::Request,
            STRANGERS,
            NOW,
        );
        let revoked = revoke(accept(asked.conversation, b, a, STRANGERS, NOW), b);
        let wrote = send(revoked, b, a, Placement::Inbox, STRANGERS, NOW).conversation;
        assert_eq!(wrote.side(b).consent, granted(How::Wrote));
        let again = send(revoked, a, b, Placement::Request, STRANGERS, NOW).conversation;
        let accepted = accept(again, b, a, STRANGERS, NOW);
        assert_eq!(accepted.side(b).consent, granted(How::Accepted));
    }
}
