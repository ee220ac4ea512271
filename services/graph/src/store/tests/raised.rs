//! What an act leaves to be raised, in its own transaction.

use postern_shared::fence::{Enforcement, Fences};

use super::*;

/// Whether nothing of a person's is left to be raised.
async fn state(world: &World, person: UserId) -> Enforcement {
    let fences = Fences::new(ServiceName::Graph, world.store.db.clone(), Vec::new());
    fences.state(person).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_narrows_and_what_lists_show_is_raised_with_its_version() {
    let world = World::new().await;
    let (a, b) = (world.person(), world.person());
    for (act, version, effect) in [
        (Act::Follow, 1, None),
        (Act::Unfollow, 2, Some(None)),
        (Act::Block, 3, Some(Some(Effect::PeerBlocked(b)))),
        (Act::Unblock, 4, Some(Some(Effect::PeerUnblocked(b)))),
    ] {
        let raise = world.act(a, b, act).await.unwrap().raise;
        let expected = effect.map(|effect| Raise {
            user: a,
            version,
            effect,
        });
        assert_eq!(raise, expected, "{act:?}");
        assert_eq!(world.between(a, b).await.my_version, version);
        // Done again it changes nothing, so there is nothing more to raise.
        assert_eq!(world.act(a, b, act).await.unwrap().raise, None, "{act:?}");
    }
    world.does(b, a, Act::Follow).await;
    let removed = world.act(a, b, Act::RemoveFollower).await.unwrap().raise;
    assert_eq!(
        removed.map(|raise| (raise.version, raise.effect)),
        Some((5, None))
    );
    assert_eq!(state(&world, a).await, Enforcement::Pending);
    // Nothing is raised of the one who was acted upon.
    assert_eq!(state(&world, b).await, Enforcement::Enforced);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_changes_nothing_leaves_no_task() {
    let world = World::new().await;
    let (a, b) = (world.person(), world.person());
    for act in [
        Act::Follow,
        Act::Unfollow,
        Act::RemoveFollower,
        Act::Unblock,
    ] {
        // Nobody is followed back, blocked or unfollowed who was not before.
        if act != Act::Follow {
            world.does(b, a, act).await;
        } else {
            world.does(a, b, act).await;
        }
    }
    assert_eq!(state(&world, a).await, Enforcement::Enforced);
    // `b` removed the follower that `a` was.
    assert_eq!(state(&world, b).await, Enforcement::Pending);
    let (c, d) = (world.person(), world.person());
    world.does(c, d, Act::Block).await;
    for act in [Act::Follow, Act::Unfollow, Act::RemoveFollower] {
        assert!(world.act(d, c, act).await.is_err());
    }
    assert_eq!(state(&world, d).await, Enforcement::Enforced);
}
