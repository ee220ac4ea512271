//! The choice among addresses, by moments that the tests move: nothing is sent.

use std::sync::Arc;

use super::*;

/// A set of so many addresses, and moments.
struct Try {
    set: Set,
    now: Instant,
    random: Random,
    taken: Vec<Pick>,
}

impl Try {
    fn new(members: u16) -> Self {
        let now = Instant::now();
        let mut set = Set::default();
        for port in 1..=members {
            set.add(at(port), Way::Local(Arc::default()), now);
        }
        let random = Random::system();
        let taken = Vec::new();
        Self {
            set,
            now,
            random,
            taken,
        }
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }

    fn pick(&mut self, tried: &[Id]) -> Pick {
        self.set.pick(tried, false, self.now, &self.random).unwrap()
    }

    /// Takes one, and keeps it in flight.
    fn take(&mut self) -> Place {
        let pick = self.pick(&[]);
        let place = self.place(&pick);
        self.taken.push(pick);
        place
    }

    fn place(&self, pick: &Pick) -> Place {
        let mut members = self.set.members.iter();
        members.find(|member| member.id == pick.id).unwrap().place
    }

    fn end(&mut self, pick: &Pick, verdict: Verdict) -> Option<Change> {
        self.set
            .end((pick.id, pick.ticket), verdict, self.now, &self.random)
    }

    /// One call; where it went, and what its end changed.
    fn call(&mut self, verdict: impl Fn(Place) -> Verdict) -> (Place, Option<Change>) {
        let pick = self.pick(&[]);
        let place = self.place(&pick);
        (place, self.end(&pick, verdict(place)))
    }

    /// Where so many calls went that all were answered.
    fn calls(&mut self, count: usize) -> BTreeMap<String, usize> {
        let mut places = BTreeMap::new();
        for _ in 0..count {
            let (place, _) = self.call(|_| Verdict::Answered);
            *places.entry(place.to_string()).or_default() += 1;
        }
        places
    }
}

fn at(port: u16) -> Place {
    Place::At(([127, 0, 0, 1], port).into())
}

#[test]
fn the_fewest_in_flight_are_asked_and_ties_fall_anywhere() {
    let mut set = Try::new(3);
    set.calls(30);
    for round in 1..=4 {
        for _ in 0..3 {
            set.take();
        }
        let flights: Vec<_> = set.set.members.iter().map(|m| m.in_flight).collect();
        assert_eq!(flights, [round; 3]);
    }
    let places = set.calls(3_000);
    assert_eq!(places.len(), 3);
    assert!(
        places.values().all(|calls| (800..1_200).contains(calls)),
        "{places:?}"
    );
}

#[test]
fn what_does_not_serve_comes_last_for_a_while_and_is_found_again() {
    for verdict in [Verdict::Unreachable, Verdict::Failing] {
        let mut set = Try::new(2);
        let fails = |place| {
            if place == at(1) {
                verdict
            } else {
                Verdict::Answered
            }
        };
        let first = std::iter::repeat_with(|| set.call(fails)).find(|(place, _)| *place == at(1));
        let (_, change) = first.unwrap();
        assert_eq!(
            change,
            Some(Change {
                place: at(1),
                ejected: true,
                serves: Some(false),
                breaker: None
            })
        );
        assert_eq!(set.calls(50).len(), 1);
        // Busy or not: it stays the last one.
        set.take();
        assert_eq!(set.calls(50).len(), 1);
        set.pass(250);
        let (place, change) = set.call(|_| Verdict::Answered);
        assert_eq!(place, at(1), "the idle one");
        assert_eq!(change.unwrap().serves, Some(true));
    }
}

#[test]
fn the_last_one_left_is_asked_all_the_same() {
    let mut set = Try::new(1);
    for _ in 0..10 {
        let (_, change) = set.call(|_| Verdict::Unreachable);
        // Told once, whatever follows.
        assert_eq!(change.is_some(), set.taken.is_empty());
        let pick = set.pick(&[]);
        set.taken.push(pick);
    }
}

#[test]
fn one_call_at_a_time_finds_out_whether_it_serves() {
    let mut set = Try::new(2);
    set.calls(20);
    let fails = |place| {
        if place == at(1) {
            Verdict::Unreachable
        } else {
            Verdict::Answered
        }
    };
    while set.call(fails).0 != at(1) {}
    set.take();
    set.pass(250);
    // One call goes there, those that follow do not wait with it.
    assert_eq!(set.take(), at(1));
    for _ in 0..10 {
        assert_eq!(set.take(), at(2));
    }
}

