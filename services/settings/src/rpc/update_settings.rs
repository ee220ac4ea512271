//! UpdateSettings: changes the fields that a mask names, as far as the caller's age allows, and
//! raises what that closes before it says so.

use std::collections::BTreeSet;

use postern_proto::settings::v1::{
    Settings as WireSettings, UpdateSettingsRequest, UpdateSettingsResponse,
};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
};

use super::{Rpc, enforcement, wire};
use crate::{
    domain::{Change, Field, KEYWORDS_MAX, Keyword, Keywords, PATHS, Settings, Update, fields_of},
    error::Error,
};

/// The most paths that a mask may hold: more than there are.
const MASK_PATHS_MAX: usize = 50;

/// Changes the caller's settings.
pub async fn update_settings(
    rpc: &Rpc,
    me: Me,
    ask: UpdateSettingsRequest,
) -> Result<UpdateSettingsResponse, Error> {
    let update = parse(ask)?;
    // Asked afresh every time: how old someone is today is not to be remembered from yesterday.
    let standing = rpc.identity.standing(&me.caller, me.id).await?;
    if standing.hold.is_gone() {
        // A token is good for some minutes after its owner is gone.
        return Err(Error::AccountRestricted);
    }
    update.change.check_age(standing.band)?;
    let untouched = Settings::untouched(standing.origin);
    let now = rpc.clock.now();
    let done = rpc.store.update(me.id, &untouched, &update, now).await?;
    Ok(UpdateSettingsResponse {
        settings: Some(wire::settings(me.id, &done.settings)),
        enforcement: enforcement::after(rpc, &me, done.raise).await?.into(),
    })
}

fn parse(ask: UpdateSettingsRequest) -> Result<Update, Invalid> {
    let mut check = Check::new();
    if ask.settings.is_none() {
        check.wrong("settings", "must hold the new values");
    }
    let settings = ask.settings.unwrap_or_default();
    let paths = ask.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let fields = if paths.is_empty() {
        set_fields(&settings)
    } else {
        named_fields(&mut check, &paths)
    };
    if fields.is_empty() && paths.is_empty() {
        let problem =
            "must name the fields to change: a switch that is off looks like one left out";
        check.wrong("update_mask", problem);
    }
    let change = change(&mut check, settings, &fields);
    let etag = Some(ask.etag).filter(|etag| !etag.is_empty());
    check.done(Some(Update { change, etag }))
}

/// Without a mask: every field that is not at its zero value. A switch that is to be turned off
/// has to be named by a mask, as the wire does not tell "off" from "left out".
fn set_fields(settings: &WireSettings) -> BTreeSet<Field> {
    let filters = settings.filters.as_ref();
    let notifications = settings.notifications.as_ref();
    [
        (Field::WhoCanMessage, settings.who_can_message != 0),
        (Field::ReadReceipts, settings.read_receipts),
        (Field::Spam, filters.is_some_and(|f| f.spam)),
        (Field::Offensive, filters.is_some_and(|f| f.offensive)),
        (
            Field::Keywords,
            filters.is_some_and(|f| !f.keywords.is_empty()),
        ),
        (Field::Messages, notifications.is_some_and(|n| n.messages)),
        (Field::Requests, notifications.is_some_and(|n| n.requests)),
        (Field::Previews, notifications.is_some_and(|n| n.previews)),
    ]
    .into_iter()
    .filter_map(|(field, set)| set.then_some(field))
    .collect()
}

fn named_fields(check: &mut Check, paths: &[String]) -> BTreeSet<Field> {
    let mut fields = BTreeSet::new();
    if paths.len() > MASK_PATHS_MAX {
        let problem = format!(
            "must name at most {MASK_PATHS_MAX} paths, names {}",
            paths.len()
        );
        check.wrong("update_mask", problem);
        return fields;
    }
    for path in paths {
        match (fields_of(path), path.as_str()) {
            (Some(named), _) => fields.extend(named),
            (None, "update_time" | "etag") => {
                let problem = format!("`{path}` is output only: leave it out of the mask");
                check.wrong("update_mask", problem);
            }
            (None, _) => {
                let known: Vec<_> = PATHS.iter().map(|(path, _)| *path).collect();
                let problem = format!("unknown path `{path}`: expected {}", known.join(", "));
                check.wrong("update_mask", problem);
            }
        }
    }
    fields
}

fn change(check: &mut Check, settings: WireSettings, fields: &BTreeSet<Field>) -> Change {
    let named = |field| fields.contains(&field);
    let filters = settings.filters.unwrap_or_default();
    let notifications = settings.notifications.unwrap_or_default();
    let mut change = Change {
        read_receipts: named(Field::ReadReceipts).then_some(settings.read_receipts),
        spam: named(Field::Spam).then_some(filters.spam),
        offensive: named(Field::Offensive).then_some(filters.offensive),
        messages: named(Field::Messages).then_some(notifications.messages),
        requests: named(Field::Requests).then_some(notifications.requests),
        previews: named(Field::Previews).then_some(notifications.previews),
        ..Change::default()
    };
    if named(Field::WhoCanMessage) {
        change.who_can_message = wire::who_can_message(settings.who_can_message);
        if change.who_can_message.is_none() {
            check.wrong(
                "settings.who_can_message",
                "must be EVERYONE, FRIENDS or NO_ONE",
            );
        }
    }
    if named(Field::Keywords) {
        change.keywords = keywords(check, &filters.keywords);
    }
    change
}

