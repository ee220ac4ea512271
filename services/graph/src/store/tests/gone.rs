//! People who are gone: in no list and no count of others, whatever order the news come in.

use postern_shared::fence::Refused;

use super::*;

/// The version that a raise may be above the one that stands.
const JUMP_MAX: u64 = 1_000_000;

impl World {
    async fn hears(&self, user: UserId, version: u64, effect: Effect) -> Result<(), Error> {
        let raise = Raise {
            user,
            version,
            effect: Some(effect),
        };
        self.store.hear(&raise).await
    }

    /// Followers, following, friends and blocked of somebody; what is counted is what is listed.
    async fn lists(&self, owner: UserId) -> [Vec<UserId>; 4] {
        let lists = [
            self.people(owner, List::Followers).await,
            self.people(owner, List::Following).await,
            self.people(owner, List::Friends).await,
            self.people(owner, List::Blocked).await,
        ];
        let counted = self.counted(owner).await;
        let listed = [counted.0, counted.1, counted.2];
        for (list, counted) in lists.iter().zip(listed) {
            assert_eq!(u64::try_from(list.len()).unwrap(), counted);
        }
        lists
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_in_no_list_and_back_as_before() {
    let world = World::new().await;
    let (me, peer, other) = (world.person(), world.person(), world.person());
    for them in [peer, other] {
        world.does(me, them, Act::Follow).await;
        world.does(them, me, Act::Follow).await;
    }
    let blocked = world.person();
    world.does(me, blocked, Act::Block).await;
    let before = world.lists(me).await;
    assert!(before[..3].iter().all(|list| list.len() == 2));
    for them in [peer, blocked] {
        world.hears(them, 1, Effect::Gone).await.unwrap();
    }
    let others = vec![other];
    let gone = [others.clone(), others.clone(), others, vec![blocked]];
    assert_eq!(world.lists(me).await, gone);
    // What services decide by is as it was, and so is what the one who is gone has.
    assert!(world.between(me, peer).await.pair.mine.follow.is_some());
    assert_eq!(world.people(peer, List::Friends).await, [me]);
    world.hears(peer, 2, Effect::Returned).await.unwrap();
    assert_eq!(world.lists(me).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_greatest_version_counts_however_often_and_late_others_come() {
    let world = World::new().await;
    let (me, peer) = (world.person(), world.person());
    world.does(me, peer, Act::Follow).await;
    let shown = async || world.people(me, List::Following).await.len() == 1;
    for (version, effect, is_shown) in [
        (5, Effect::Returned, true),
        (4, Effect::Gone, true),
        (5, Effect::Gone, true),
        (7, Effect::Gone, false),
        (7, Effect::Gone, false),
        (6, Effect::Returned, false),
        (8, Effect::Returned, true),
    ] {
        world.hears(peer, version, effect).await.unwrap();
        assert_eq!(shown().await, is_shown, "{version} {effect:?}");
    }
    // One that hides nobody keeps no version, or it would swallow an older one on its way.
    let silent = Raise {
        user: peer,
        version: 20,
        effect: None,
    };
    world.store.hear(&silent).await.unwrap();
    world.hears(peer, 9, Effect::Gone).await.unwrap();
    assert!(!shown().await);
    let far = world.hears(peer, 9 + JUMP_MAX + 1, Effect::Returned).await;
    assert!(matches!(far, Err(Error::Raise(Refused::OutOfRange(_)))));
    assert!(!shown().await);
    world
        .hears(peer, 9 + JUMP_MAX, Effect::Returned)
        .await
        .unwrap();
    assert!(shown().await);
    let stranger = world.person();
    let far = world.hears(stranger, JUMP_MAX + 1, Effect::Gone).await;
    assert!(matches!(far, Err(Error::Raise(Refused::OutOfRange(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_leave_the_greatest() {
    let world = World::new().await;
    let (me, peer) = (world.person(), world.person());
    world.does(me, peer, Act::Follow).await;
    let effect = |version: u64| match version % 2 {
        0 => Effect::Returned,
        _ => Effect::Gone,
    };
    for last in [31, 62] {
        let raises = (last - 30..=last).map(|version| world.hears(peer, version, effect(version)));
        for heard in futures_util::future::join_all(raises).await {
            heard.unwrap();
        }
        let shown = world.people(me, List::Following).await.len();
        assert_eq!(shown, usize::from(last % 2 == 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_full_over_people_who_are_gone() {
    let world = World::new().await;
    let me = world.person();
    let peers: Vec<_> = (0..20).map(|_| world.person()).collect();
    for (index, peer) in peers.iter().enumerate() {
        world.does(*peer, me, Act::Follow).await;
        if index % 4 != 0 {
            world.hears(*peer, 1, Effect::Gone).await.unwrap();
        }
    }
    let mut all: Vec<Entry> = Vec::new();
    for expected in [2, 2, 1] {
        let after = all.last().map(|entry| entry.edge.id);
        let page = world
            .store
            .list(me, List::Followers, after, 2)
            .await
            .unwrap();
        assert_eq!(page.len(), expected);
        all.extend(page);
    }
    let people: BTreeSet<_> = all.iter().map(|entry| entry.person).collect();
    assert_eq!(people, peers.iter().copied().step_by(4).collect());
}
