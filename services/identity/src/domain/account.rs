//! Accounts: who there is, and what may be changed about them.

use std::fmt;

use aws_lc_rs::digest::{self, SHA256};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use postern_shared::{
    clock::Timestamp,
    id::UserId,
    text::{self, NameError},
};

use super::{AgeBand, BirthDate, Handle};

/// The most characters of a display name.
const DISPLAY_NAME_CHARS_MAX: usize = 50;
/// How much of the hash an etag shows: enough that no two revisions meet.
const ETAG_BYTES: usize = 12;

/// Checks a display name and brings it into its one form.
///
/// # Errors
/// When it is empty, too long or misleading.
pub fn display_name(raw: &str) -> Result<String, NameError> {
    text::name(raw, DISPLAY_NAME_CHARS_MAX)
}

/// What an account is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By a person.
    Personal,
    /// By a business; adults only.
    Business,
}

/// The state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// In use.
    Active,
    /// Switched off by its owner; can return.
    Deactivated,
    /// Being erased; can return for a while.
    Erasing,
    /// Erased for good.
    Erased,
}

/// The PHC string of a hashed password. It shows in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a PHC string.
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// Who cannot have an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ineligible {
    /// Too young for any.
    TooYoung,
    /// Too young for one of a business.
    BusinessRequiresAdult,
}

/// What an account is made from.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The name to be found by.
    pub handle: Handle,
    /// The name to be shown, checked by [`display_name`].
    pub display_name: String,
    /// What it is for.
    pub kind: Kind,
    /// The owner's.
    pub birth_date: BirthDate,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub id: UserId,
    /// The name that it is found by; never changes.
    pub handle: Handle,
    /// The name that is shown.
    pub display_name: String,
    /// What it is for.
    pub kind: Kind,
    /// The owner's, who cannot change it.
    pub birth_date: BirthDate,
    /// When it was made.
    pub created_at: Timestamp,
    /// The age band on that day: a birthday never widens what was chosen then.
    pub band_at_creation: AgeBand,
    /// Its state.
    pub lifecycle: Lifecycle,
    /// Rises with every change of what decisions look at; begins with 1.
    pub version: u64,
    /// Rises with every change of what the account shows; begins with 1.
    pub revision: u64,
}

impl Account {
    /// Opens an account, or tells who cannot have one.
    ///
    /// # Errors
    /// When the person is too young for it. `minimum_age` is in years.
    pub fn open(
        id: UserId,
        new: NewAccount,
        minimum_age: u32,
        now: Timestamp,
    ) -> Result<Self, Ineligible> {
        let today = now.date();
        if new.birth_date.years_on(today) < minimum_age {
            return Err(Ineligible::TooYoung);
        }
        let band = new.birth_date.band_on(today);
        if new.kind == Kind::Business && band != AgeBand::Adult {
            return Err(Ineligible::BusinessRequiresAdult);
        }
        Ok(Self {
            id,
            handle: new.handle,
            display_name: new.display_name,
            kind: new.kind,
            birth_date: new.birth_date,
            created_at: now,
            band_at_creation: band,
            lifecycle: Lifecycle::Active,
            version: 1,
            revision: 1,
        })
    }

    /// Whether its owner may sign in: as long as there is anything to sign in to.
    pub fn can_sign_in(&self) -> bool {
        self.lifecycle != Lifecycle::Erased
    }

    /// The account switched off; none when it is not in use anyway.
    pub fn deactivated(&self) -> Option<Self> {
        (self.lifecycle == Lifecycle::Active).then(|| Self {
            lifecycle: Lifecycle::Deactivated,
            ..self.clone()
        })
    }

    /// The account switched on again; none when there is nothing to switch on.
    pub fn reactivated(&self) -> Option<Self> {
        match self.lifecycle {
            Lifecycle::Active | Lifecycle::Erased => None,
            Lifecycle::Deactivated | Lifecycle::Erasing => Some(Self {
                lifecycle: Lifecycle::Active,
                ..self.clone()
            }),
        }
    }

    /// The account with its owner's true birth date, and with the age band that they really had
    /// when it was made.
    ///
    /// # Errors
    /// When the kind of the account is not for people of that age.
    pub fn corrected(&self, birth_date: BirthDate, now: Timestamp) -> Result<Self, Ineligible> {
        if self.kind == Kind::Business && birth_date.band_on(now.date()) != AgeBand::Adult {
            return Err(Ineligible::BusinessRequiresAdult);
        }
        Ok(Self {
            birth_date,
            band_at_creation: birth_date.band_on(self.created_at.date()),
            ..self.clone()
        })
    }

