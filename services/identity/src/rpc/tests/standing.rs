//! GetStanding, BatchGetStanding.

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    identity::v1::{
        BatchGetStandingRequest, GetStandingRequest, Standing,
        account_service_server::AccountService as _,
        standing_facts_service_server::StandingFactsService as _,
    },
    policy::v1::{AccountKind, AgeBand, Lifecycle},
};
use tonic::{Code, Status};

use super::{World, anyone, expect, expect_fields, registration, world};

const NOBODY: &str = "9b2d3f6e-0c4e-4a8e-9a43-1f2d3c4b5a69";

impl World {
    pub async fn standing(&self, person: Person, min_version: u64) -> Result<Standing, Status> {
        let ask = GetStandingRequest {
            person: Some(PersonRef {
                person: Some(person),
            }),
            min_version,
        };
        let answered = self.rpc.get_standing(anyone(ask)).await;
        answered.map(|answer| answer.into_inner().standing.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_birthday_moves_the_present_band_alone() {
    let world = world().await;
    let mut ask = registration("zoe");
    // 16 on the day after the start.
    ask.birth_date = "2010-11-24".to_owned();
    let answered = world.rpc.create_account(anyone(ask)).await.unwrap();
    let id = answered.into_inner().account.unwrap().user_id;
    let before = world.standing(Person::UserId(id.clone()), 0).await.unwrap();
    assert_eq!(before.lifecycle(), Lifecycle::Active);
    assert_eq!(before.kind(), AccountKind::Personal);
    assert_eq!(before.age_band(), AgeBand::Under16);
    assert_eq!((before.sanction, before.version), (None, 1));
    assert_eq!(before.create_time.unwrap().seconds, 1_795_392_000);
    world.clock.advance(Duration::from_secs(24 * 60 * 60));
    let after = world
        .standing(Person::Handle("zoe".to_owned()), 1)
        .await
        .unwrap();
    assert_eq!(after.user_id, id);
    assert_eq!(after.age_band(), AgeBand::AgeBand16To17);
    assert_eq!(after.age_band_at_creation(), AgeBand::Under16);
    assert_eq!(after.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told() {
    let world = world().await;
    let zoe = world.create("zoe").await.user_id;
    let newer = world.standing(Person::UserId(zoe), 2).await;
    expect(newer, Code::Aborted, ErrorReason::Contention);
    for unknown in [
        Person::UserId(NOBODY.to_owned()),
        Person::Handle("nobody".to_owned()),
    ] {
        let answered = world.standing(unknown, 0).await;
        expect(answered, Code::NotFound, ErrorReason::AccountNotFound);
    }
    let unnamed = world
        .rpc
        .get_standing(anyone(GetStandingRequest::default()))
        .await;
    expect_fields(unnamed, &["person"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_keeps_its_order_and_leaves_out_who_does_not_exist() {
    let world = world().await;
    let (zoe, max) = (
        world.create("zoe").await.user_id,
        world.create("max").await.user_id,
    );
    let user_ids = vec![max.clone(), NOBODY.to_owned(), zoe.clone(), max.clone()];
    let ask = BatchGetStandingRequest { user_ids };
    let answered = world
        .rpc
        .batch_get_standing(anyone(ask))
        .await
        .unwrap()
        .into_inner();
    let ids: Vec<_> = answered
        .standings
        .iter()
        .map(|s| s.user_id.clone())
        .collect();
    assert_eq!(ids, [max, zoe]);
    let none = anyone(BatchGetStandingRequest::default());
    expect_fields(world.rpc.batch_get_standing(none).await, &["user_ids"]);
}
