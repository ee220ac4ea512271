//! What is in force when, what of it counts, and what a change raises.

use std::time::Duration;

use postern_shared::random::Random;

use super::*;
use crate::domain::{BirthDate, Handle, Kind, NewAccount};

const NOW: Timestamp = Timestamp::from_unix_millis(1_795_392_000_000);

fn account(lifecycle: Lifecycle) -> Account {
    let new = NewAccount {
        handle: Handle::parse("zoe").unwrap(),
        display_name: "Zoe".to_owned(),
        kind: Kind::Personal,
        birth_date: BirthDate::from_text("1990-02-03").unwrap(),
    };
    let opened = Account::open(UserId::random(&Random::system()), new, 13, NOW).unwrap();
    Account {
        lifecycle,
        ..opened
    }
}

fn in_secs(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

fn action(kind: SanctionKind, end: Option<Timestamp>) -> Action {
    let random = Random::system();
    Action {
        id: ActionId::new(NOW, &random),
        user: UserId::random(&random),
        kind,
        rule: Rule::parse("spam").unwrap(),
        explanation: String::new(),
        start: NOW,
        end,
        lifted_at: None,
        over_at: None,
        moderator: None,
    }
}

use SanctionKind::{Banned, SendRestricted, Suspended};

#[test]
fn time_decides_and_no_clock_brings_back_what_is_over() {
    let mut suspended = action(Suspended, Some(in_secs(10)));
    assert!(suspended.is_live(in_secs(9)));
    assert!(!suspended.is_live(in_secs(10)));
    assert!(action(Banned, None).is_live(in_secs(1_000_000_000)));
    suspended.over_at = Some(in_secs(10));
    assert!(!suspended.is_live(in_secs(5)));
}

#[test]
fn the_severest_counts_and_among_equals_the_latest_end() {
    let restricted = action(SendRestricted, Some(in_secs(1_000)));
    let short = action(Suspended, Some(in_secs(10)));
    let long = action(Suspended, Some(in_secs(20)));
    let endless = action(Suspended, None);
    let banned = action(Banned, None);
    let all = [&restricted, &long, &banned, &short, &endless];
    let person = |actions: &[&Action], now| {
        let actions = actions.iter().map(|action| (*action).clone()).collect();
        Person::at(account(Lifecycle::Active), actions, now)
    };
    let counts = |actions: &[&Action], now| person(actions, now).sanction().cloned();
    assert_eq!(counts(&all, NOW), Some(banned.clone()));
    assert_eq!(counts(&[&short, &long], NOW), Some(long.clone()));
    assert_eq!(counts(&[&endless, &long], NOW), Some(endless.clone()));
    assert_eq!(counts(&[&restricted, &short], NOW), Some(short.clone()));
    let later = counts(&[&restricted, &short], in_secs(10));
    assert_eq!(later, Some(restricted.clone()));
    assert_eq!(counts(&[&restricted], in_secs(1_000)), None);
    let order: Vec<_> = person(&all, NOW).live().to_vec();
    assert_eq!(order, [banned, endless, long, short, restricted]);
}

#[test]
fn lifecycle_and_sanctions_each_make_gone() {
    use Lifecycle::{Active, Deactivated, Erased, Erasing};
    let gone = |lifecycle, kind: Option<SanctionKind>| {
        let actions = kind.map(|kind| action(kind, None)).into_iter().collect();
        Person::at(account(lifecycle), actions, NOW).is_gone()
    };
    assert!(!gone(Active, None) && !gone(Active, Some(SendRestricted)));
    assert!(gone(Active, Some(Suspended)) && gone(Active, Some(Banned)));
    for lifecycle in [Deactivated, Erasing, Erased] {
        assert!(gone(lifecycle, None) && gone(lifecycle, Some(SendRestricted)));
    }
}

#[test]
fn a_raise_tells_who_is_gone_and_who_is_really_back() {
    let person = |lifecycle, kinds: &[SanctionKind]| {
        let actions = kinds.iter().map(|kind| action(*kind, None)).collect();
        Person::at(account(lifecycle), actions, NOW)
    };
    let (on, off) = (Lifecycle::Active, Lifecycle::Deactivated);
    let (gone, back) = (Some(Some(Effect::Gone)), Some(Some(Effect::Returned)));
    for (before, after, narrows, expected) in [
        ((on, &[][..]), (on, &[SendRestricted][..]), true, Some(None)),
        ((on, &[]), (on, &[Suspended]), true, gone),
        ((on, &[Suspended]), (on, &[Suspended, Banned]), true, gone),
        ((on, &[]), (off, &[]), true, gone),
        ((off, &[]), (off, &[SendRestricted]), true, gone),
        ((on, &[SendRestricted]), (on, &[]), false, None),
        ((on, &[Suspended]), (on, &[]), false, back),
        ((on, &[Suspended, Banned]), (on, &[Banned]), false, None),
        ((off, &[Suspended]), (on, &[Suspended]), false, None),
        ((off, &[Suspended]), (off, &[]), false, None),
        (
            (off, &[SendRestricted]),
            (on, &[SendRestricted]),
            false,
            back,
        ),
    ] {
        let raise = person(before.0, before.1).raise(&person(after.0, after.1), narrows);
        let told = raise.map(|raise| raise.effect);
        assert_eq!(told, expected, "{before:?} to {after:?}");
    }
}

#[test]
fn what_names_a_rule_and_what_explains() {
    for good in ["spam", "a", "limit:strangers/24h", &"x".repeat(64)] {
        assert_eq!(Rule::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", " ", "a b", "spam\n", "späm", &"x".repeat(65)] {
        assert_eq!(Rule::parse(bad), Err(NotARule), "{bad:?}");
    }
    assert_eq!(explanation("").unwrap(), "");
    assert_eq!(explanation(&"é".repeat(500)).unwrap(), "é".repeat(500));
    assert!(explanation(&"é".repeat(501)).is_err());
    assert!(explanation("a\u{202e}b").is_err());
}
