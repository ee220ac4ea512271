//! Actions in the database: many at once, many at their end, and what is left of each.

use std::time::Duration;

use postern_shared::{
    caller::Role,
    fence::Effect,
    id::{ActionId, UserId},
};

use super::{NOW, World, secs, sessions::set_lifecycle, world};
use crate::{
    domain::{Action, Rule, SanctionKind},
    error::Error,
    store::Stamp,
};

impl World {
    pub fn stamp(&self) -> Stamp {
        Stamp::new(NOW, &self.random)
    }

    pub async fn moderator(&self, name: &str) -> UserId {
        let user = self.create(name).await.id;
        let granted = self.store.grant(user, Role::Moderator, self.stamp()).await;
        assert!(granted.unwrap());
        user
    }

    pub fn action(&self, by: Option<UserId>, on: UserId, kind: SanctionKind) -> Action {
        Action {
            id: ActionId::new(NOW, &self.random),
            user: on,
            kind,
            rule: Rule::parse("spam").unwrap(),
            explanation: "Links".to_owned(),
            start: NOW,
            end: (kind != SanctionKind::Banned).then(|| secs(60)),
            lifted_at: None,
            over_at: None,
            moderator: by,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_comes_back_as_it_went_in() {
    let world = world().await;
    let (by, on) = (world.moderator("mod").await, world.create("zoe").await.id);
    for kind in [
        SanctionKind::SendRestricted,
        SanctionKind::Suspended,
        SanctionKind::Banned,
    ] {
        let new = world.action(Some(by), on, kind);
        let acted = world.store.act(&new, world.stamp()).await.unwrap();
        assert_eq!(acted.action, new);
        let stored = world.store.actions(on, None, 10).await.unwrap();
        assert!(stored.contains(&new));
        let person = world.store.person(on, NOW).await.unwrap().unwrap();
        assert_eq!(person.sanction(), Some(&new));
        let many = world.store.people(&[by, on], NOW).await.unwrap();
        assert!(many.len() == 2 && many.contains(&person));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_limits_at_once_one_restricts() {
    let world = world().await;
    let on = world.create("zoe").await.id;
    let limits = (0..20).map(|_| {
        let new = world.action(None, on, SanctionKind::SendRestricted);
        let (store, stamp) = (world.store.clone(), world.stamp());
        async move { store.act_automatically(&new, stamp).await.unwrap() }
    });
    let acted = futures_util::future::join_all(limits).await;
    assert_eq!(acted.iter().filter(|one| one.raise.is_some()).count(), 1);
    assert!(acted.iter().all(|one| one.action == acted[0].action));
    let person = world.store.person(on, NOW).await.unwrap().unwrap();
    assert_eq!((person.live().len(), person.account.version), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_person_follow_one_another() {
    let world = world().await;
    let (by, on) = (world.moderator("mod").await, world.create("zoe").await.id);
    let suspensions = (0..10).map(|n| {
        let mut new = world.action(Some(by), on, SanctionKind::Suspended);
        new.end = Some(secs(60 + n));
        let (store, stamp) = (world.store.clone(), world.stamp());
        async move { store.act(&new, stamp).await.unwrap().raise.unwrap() }
    });
    let switches = (0..10).map(|n| {
        let (store, stamp) = (world.store.clone(), world.stamp());
        async move {
            match n % 2 {
                0 => store.deactivate(on, stamp).await,
                _ => store.reactivate(on, stamp).await,
            }
            .unwrap()
        }
    });
    let (raises, _) = tokio::join!(
        futures_util::future::join_all(suspensions),
        futures_util::future::join_all(switches)
    );
    let mut versions: Vec<_> = raises.iter().map(|raise| raise.version).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 10);
    assert!(
        raises
            .iter()
            .all(|raise| raise.effect == Some(Effect::Gone))
    );
    let person = world.store.person(on, NOW).await.unwrap().unwrap();
    assert_eq!(person.live().len(), 10);
    // One version a deed on record, and one for the account itself.
    let deeds = u64::try_from(world.audit(on).await.len()).unwrap();
    assert_eq!(person.account.version, deeds + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_at_its_end_is_settled_once_however_many_there_are() {
    let world = world().await;
    let mut people = Vec::new();
    for n in 0..300 {
        let on = world.create(&format!("zoe{n}")).await.id;
        for kind in [SanctionKind::SendRestricted, SanctionKind::Banned] {
            let mut new = world.action(None, on, kind);
            // Each second person stays gone.
            if kind == SanctionKind::Banned && n % 2 == 0 {
                new.kind = SanctionKind::Suspended;
                new.end = Some(secs(60));
            }
            world
                .store
                .act_automatically(&new, world.stamp())
                .await
                .unwrap();
        }
        people.push(on);
    }
    assert_eq!(world.store.settle(secs(59)).await.unwrap(), 0);
    let (one, two) = tokio::join!(world.store.settle(secs(60)), world.store.settle(secs(60)));
    assert_eq!(one.unwrap() + two.unwrap(), 450);
    assert_eq!(world.store.settle(secs(61)).await.unwrap(), 0);
    for (n, on) in people.into_iter().enumerate() {
        let person = world.store.person(on, secs(60)).await.unwrap().unwrap();
        assert_eq!((person.account.version, person.is_gone()), (4, n % 2 == 1));
        // No clock that goes slow brings back what is over.
        let slow = world.store.person(on, secs(30)).await.unwrap().unwrap();
        assert_eq!(slow, person);
        let told = world.tasks(on).await;
        let returned = told
            .iter()
            .any(|(version, effect)| *version == 4 && effect == "returned");
        assert_eq!(returned, n % 2 == 0, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_that_comes_when_a_suspension_is_over_keeps_them_gone() {
    let world = world().await;
    let (by, on) = (world.moderator("mod").await, world.create("zoe").await.id);
    let suspended = world.action(Some(by), on, SanctionKind::Suspended);
    world.store.act(&suspended, world.stamp()).await.unwrap();
    let stamp = Stamp::new(secs(60), &world.random);
    let banned = world.action(Some(by), on, SanctionKind::Banned);
    let acted = world.store.act(&banned, stamp).await.unwrap();
    assert_eq!(acted.raise.unwrap().effect, Some(Effect::Gone));
    assert_eq!(world.store.settle(secs(61)).await.unwrap(), 1);
    assert!(
        world
            .tasks(on)
            .await
            .iter()
            .all(|(_, effect)| effect == "gone")
    );
    let later = secs(61).plus(Duration::from_secs(1_000_000));
    assert!(
        world
            .store
            .person(on, later)
            .await
            .unwrap()
            .unwrap()
            .is_gone()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_can_be_acted_on_no_more_and_its_actions_end_all_the_same() {
    let world = world().await;
    let (by, on) = (world.moderator("mod").await, world.create("zoe").await.id);
    let suspended = world.action(Some(by), on, SanctionKind::Suspended);
    world.store.act(&suspended, world.stamp()).await.unwrap();
    set_lifecycle(&world, on, "ERASED").await;
    let banned = world.action(Some(by), on, SanctionKind::Banned);
    let refused = world.store.act(&banned, world.stamp()).await;
    assert!(matches!(refused, Err(Error::AccountNotFound)));
    assert_eq!(world.store.settle(secs(60)).await.unwrap(), 1);
    assert_eq!(world.store.settle(secs(61)).await.unwrap(), 0);
    // Nobody returns by that.
    assert_eq!(world.tasks(on).await, [(2, "gone".to_owned())]);
}