    /// Names this revision of this account, and tells nothing else at a glance.
    pub fn etag(&self) -> String {
        let mut hashed = b"postern account etag".to_vec();
        hashed.extend_from_slice(self.id.uuid().as_bytes());
        hashed.extend_from_slice(&self.revision.to_be_bytes());
        let hash = digest::digest(&SHA256, &hashed);
        BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..ETAG_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use postern_shared::random::Random;

    use super::*;

    /// 2026-11-23.
    const NOW: Timestamp = Timestamp::from_unix_millis(1_795_392_000_000);

    fn open(birth_date: &str, kind: Kind, minimum_age: u32) -> Result<Account, Ineligible> {
        let new = NewAccount {
            handle: Handle::parse("zoe").unwrap(),
            display_name: "Zoe".to_owned(),
            kind,
            birth_date: BirthDate::parse(birth_date, NOW.date()).unwrap(),
        };
        Account::open(UserId::random(&Random::system()), new, minimum_age, NOW)
    }

    #[test]
    fn age_decides_who_can_have_an_account() {
        assert_eq!(NOW.date().to_string(), "2026-11-23");
        let band = |date, kind| open(date, kind, 13).map(|account| account.band_at_creation);
        assert_eq!(
            band("2013-11-24", Kind::Personal),
            Err(Ineligible::TooYoung)
        );
        assert_eq!(band("2013-11-23", Kind::Personal), Ok(AgeBand::Under16));
        assert_eq!(band("2008-11-24", Kind::Personal), Ok(AgeBand::From16To17));
        let refused = Err(Ineligible::BusinessRequiresAdult);
        assert_eq!(band("2008-11-24", Kind::Business), refused);
        assert_eq!(band("2008-11-23", Kind::Business), Ok(AgeBand::Adult));
        assert_eq!(
            band("2013-11-24", Kind::Business),
            Err(Ineligible::TooYoung)
        );
        let strict = open("2010-01-01", Kind::Personal, 18);
        assert_eq!(strict.map(|_| ()), Err(Ineligible::TooYoung));
    }

    #[test]
    fn switching_off_and_on() {
        use Lifecycle::{Active, Deactivated, Erased, Erasing};
        let opened = open("1990-01-01", Kind::Personal, 13).unwrap();
        for (before, off, on) in [
            (Active, Some(Deactivated), None),
            (Deactivated, None, Some(Active)),
            (Erasing, None, Some(Active)),
            (Erased, None, None),
        ] {
            let account = Account {
                lifecycle: before,
                ..opened.clone()
            };
            assert_eq!(account.deactivated().map(|after| after.lifecycle), off);
            assert_eq!(account.reactivated().map(|after| after.lifecycle), on);
            assert_eq!(account.can_sign_in(), before != Erased);
        }
    }

    #[test]
    fn a_corrected_birth_date_counts_from_the_beginning() {
        let born = |text: &str| BirthDate::parse(text, NOW.date()).unwrap();
        let later = NOW.plus(Duration::from_secs(500 * 24 * 60 * 60));
        let adult = open("1990-01-01", Kind::Personal, 13).unwrap();
        let corrected = adult.corrected(born("2010-01-01"), later).unwrap();
        assert_eq!(corrected.band_at_creation, AgeBand::From16To17);
        assert_eq!(corrected.birth_date.band_on(later.date()), AgeBand::Adult);
        let business = open("1990-01-01", Kind::Business, 13).unwrap();
        let refused = Err(Ineligible::BusinessRequiresAdult);
        assert_eq!(business.corrected(born("2010-01-01"), NOW), refused);
        assert!(business.corrected(born("1991-01-01"), NOW).is_ok());
    }

    #[test]
    fn an_etag_names_one_revision_of_one_account() {
        let account = open("1990-01-01", Kind::Personal, 13).unwrap();
        let mut changed = account.clone();
        changed.revision += 1;
        let mut other = account.clone();
        other.id = UserId::random(&Random::system());
        assert_eq!(account.etag(), account.clone().etag());
        assert_ne!(account.etag(), changed.etag());
        assert_ne!(account.etag(), other.etag());
        assert_eq!(account.etag().len(), 16);
    }
}