fn keywords(check: &mut Check, raw: &[String]) -> Option<Keywords> {
    const PATH: &str = "settings.filters.keywords";
    // What is sent is counted before any of it is read.
    if raw.len() > KEYWORDS_MAX {
        let problem = format!("must have at most {KEYWORDS_MAX} words, has {}", raw.len());
        check.wrong(PATH, problem);
        return None;
    }
    let words = raw
        .iter()
        .enumerate()
        .filter_map(|(at, word)| check.take(&format!("{PATH}[{at}]"), Keyword::parse(word)))
        .collect();
    check.take(PATH, Keywords::new(words))
}

#[cfg(test)]
mod tests {
    use postern_proto::{
        policy::v1::WhoCanMessage as WireWho,
        settings::v1::{Filters, Notifications},
    };
    use postern_shared::error::Failure as _;

    use super::*;
    use crate::domain::WhoCanMessage;

    fn ask(settings: WireSettings, paths: &[&str]) -> UpdateSettingsRequest {
        UpdateSettingsRequest {
            settings: Some(settings),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            etag: String::new(),
        }
    }

    fn change_of(settings: WireSettings, paths: &[&str]) -> Change {
        parse(ask(settings, paths)).unwrap().change
    }

    fn wrong_fields(settings: WireSettings, paths: &[&str]) -> Vec<String> {
        let invalid = parse(ask(settings, paths)).unwrap_err();
        let fields = invalid.violations().iter().map(|v| v.field.clone());
        fields.collect()
    }

    fn words(words: &[&str]) -> WireSettings {
        WireSettings {
            filters: Some(Filters {
                keywords: words.iter().map(|&word| word.to_owned()).collect(),
                ..Filters::default()
            }),
            ..WireSettings::default()
        }
    }

    #[test]
    fn a_star_names_every_field_even_at_zero() {
        let settings = WireSettings {
            who_can_message: WireWho::NoOne.into(),
            ..WireSettings::default()
        };
        let expected = Change {
            who_can_message: Some(WhoCanMessage::NoOne),
            read_receipts: Some(false),
            spam: Some(false),
            offensive: Some(false),
            keywords: Some(Keywords::default()),
            messages: Some(false),
            requests: Some(false),
            previews: Some(false),
        };
        assert_eq!(change_of(settings, &["*"]), expected);
    }

    #[test]
    fn no_mask_names_what_is_not_zero() {
        assert_eq!(wrong_fields(WireSettings::default(), &[]), ["update_mask"]);
        let settings = WireSettings {
            read_receipts: true,
            filters: Some(Filters {
                spam: true,
                ..Filters::default()
            }),
            notifications: Some(Notifications {
                previews: true,
                ..Notifications::default()
            }),
            // What only the server sets is not looked at.
            etag: "x".to_owned(),
            ..WireSettings::default()
        };
        let expected = Change {
            read_receipts: Some(true),
            spam: Some(true),
            previews: Some(true),
            ..Change::default()
        };
        assert_eq!(change_of(settings.clone(), &[]), expected);
        let absent = UpdateSettingsRequest {
            settings: Some(settings),
            ..UpdateSettingsRequest::default()
        };
        assert_eq!(parse(absent).unwrap().change, expected);
    }

    #[test]
    fn groups_and_single_paths_name_only_their_fields() {
        let settings = WireSettings {
            who_can_message: 77,
            ..words(&["b", "a", "b"])
        };
        let kept = ["b", "a"].map(|word| Keyword::parse(word).unwrap());
        let kept = Keywords::new(kept.to_vec()).unwrap();
        let group = change_of(settings.clone(), &["filters", "filters.spam"]);
        let expected = Change {
            spam: Some(false),
            offensive: Some(false),
            keywords: Some(kept),
            ..Change::default()
        };
        assert_eq!(group, expected);
        let one = change_of(settings, &["notifications.messages"]);
        let expected = Change {
            messages: Some(false),
            ..Change::default()
        };
        assert_eq!(one, expected);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let mut settings = words(&["fine", "", "a\u{0}b"]);
        settings.who_can_message = 99;
        let found = wrong_fields(settings, &["*", "update_time", "handle"]);
        let expected = [
            "update_mask",
            "update_mask",
            "settings.who_can_message",
            "settings.filters.keywords[1]",
            "settings.filters.keywords[2]",
        ];
        assert_eq!(found, expected);
        let unset = wrong_fields(WireSettings::default(), &["who_can_message"]);
        assert_eq!(unset, ["settings.who_can_message"]);
        assert_eq!(
            wrong_fields(words(&["x"; 101]), &[]),
            ["settings.filters.keywords"]
        );
        assert_eq!(wrong_fields(words(&[]), &["etag"; 51]), ["update_mask"]);
        let nothing = parse(UpdateSettingsRequest::default()).unwrap_err();
        assert_eq!(nothing.violations()[0].field, "settings");
        let invalid = parse(ask(WireSettings::default(), &["handle"])).unwrap_err();
        assert!(invalid.violations()[0].description.contains("`handle`"));
    }
}
