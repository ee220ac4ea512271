//! The table of acts over every pair that can be.

use super::*;

const ACTS: [Act; 5] = [
    Act::Follow,
    Act::Unfollow,
    Act::RemoveFollower,
    Act::Block,
    Act::Unblock,
];

fn edge(millis: i64) -> Edge {
    Edge::new(Timestamp::from_unix_millis(millis), &Random::system())
}

/// One letter for what a side holds: `-` nothing, `f` a follow, `b` a block.
fn side(held: char, epoch: u64) -> Side {
    Side {
        follow: (held == 'f').then(|| edge(1)),
        block: (held == 'b').then(|| edge(2)),
        epoch,
    }
}

fn letters(pair: &Pair) -> String {
    let letter = |side: &Side| match (side.follow, side.block) {
        (None, None) => '-',
        (Some(_), None) => 'f',
        (None, Some(_)) => 'b',
        (Some(_), Some(_)) => '!',
    };
    format!(
        "{}{} {}{}",
        letter(&pair.mine),
        letter(&pair.theirs),
        pair.mine.epoch,
        pair.theirs.epoch
    )
}

#[test]
fn every_act_on_every_pair() {
    // The pair (mine, theirs; epochs 0 and 0), then the pair and the epochs after Follow,
    // Unfollow, RemoveFollower, Block and Unblock. `hidden` and `yours`: refused.
    let table = [
        ("--", ["f- 00", "-- 00", "-- 00", "b- 11", "-- 00"]),
        ("f-", ["f- 00", "-- 10", "f- 00", "b- 11", "f- 00"]),
        ("-f", ["ff 00", "-f 00", "-- 10", "b- 11", "-f 00"]),
        ("ff", ["ff 00", "-f 10", "f- 10", "b- 11", "ff 00"]),
        ("b-", ["yours", "b- 00", "b- 00", "b- 00", "-- 00"]),
        ("-b", ["hidden", "hidden", "hidden", "bb 11", "-b 00"]),
        ("bb", ["hidden", "hidden", "hidden", "bb 00", "-b 00"]),
    ];
    for (before, afters) in table {
        let held: Vec<char> = before.chars().collect();
        let pair = Pair {
            mine: side(held[0], 0),
            theirs: side(held[1], 0),
        };
        for (act, expected) in ACTS.into_iter().zip(afters) {
            let got = match decide(pair, Presence::Present, act, edge(3)) {
                Ok(after) => letters(&after),
                Err(Refusal::Hidden) => "hidden".to_owned(),
                Err(Refusal::BlockedByYou) => "yours".to_owned(),
            };
            assert_eq!(got, expected, "{act:?} on {before}");
        }
    }
}

/// Every pair, with epochs that are not 0.
fn pairs() -> impl Iterator<Item = Pair> {
    ["--", "f-", "-f", "ff", "b-", "-b", "bb"]
        .into_iter()
        .map(|held| {
            let held: Vec<char> = held.chars().collect();
            Pair {
                mine: side(held[0], 7),
                theirs: side(held[1], 9),
            }
        })
}

#[test]
fn an_act_done_again_changes_nothing_and_keeps_the_time() {
    for pair in pairs() {
        for act in ACTS {
            let Ok(once) = decide(pair, Presence::Present, act, edge(3)) else {
                continue;
            };
            assert_eq!(
                decide(once, Presence::Present, act, edge(4)),
                Ok(once),
                "{act:?} {pair:?}"
            );
        }
    }
}

#[test]
fn a_block_excludes_follows_and_epochs_never_fall() {
    for pair in pairs() {
        for act in ACTS {
            let Ok(after) = decide(pair, Presence::Present, act, edge(3)) else {
                continue;
            };
            assert!(after.mine.epoch >= pair.mine.epoch && after.theirs.epoch >= pair.theirs.epoch);
            let blocked = after.mine.block.is_some() || after.theirs.block.is_some();
            let follows = after.mine.follow.is_some() || after.theirs.follow.is_some();
            assert!(!(blocked && follows), "{act:?} {pair:?}");
        }
    }
}

#[test]
fn who_is_gone_answers_as_who_blocks() {
    for mine in ['-', 'f', 'b'] {
        let gone = Pair {
            mine: side(mine, 0),
            theirs: side('f', 0),
        };
        // A block has ended the own follow already.
        let left = if mine == 'f' { '-' } else { mine };
        let blocks = Pair {
            mine: side(left, 0),
            theirs: side('b', 0),
        };
        assert_eq!(
            look(&gone, Presence::Gone),
            look(&blocks, Presence::Present)
        );
        for act in ACTS {
            let answer = |pair, presence| {
                decide(pair, presence, act, edge(3)).map(|after| view(&after, presence))
            };
            assert_eq!(
                answer(gone, Presence::Gone),
                answer(blocks, Presence::Present),
                "{act:?} {mine}"
            );
        }
    }
}

#[test]
fn a_view_shows_what_is_there() {
    let pair = Pair {
        mine: side('f', 0),
        theirs: side('-', 0),
    };
    let view = look(&pair, Presence::Present).unwrap();
    assert_eq!(
        view,
        View {
            following: true,
            followed_by: false,
            blocking: false
        }
    );
    let pair = Pair {
        mine: side('b', 0),
        theirs: side('-', 0),
    };
    assert!(look(&pair, Presence::Present).unwrap().blocking);
}