#[test]
fn each_failure_in_a_row_doubles_how_long_it_is_left_alone() {
    let mut set = Try::new(1);
    for longest in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
        set.call(|_| Verdict::Unreachable);
        let away = set.set.members[0].away_until - set.now;
        let longest = Duration::from_millis(longest);
        assert!((longest / 2..=longest).contains(&away), "{away:?}");
        // What fails meanwhile failed together.
        set.call(|_| Verdict::Unreachable);
        assert_eq!(set.set.members[0].away_until - set.now, away);
        set.pass(5_000);
    }
}

#[test]
fn what_fails_now_and_then_is_told_seldom_and_counted_always() {
    let mut set = Try::new(1);
    let (mut told, mut ejected) = (0, 0);
    for call in 0..200 {
        let verdict = if call % 3 == 0 {
            Verdict::Failing
        } else {
            Verdict::Answered
        };
        if let (_, Some(change)) = set.call(|_| verdict) {
            told += usize::from(change.serves == Some(false));
            ejected += usize::from(change.ejected);
        }
        set.pass(100);
    }
    assert_eq!((told, ejected), (2, 67));
}

#[test]
fn another_try_goes_elsewhere_unless_all_others_do_not_serve() {
    let mut set = Try::new(3);
    set.calls(30);
    let mut tried = Vec::new();
    for _ in 0..3 {
        let pick = set.pick(&tried);
        assert!(!tried.contains(&pick.id));
        set.end(&pick, Verdict::Answered);
        tried.push(pick.id);
    }
    set.pick(&tried);
    // Even one that nobody has heard of yet goes before one that does not serve.
    let mut set = Try::new(2);
    let first = set.pick(&[]);
    set.end(&first, Verdict::Unreachable);
    let serving = set.pick(&[]);
    assert_ne!(serving.id, first.id);
    assert_eq!(set.pick(&[serving.id]).id, serving.id);
}

#[test]
fn what_is_named_no_more_is_not_asked_and_its_calls_end_without_a_trace() {
    let mut set = Try::new(2);
    while set.taken.len() < 2 {
        set.take();
    }
    let wanted = |ports: [u16; 2]| {
        let address = |port| (([127, 0, 0, 1], port).into(), ());
        BTreeMap::from(ports.map(address))
    };
    assert_eq!(set.set.keep(&wanted([2, 3])), [([127, 0, 0, 1], 3).into()]);
    assert_eq!(set.set.places(), [at(2)]);
    // The same address again is a new member: what ends on the old one is not its own.
    assert_eq!(set.set.keep(&wanted([1, 2])), [([127, 0, 0, 1], 1).into()]);
    set.set.add(at(1), Way::Local(Arc::default()), set.now);
    for pick in std::mem::take(&mut set.taken) {
        set.end(&pick, Verdict::Unreachable);
    }
    let flights = set
        .set
        .members
        .iter()
        .map(|m| (m.place, m.in_flight, m.failures));
    assert_eq!(flights.collect::<Vec<_>>(), [(at(2), 0, 1), (at(1), 0, 0)]);
}

#[test]
fn without_addresses_and_with_open_breakers_alone_nobody_is_asked() {
    let (now, random) = (Instant::now(), Random::system());
    let none = Set::default().pick(&[], false, now, &random);
    assert_eq!(none.unwrap_err(), NoOne::Unknown);
    let mut set = Try::new(2);
    let mut opened = 0;
    while let Ok(pick) = set.set.pick(&[], false, set.now, &set.random) {
        let change = set.end(&pick, Verdict::Late);
        opened += usize::from(change.is_some_and(|c| c.breaker == Some(Turn::Opened)));
    }
    let resting = set.set.pick(&[], false, set.now, &set.random);
    assert_eq!((resting.unwrap_err(), opened), (NoOne::Resting, 2));
    // Who insists tries each of them, but one that does not rest goes before.
    set.set.add(at(3), Way::Local(Arc::default()), set.now);
    let pick = set.set.pick(&[], true, set.now, &set.random).unwrap();
    assert_eq!(set.place(&pick), at(3));
    set.set.keep(&BTreeMap::from(
        [1, 2].map(|port| (([127, 0, 0, 1], port).into(), ())),
    ));
    for _ in 0..2 {
        set.set.pick(&[], true, set.now, &set.random).unwrap();
    }
    let tried = set.set.pick(&[], true, set.now, &set.random);
    assert_eq!(tried.unwrap_err(), NoOne::Resting);
}
