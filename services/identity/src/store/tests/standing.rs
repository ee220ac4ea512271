//! What each deed leaves: a record, a version, tasks of the fence, and no more than that.

use postern_shared::{caller::Role, id::UserId};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    Statement,
};
use uuid::Uuid;

use super::{NOW, World, secs, world};
use crate::{
    domain::{AgeBand, BirthDate, SanctionKind},
    error::Error,
    store::entity::audit,
};

impl World {
    /// What was done about a person: by whom, what, and the rest.
    pub async fn audit(&self, of: UserId) -> Vec<(Option<Uuid>, String, String)> {
        let rows = audit::Entity::find()
            .filter(audit::Column::UserId.eq(of.uuid()))
            .order_by_asc(audit::Column::AuditId)
            .all(self.store.db.reader())
            .await
            .unwrap();
        let told = |row: audit::Model| (row.who_id, row.act, row.detail);
        rows.into_iter().map(told).collect()
    }

    /// Versions and effects of what messaging has to be told.
    pub async fn tasks(&self, of: UserId) -> Vec<(i64, String)> {
        let sql = "SELECT version, effect FROM fence_task \
                   WHERE user_id = $1 AND target = 'messaging' ORDER BY version";
        let db = self.store.db.reader();
        let values = [of.uuid().into()];
        let ask = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        let rows = db.query_all_raw(ask).await.unwrap();
        rows.iter()
            .map(|row| {
                let version = row.try_get("", "version").unwrap();
                (version, row.try_get("", "effect").unwrap())
            })
            .collect()
    }

    async fn rows_of_events(&self) -> i64 {
        let db = self.store.db.reader();
        let sql = "SELECT COUNT(*) AS n FROM outbox";
        let ask = Statement::from_sql_and_values(db.get_database_backend(), sql, []);
        let row = db.query_one_raw(ask).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_deed_is_on_record_with_its_version_and_event() {
    let world = world().await;
    let (by, on) = (world.moderator("mod").await, world.create("zoe").await.id);
    let store = &world.store;
    let before = world.rows_of_events().await;
    let suspended = world.action(Some(by), on, SanctionKind::Suspended);
    let limited = world.action(None, on, SanctionKind::SendRestricted);
    store.act(&suspended, world.stamp()).await.unwrap();
    store
        .act_automatically(&limited, world.stamp())
        .await
        .unwrap();
    store
        .lift(by, on, suspended.id, world.stamp())
        .await
        .unwrap();
    store.deactivate(on, world.stamp()).await.unwrap();
    store.reactivate(on, world.stamp()).await.unwrap();
    let effects: Vec<_> = world.tasks(on).await;
    let expected = [
        (2, "gone"),
        (3, "gone"),
        (4, "returned"),
        (5, "gone"),
        (6, "returned"),
    ];
    assert_eq!(
        effects,
        expected.map(|(version, effect)| (version, effect.to_owned()))
    );
    assert_eq!(world.rows_of_events().await, before + 5);
    // Neither a repetition nor a failure leaves anything.
    store
        .lift(by, on, suspended.id, world.stamp())
        .await
        .unwrap();
    store.reactivate(on, world.stamp()).await.unwrap();
    store
        .act_automatically(&limited, world.stamp())
        .await
        .unwrap();
    let protected = world.action(Some(by), by, SanctionKind::Banned);
    let refused = store.act(&protected, world.stamp()).await;
    assert!(matches!(refused, Err(Error::SubjectProtected)));
    assert_eq!(world.rows_of_events().await, before + 5);
    let mut acts: Vec<_> = world.audit(on).await;
    acts.sort_by(|a, b| a.1.cmp(&b.1).then(a.2.cmp(&b.2)));
    let (by, on) = (Some(by.uuid()), Some(on.uuid()));
    let mut expected = [
        (None, "ACT", format!("SEND_RESTRICTED {} spam", limited.id)),
        (by, "ACT", format!("SUSPENDED {} spam", suspended.id)),
        (on, "DEACTIVATE", String::new()),
        (by, "LIFT", suspended.id.to_string()),
        (on, "REACTIVATE", String::new()),
    ]
    .map(|(who, act, detail)| (who, act.to_owned(), detail));
    expected.sort_by(|a, b| a.1.cmp(&b.1).then(a.2.cmp(&b.2)));
    assert_eq!(acts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_given_and_taken_once_each_time_on_record() {
    let world = world().await;
    let zoe = world.create("zoe").await;
    let (id, store) = (zoe.id, &world.store);
    for expected in [true, false] {
        let granted = store.grant(id, Role::Moderator, world.stamp()).await;
        assert_eq!(granted.unwrap(), expected);
    }
    assert!(
        store
            .grant(id, Role::Operator, world.stamp())
            .await
            .unwrap()
    );
    let listed = store.grants(10).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|one| (one.handle.as_str(), one.role))
        .collect();
    assert_eq!(listed, [("zoe", Role::Moderator), ("zoe", Role::Operator)]);
    assert_eq!(store.grants(1).await.unwrap().len(), 1);
    for expected in [true, false] {
        let taken = store.revoke(id, Role::Moderator, world.stamp()).await;
        assert_eq!(taken.unwrap(), expected);
    }
    assert_eq!(store.roles(id).await.unwrap(), [Role::Operator]);
    let mut acts: Vec<_> = world.audit(id).await;
    acts.sort_by(|a, b| a.1.cmp(&b.1).then(a.2.cmp(&b.2)));
    let expected = [
        ("GRANT", "moderator"),
        ("GRANT", "operator"),
        ("REVOKE", "moderator"),
    ];
    let expected = expected.map(|(act, role)| (None, act.to_owned(), role.to_owned()));
    assert_eq!(acts, expected);
    // Nothing that others count on changed.
    let person = store.person(id, NOW).await.unwrap().unwrap();
    assert_eq!(person.account, zoe);
    let nobody = UserId::random(&world.random);
    let granted = store.grant(nobody, Role::Moderator, world.stamp()).await;
    assert!(matches!(granted, Err(Error::AccountNotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_birth_date_is_a_new_version_that_narrows() {
    let world = world().await;
    let zoe = world.create("zoe").await;
    let born = BirthDate::from_text("2012-05-06").unwrap();
    for expected in [true, false] {
        let corrected = world
            .store
            .correct_birth_date(zoe.id, born, world.stamp())
            .await;
        assert_eq!(corrected.unwrap(), expected);
    }
    let person = world.store.person(zoe.id, secs(1)).await.unwrap().unwrap();
    let after = person.account;
    assert_eq!(
        (after.birth_date, after.band_at_creation),
        (born, AgeBand::Under16)
    );
    assert_eq!((after.version, after.revision), (2, 2));
    assert_eq!(world.tasks(zoe.id).await, [(2, "none".to_owned())]);
    let expected = "1990-02-03 2012-05-06".to_owned();
    let acts = world.audit(zoe.id).await;
    assert_eq!(acts, [(None, "CORRECT_BIRTH_DATE".to_owned(), expected)]);
}
