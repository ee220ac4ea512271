//! What a change did to each field, in words that tell a person what happened and nobody else what
//! they filter out.

use postern_shared::{clock::Timestamp, id::ChangeId};

use super::{Choices, WhoCanMessage};

/// One field that a call changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The path of the field, as in an update mask.
    pub path: &'static str,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// The record of one changed field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place among all of a person's.
    pub id: ChangeId,
    /// When.
    pub at: Timestamp,
    /// The path of the field.
    pub path: String,
    /// The value before.
    pub before: String,
    /// The value after.
    pub after: String,
}

/// Every field in which two differ. Of filter words it tells how many there are, never which.
#[must_use]
pub fn differences(before: &Choices, after: &Choices) -> Vec<Changed> {
    let switch = |path, pick: fn(&Choices) -> bool| {
        (pick(before) != pick(after)).then(|| Changed {
            path,
            before: pick(before).to_string(),
            after: pick(after).to_string(),
        })
    };
    let words = |choices: &Choices| choices.filters.keywords.as_slice().len().to_string();
    let who = (before.who_can_message != after.who_can_message).then(|| Changed {
        path: "who_can_message",
        before: before.who_can_message.name().to_owned(),
        after: after.who_can_message.name().to_owned(),
    });
    let keywords = (before.filters.keywords != after.filters.keywords).then(|| Changed {
        path: "filters.keywords",
        before: words(before),
        after: words(after),
    });
    [
        who,
        switch("read_receipts", |c| c.read_receipts),
        switch("filters.spam", |c| c.filters.spam),
        switch("filters.offensive", |c| c.filters.offensive),
        keywords,
        switch("notifications.messages", |c| c.notifications.messages),
        switch("notifications.requests", |c| c.notifications.requests),
        switch("notifications.previews", |c| c.notifications.previews),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl WhoCanMessage {
    /// The contract's name of the value, which is also the one that is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everyone => "EVERYONE",
            Self::Friends => "FRIENDS",
            Self::NoOne => "NO_ONE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{AgeBand, Change, Keyword, Keywords, Kind, Origin, fields_of},
        *,
    };

    fn defaults() -> Choices {
        Choices::default_for(Origin {
            band: AgeBand::Adult,
            kind: Kind::Personal,
        })
    }

    #[test]
    fn every_field_that_differs_is_named_by_its_path() {
        let off = Some(false);
        let secret = vec![Keyword::parse("secret").unwrap()];
        let change = Change {
            who_can_message: Some(WhoCanMessage::NoOne),
            read_receipts: off,
            spam: off,
            offensive: off,
            keywords: Some(Keywords::new(secret).unwrap()),
            messages: off,
            requests: off,
            previews: off,
        };
        let before = defaults();
        assert_eq!(differences(&before, &before), []);
        let found = differences(&before, &change.apply(&before));
        assert_eq!(found.len(), fields_of("*").unwrap().len());
        let mut fields: Vec<_> = found
            .iter()
            .map(|changed| fields_of(changed.path).unwrap())
            .collect();
        fields.sort_unstable();
        fields.dedup();
        assert_eq!(fields.len(), found.len());
        assert!(fields.iter().all(|fields| fields.len() == 1));
        assert!(!format!("{found:?}").contains("secret"));
        let told = |path| {
            let changed = found.iter().find(|changed| changed.path == path).unwrap();
            (changed.before.as_str(), changed.after.as_str())
        };
        assert_eq!(told("who_can_message"), ("FRIENDS", "NO_ONE"));
        assert_eq!(told("filters.spam"), ("true", "false"));
        assert_eq!(told("filters.keywords"), ("0", "1"));
    }

    #[test]
    fn other_words_of_the_same_number_are_a_change_too() {
        let with = |word| {
            let mut choices = defaults();
            let words = vec![Keyword::parse(word).unwrap()];
            choices.filters.keywords = Keywords::new(words).unwrap();
            choices
        };
        let found = differences(&with("one"), &with("two"));
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].before.as_str(), found[0].after.as_str()),
            ("1", "1")
        );
    }
}
