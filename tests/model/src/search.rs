//! Searching the worlds: all of them, for what must never be; and as many as it takes, for what
//! must be possible.

use std::{collections::BTreeSet, fmt::Write as _};

use stateright::{Checker as _, CheckerBuilder, HasDiscoveries, Model as _, Path};

use crate::{Action, Fence, world::World};

/// Worlds and the steps between them, from one in which nothing has happened.
pub type Way = Path<World, Action>;

/// What a search has seen.
#[derive(Debug)]
pub struct Searched {
    /// Steps that were tried.
    pub steps: usize,
    /// Different worlds that they led to.
    pub worlds: usize,
    /// What was found wrong (or possible), each with the steps that lead there.
    pub found: Vec<(&'static str, Way)>,
}

/// Looks at every world within the bound.
#[must_use]
pub fn everywhere(fence: Fence, threads: usize) -> Searched {
    let failures = HasDiscoveries::AnyFailures;
    run(fence.checker().threads(threads).finish_when(failures))
}

/// The shortest way to a world in which a property does not hold; none when it holds in all.
#[must_use]
pub fn shortest(fence: &Fence, property: &'static str) -> Option<Way> {
    let search = |steps_max: Option<usize>| {
        let one = HasDiscoveries::AnyOf(BTreeSet::from([property]));
        let mut checker = fence.clone().checker().finish_when(one);
        if let Some(steps_max) = steps_max {
            // It counts worlds on the way, the first too, and leaves out the one with this number.
            checker = checker.target_max_depth(steps_max + 2);
        }
        let found = run(checker).found;
        found.into_iter().find(|(name, _)| *name == property)
    };
    // Of several worlds that are found almost at once it is the last that is told.
    let (_, mut way) = search(None)?;
    while let Some(fewer) = steps(&way).checked_sub(1)
        && let Some((_, shorter)) = search(Some(fewer))
    {
        way = shorter;
    }
    Some(way)
}

/// How many steps a way has.
#[must_use]
pub fn steps(way: &Way) -> usize {
    way.clone().into_actions().len()
}

/// A way as a person reads it: where it begins, and one line a step.
#[must_use]
pub fn told(way: &Way) -> String {
    let (mut lines, mut start) = (String::new(), None);
    for (number, (world, action)) in way.clone().into_vec().into_iter().enumerate() {
        start.get_or_insert(world.start);
        if let Some(action) = action {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{:>4}. {action}", number + 1);
        }
    }
    let is_friend = start.is_some_and(|policy| policy.edges[0].follows);
    let begins = if is_friend { "follow" } else { "have blocked" };
    format!("   0. they {begins} everyone, and everyone may message them\n{lines}")
}

fn run(checker: CheckerBuilder<Fence>) -> Searched {
    let checker = checker.spawn_bfs().join();
    let mut found: Vec<_> = checker.discoveries().into_iter().collect();
    found.sort_unstable_by_key(|(name, _)| *name);
    Searched {
        steps: checker.state_count(),
        worlds: checker.unique_state_count(),
        found,
    }
}
