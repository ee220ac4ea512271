//! A ledger of numbers: what is kept of an answer, for whom it will do, and who asks when many want
//! it at once.

use std::sync::atomic::AtomicUsize;

use postern_shared::telemetry::Telemetry;
use tokio::sync::Semaphore;

use super::*;

/// A fact, and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number(&'static str, Version);

impl Fact for Number {
    fn version(&self) -> Version {
        self.1
    }

    fn ended(&self, now: Timestamp) -> bool {
        self.0 == "brief" && now > START
    }

    fn weight(&self) -> u32 {
        if self.0 == "heavy" { 50 } else { 1 }
    }
}

const START: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);
const AGE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

type Numbers = Arc<Ledger<u32, Number>>;

fn ledger(most: u64, max_age: Duration) -> (Numbers, Means) {
    let telemetry = Telemetry::without_logs().unwrap();
    let means = Means {
        max_age,
        clock: Clock::manual(START),
        tickets: Tickets::default(),
        counts: Counts::new(&telemetry.meter()),
    };
    let ledger = Ledger::new(ServiceName::Graph, most, &means);
    (Arc::new(ledger), means)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn of(key: u32, min: Version) -> Wanted<u32> {
    Wanted {
        key,
        min,
        is_behind: false,
    }
}

fn known(said: &Said<Number>) -> Option<Number> {
    match said {
        Said::Known(number) => Some(*number),
        _ => None,
    }
}

/// What one question comes to, should the owner say this; and whether it was asked at all.
async fn ask(
    ledger: &Numbers,
    (key, min, since): (u32, Version, u64),
    says: Said<Number>,
) -> (Said<Number>, bool) {
    let asked = AtomicUsize::new(0);
    let had = ledger.get(vec![of(key, min)], since, soon(), |wanted| {
        asked.fetch_add(1, Ordering::SeqCst);
        let all = vec![says.clone(); wanted.len()];
        async { Ok(all) }
    });
    let had = had.await.remove(0);
    let asked = asked.into_inner() > 0;
    assert_eq!(had.is_kept, !asked);
    (had.said, asked)
}

const ANY: (u32, Version, u64) = (1, [0, 0], 0);

#[tokio::test]
async fn what_is_kept_ages_by_the_clock_from_when_it_was_asked_for() {
    let (ledger, means) = ledger(10, AGE);
    let first = Number("first", [1, 0]);
    let clock = means.clock.clone();
    ledger
        .get(vec![of(1, [0, 0])], 0, soon(), |_| {
            // The answer takes its time.
            clock.advance(10 * SECOND);
            async { Ok(vec![Said::Known(first)]) }
        })
        .await;
    means.clock.advance(49 * SECOND);
    let (said, asked) = ask(&ledger, ANY, Said::Failed).await;
    assert_eq!((known(&said), asked), (Some(first), false));
    means.clock.advance(SECOND);
    let (said, asked) = ask(&ledger, ANY, Said::Failed).await;
    assert_eq!((known(&said), asked), (None, true));
    // Of an age of nothing is nothing.
    let (off, _) = super::tests::ledger(10, Duration::ZERO);
    for _ in 0..2 {
        assert!(ask(&off, ANY, Said::Known(first)).await.1);
    }
}

#[tokio::test]
async fn only_answers_are_kept_and_never_over_newer_ones() {
    let (ledger, means) = ledger(10, AGE);
    for nothing in [Said::Failed, Said::Absent, Said::Behind] {
        let (said, asked) = ask(&ledger, ANY, nothing.clone()).await;
        assert!(asked && known(&said).is_none(), "{nothing:?} is not kept");
    }
    let stands = Number("stands", [5, 5]);
    ask(&ledger, ANY, Said::Known(stands)).await;
    for older in [[4, 5], [5, 4], [4, 9], [9, 4], [0, 0]] {
        let since = (1, [0, 0], means.tickets.last());
        let (said, asked) = ask(&ledger, since, Said::Known(Number("older", older))).await;
        assert!(asked && matches!(said, Said::Behind), "{older:?}");
        let (said, _) = ask(&ledger, ANY, Said::Failed).await;
        assert_eq!(known(&said), Some(stands), "after {older:?}");
    }
    let newer = Number("newer", [5, 6]);
    let since = (1, [0, 0], means.tickets.last());
    ask(&ledger, since, Said::Known(newer)).await;
    let (said, _) = ask(&ledger, ANY, Said::Failed).await;
    assert_eq!(known(&said), Some(newer));
    // An owner that was put back to what it was is believed again once that is too old.
    means.clock.advance(AGE);
    let (said, _) = ask(&ledger, ANY, Said::Known(stands)).await;
    assert_eq!(known(&said), Some(stands));
}

#[tokio::test]
async fn below_the_version_that_will_do_nothing_does() {
    let (ledger, _) = ledger(10, AGE);
    let stands = Number("stands", [5, 5]);
    ask(&ledger, ANY, Said::Known(stands)).await;
    assert!(!ask(&ledger, (1, [5, 5], 0), Said::Failed).await.1);
    for (min, says, comes) in [
        ([6, 0], [5, 5], None),
        ([0, 6], [6, 5], None),
        ([6, 0], [6, 5], Some([6, 5])),
    ] {
        let (said, asked) = ask(&ledger, (1, min, 0), Said::Known(Number("", says))).await;
        assert!(asked);
        assert_eq!(known(&said).map(|n| n.1), comes, "{says:?} for {min:?}");
    }
    ledger.forget_below(1, [6, 5]).await;
    assert!(!ask(&ledger, ANY, Said::Failed).await.1);
    ledger.forget_below(1, [6, 6]).await;
    assert!(ask(&ledger, ANY, Said::Failed).await.1);
}

#[tokio::test]
async fn what_time_alone_ends_is_asked_for_again() {
    let (ledger, means) = ledger(10, AGE);
    let brief = Number("brief", [1, 0]);
    ask(&ledger, ANY, Said::Known(brief)).await;
    assert!(!ask(&ledger, ANY, Said::Failed).await.1);
    means.clock.advance(SECOND);
    assert!(ask(&ledger, ANY, Said::Known(brief)).await.1);
}

#[tokio::test]
async fn there_is_room_for_as_many_as_are_set() {
    let (ledger, _) = ledger(100, AGE);
    for key in 0..1_000 {
        let number = Said::Known(Number("light", [1, 0]));
        ask(&ledger, (key, [0, 0], 0), number).await;
    }
    ledger.kept.run_pending_tasks().await;
    assert!((1..=100).contains(&ledger.kept.entry_count()));
    for key in 0..1_000 {
        let number = Said::Known(Number("heavy", [2, 0]));
        ask(&ledger, (key, [2, 0], 0), number).await;
    }
    ledger.kept.run_pending_tasks().await;
    assert!(ledger.kept.weighted_size() <= 100);
}

/// So many who want the same at once, the owner answering when all of them do. The last number is
/// how often it was asked.
async fn crowd(ledger: &Numbers, people: usize) -> (Vec<Said<Number>>, usize) {
    let (go, asked) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let all = (0..people).map(|_| {
        let (ledger, go, asked) = (Arc::clone(ledger), Arc::clone(&go), Arc::clone(&asked));
        async move {
            let had = ledger.get(vec![of(1, [0, 0])], 0, soon(), |_| {
                asked.fetch_add(1, Ordering::SeqCst);
                let go = Arc::clone(&go);
                async move {
                    drop(go.acquire().await);
                    Ok(vec![Said::Known(Number("one", [1, 0]))])
                }
            });
            had.await.remove(0).said
        }
    });
    // Polled once each in their order, so that all of them wait before the last one lets go.
    let last = async {
        go.add_permits(1_000);
    };
    let (all, ()) = future::join(future::join_all(all), last).await;
    let asked = asked.load(Ordering::SeqCst);
    (all, asked)
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let (ledger, _) = ledger(10, AGE);
    let (all, asked) = crowd(&ledger, 100).await;
    assert_eq!(asked, 1);
    assert!(all.iter().all(|said| known(said).is_some()));
    assert!(ledger.flights().is_empty());
}

#[tokio::test]
async fn whoever_waits_for_one_who_gives_up_asks_for_themselves() {
    let (ledger, _) = ledger(10, AGE);
    for gives_up in ["runs out of time", "goes away"] {
        let never = ledger.get(vec![of(1, [0, 0])], 0, soon(), |_| async {
            if gives_up == "goes away" {
                future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
            Err(OutOfTime)
        });
        let mut never = Box::pin(never);
        assert!(futures_util::poll!(&mut never).is_pending());
        let other = ask(&ledger, ANY, Said::Known(Number("one", [1, 0])));
        let mut other = Box::pin(other);
        assert!(futures_util::poll!(&mut other).is_pending());
        if gives_up == "goes away" {
            drop(never);
        } else {
            assert!(matches!(never.await[0].said, Said::Failed));
        }
        let (said, asked) = other.await;
        assert!(asked && known(&said).is_some(), "{gives_up}");
        ledger.kept.invalidate(&1).await;
        assert!(ledger.flights().is_empty());
    }
}

#[tokio::test]
async fn nobody_takes_a_question_that_is_older_than_their_need() {
    let (ledger, means) = ledger(10, AGE);
    let go = Arc::new(Semaphore::new(0));
    let first = ledger.get(vec![of(1, [0, 0])], 0, soon(), |_| async {
        drop(go.acquire().await);
        Ok(vec![Said::Known(Number("before", [1, 0]))])
    });
    let mut first = Box::pin(first);
    assert!(futures_util::poll!(&mut first).is_pending());
    let after = Number("after", [2, 0]);
    for need in [(1, [0, 0], means.tickets.last()), (1, [2, 0], 0)] {
        let (said, asked) = ask(&ledger, need, Said::Known(after)).await;
        assert_eq!((known(&said), asked), (Some(after), true));
        ledger.kept.invalidate(&1).await;
    }
    ask(
        &ledger,
        (1, [0, 0], means.tickets.last()),
        Said::Known(after),
    )
    .await;
    // What was asked first and comes last is old.
    go.add_permits(1);
    assert!(matches!(first.await[0].said, Said::Behind));
    let (said, _) = ask(&ledger, ANY, Said::Failed).await;
    assert_eq!(known(&said), Some(after));
}
