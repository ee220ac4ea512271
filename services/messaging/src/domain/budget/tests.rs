//! Budgets against a plain count of what was paid, over lots that are drawn.

use std::time::Duration;

use postern_shared::random::Random;

use super::*;

const START: i64 = 1_700_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_millis(START + ms)
}

/// A budget, and what was paid from it: when, and how much.
fn paid(budget: Budget, asks: impl IntoIterator<Item = (i64, u32)>) -> Vec<(i64, u32)> {
    let mut whole = 0;
    let mut paid = Vec::new();
    for (ms, cost) in asks {
        if let Ok(next) = budget.pay(whole, at(ms), cost) {
            whole = next;
            paid.push((ms, cost));
        }
    }
    paid
}

#[test]
fn no_window_ever_pays_more_than_its_burst_and_what_came_back() {
    let random = Random::system();
    for _ in 0..300 {
        let burst = u32::try_from(random.below(9)).unwrap() + 1;
        let interval = random.below(40) + 1;
        let budget = Budget::new(burst, interval);
        let mut ms = 0;
        let asks: Vec<_> = (0..200)
            .map(|_| {
                ms += i64::try_from(random.below(30)).unwrap();
                let cost = u32::try_from(random.below(u64::from(burst))).unwrap() + 1;
                (ms, cost)
            })
            .collect();
        let paid = paid(budget, asks);
        assert!(paid.len() > 20, "next to nothing was paid");
        for (from, (first, _)) in paid.iter().enumerate() {
            let mut units = 0;
            for (last, cost) in &paid[from..] {
                units += u64::from(*cost);
                let window = u64::try_from(last - first).unwrap();
                let most = u64::from(burst) + window / interval;
                assert!(units <= most, "{budget:?}: {units} in {window} ms");
            }
        }
    }
}

#[test]
fn the_wait_is_exact() {
    let random = Random::system();
    let mut refused = 0;
    for _ in 0..2_000 {
        let burst = u32::try_from(random.below(9)).unwrap() + 1;
        let budget = Budget::new(burst, random.below(100) + 1);
        let ahead = i64::try_from(random.below(2_000)).unwrap() - 500;
        let whole = START + ahead;
        let cost = u32::try_from(random.below(u64::from(burst))).unwrap() + 1;
        if let Err(wait) = budget.pay(whole, at(0), cost) {
            let wait = i64::try_from(wait).unwrap();
            assert_eq!(budget.pay(whole, at(wait - 1), cost), Err(1));
            assert!(budget.pay(whole, at(wait), cost).is_ok(), "{budget:?}");
            refused += 1;
        }
    }
    assert!(refused > 100, "{refused} refusals only");
}

#[test]
fn all_of_it_at_once_and_then_one_by_one() {
    let budget = Budget::per(60, 60_000);
    let mut whole = 0;
    for _ in 0..60 {
        whole = budget.pay(whole, at(0), 1).unwrap();
    }
    assert_eq!(budget.pay(whole, at(0), 1), Err(1_000));
    assert_eq!(budget.pay(whole, at(999), 1), Err(1));
    whole = budget.pay(whole, at(1_000), 1).unwrap();
    assert_eq!(budget.pay(whole, at(1_000), 1), Err(1_000));
    // Once it is whole it does not grow.
    assert_eq!(paid(budget, (0..90).map(|_| (900_000, 1))).len(), 60);
}

#[test]
fn what_does_not_divide_evenly_is_rounded_against_the_payer() {
    assert_eq!(Budget::per(7, 60_000), Budget::new(7, 8_572));
    assert_eq!(Budget::per_day(20), Budget::new(20, 72 * 60 * 1_000));
    // Nothing divides by zero.
    assert_eq!(Budget::per(0, 60_000), Budget::new(1, 60_000));
}

#[test]
fn what_costs_more_than_there_ever_is_costs_all_of_it() {
    let budget = Budget::new(2, 10);
    let whole = budget.pay(0, at(0), 4).unwrap();
    assert_eq!(budget.pay(whole, at(0), 1), Err(10));
    assert_eq!(budget.pay(whole, at(19), 4), Err(1));
    assert!(budget.pay(whole, at(20), 4).is_ok());
}

#[test]
fn a_moment_at_the_end_of_time_neither_panics_nor_pays() {
    let budget = Budget::new(u32::MAX, u64::MAX);
    assert!(budget.pay(0, at(0), 1).is_ok());
    let small = Budget::new(1, 1);
    assert!(small.pay(i64::MAX, at(0), 1).is_err());
    assert!(small.pay(i64::MIN, at(0), 1).is_ok());
}

#[test]
fn a_young_account_pays_more_for_somebody_new() {
    let hours = |n: u64| Duration::from_secs(n * 3_600);
    let now = at(0);
    let aged = |age: Duration, ms: i64| {
        let since = now.minus(age).unix_millis() + ms;
        cost_of_a_stranger(Some(Timestamp::from_unix_millis(since)), now)
    };
    assert_eq!(aged(hours(0), 0), 4);
    assert_eq!((aged(hours(3), 1), aged(hours(3), 0)), (4, 2));
    assert_eq!((aged(hours(72), 1), aged(hours(72), 0)), (2, 1));
    // One of which identity says that it is yet to be made, and one of which it says nothing.
    assert_eq!(aged(hours(0), 5_000), 4);
    assert_eq!(cost_of_a_stranger(None, now), 4);
}

#[test]
fn a_bill_is_paid_whole_or_not_at_all() {
    let one = |n| Budget::new(n, 1_000);
    let budgets = Budgets {
        attempts: one(9),
        pair: one(9),
        new_strangers: one(9),
        inbound_person: one(1),
        inbound_business: one(2),
    };
    let of = |recipient_is_business| Parties {
        sender_since: Some(at(-YOUNG_UNTIL_MS)),
        recipient_is_business,
    };
    let bill = Bill::opening(&budgets, of(false), at(0));
    let left = bill.pay(Left::default(), at(0)).unwrap();
    let whole = START + 1_000;
    assert_eq!(
        left,
        Left {
            attempts_ms: whole,
            new_strangers_ms: whole,
            inbound_strangers_ms: whole,
            pair_ms: whole
        }
    );
    assert_eq!(bill.pay(left, at(0)), None);
    let seen = bill.for_policy(left, at(0));
    let empty = postern_policy::Budget::Empty {
        retry_after_ms: 1_000,
    };
    assert_eq!(seen.inbound_strangers, empty);
    assert_eq!(seen.new_strangers, postern_policy::Budget::Available);
    // Who is no stranger does not pay as one; a business takes in more of them.
    let known = bill.without_strangers();
    assert_eq!(known, Bill::known(&budgets));
    let after = known.pay(left, at(0)).unwrap();
    assert_eq!(after.inbound_strangers_ms, whole);
    assert_eq!(after.attempts_ms, whole + 1_000);
    let business = Bill::opening(&budgets, of(true), at(0));
    assert!(business.pay(left, at(0)).is_some());
    assert_eq!(Bill::FREE.pay(left, at(0)), Some(left));
    let free = Bill::FREE.for_policy(left, at(0));
    assert_eq!(free, postern_policy::Budgets::NEUTRAL);
}
