//! The protocol keeps its promises in every world and does something in some; mutants break them.

use stateright::Checker as _;

use super::*;
use crate::search::{everywhere, shortest, steps, told};

/// The machines that run this have two.
const THREADS: usize = 2;

#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this test, not a setting of a service"
)]
fn is_long() -> bool {
    std::env::var_os("POSTERN_LONG").is_some_and(|value| !value.is_empty())
}

fn within(sends: &[usize], changes: usize, rounds: u8) -> Bound {
    Bound {
        sends: sends.into(),
        changes,
        rounds,
    }
}

#[track_caller]
fn keeps_its_promises(bound: Bound) {
    let within = format!("{bound:?}");
    let searched = everywhere(Fence::new(bound), THREADS);
    println!(
        "{within}: {} worlds, {} steps between them",
        searched.worlds, searched.steps
    );
    for (promise, way) in &searched.found {
        println!("not always: {promise}");
        println!("{}", told(way));
    }
    assert!(searched.found.is_empty());
    // A search that looked at nothing has found nothing. How deep a search went is no measure:
    // with several threads it depends on which of them comes to a world first.
    assert!(searched.worlds > 50_000);
}

#[test]
fn the_protocol_keeps_its_promises_in_every_world() {
    keeps_its_promises(Bound::small());
    // A block, its end, and a block again.
    keeps_its_promises(within(&[0], 3, 1));
    keeps_its_promises(within(&[0, 1], 1, 1));
}

#[test]
fn the_protocol_keeps_its_promises_in_larger_bounds() {
    if !is_long() {
        return;
    }
    keeps_its_promises(within(&[0, 1], 2, 1));
    keeps_its_promises(within(&[0, 0, 0], 1, 2));
    keeps_its_promises(within(&[0], 3, 2));
}

#[test]
fn every_mutant_breaks_its_promise() {
    for mutant in Mutant::ALL {
        let (fence, name) = (Fence::new(Bound::small()).with(mutant), mutant.name());
        for promise in mutant.breaks() {
            let way = shortest(&fence, promise);
            let way = way.unwrap_or_else(|| panic!("`{name}` does not break: {promise}"));
            println!("{name} takes {} steps to break: {promise}", steps(&way));
            println!("{}", told(&way));
            let holds = fence.property(promise).condition;
            assert!(!holds(&fence, way.last_state()), "`{name}`: {promise}");
        }
    }
}

#[test]
fn the_model_is_not_empty() {
    let fence = Fence {
        about: About::Possibilities,
        ..Fence::new(Bound::small())
    };
    fence.checker().spawn_bfs().join().assert_properties();
}
