//! What moderators do, and what people see of it.

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PageRequest, PersonRef, person_ref::Person},
    identity::v1::{
        Action, BanAccountRequest, GetMyStandingRequest, GetMyStandingResponse, LiftActionRequest,
        ListActionsRequest, ListActionsResponse, RestrictAutomaticallyRequest,
        RestrictMessagingRequest, Sanction, SuspendAccountRequest,
        standing_facts_service_server::StandingFactsService as _,
        standing_service_server::StandingService as _,
    },
    policy::v1::{Enforcement, Lifecycle, SanctionKind},
};
use postern_shared::{caller::Role, clock::Timestamp};
use prost_types::Timestamp as WireTimestamp;
use tonic::{Code, Response, Status};

use super::{START, Someone, World, anyone, expect, expect_fields, world};
use crate::store::Stamp;

const HOUR: Duration = Duration::from_secs(60 * 60);
pub const NOBODY: &str = "9b2d3f6e-0c4e-4a8e-9a43-1f2d3c4b5a69";

/// A kind, and for how many hours.
pub type What = (SanctionKind, u32);
pub const RESTRICTED: What = (SanctionKind::SendRestricted, 2);
pub const SUSPENDED: What = (SanctionKind::Suspended, 1);
pub const BANNED: What = (SanctionKind::Banned, 0);

fn named(id: &str) -> Option<PersonRef> {
    let person = Some(Person::UserId(id.to_owned()));
    Some(PersonRef { person })
}

fn after(hours: u32) -> WireTimestamp {
    START.plus(HOUR * hours).to_proto()
}

impl World {
    pub async fn give(&self, who: &Someone, role: Role) {
        let stamp = Stamp::new(self.clock.now(), &self.rpc.random);
        let granted = self.rpc.store.grant(who.id.parse().unwrap(), role, stamp);
        assert!(granted.await.unwrap());
    }

    pub async fn moderator(&self, handle: &str) -> Someone {
        let someone = self.someone(handle).await;
        self.give(&someone, Role::Moderator).await;
        someone
    }

    /// Until so many hours after the start.
    pub async fn act(
        &self,
        me: &Someone,
        on: &Someone,
        (kind, hours): What,
    ) -> Result<(Action, Enforcement), Status> {
        let (rule, explanation) = ("spam".to_owned(), "Links to strangers".to_owned());
        let (person, end_time) = (named(&on.id), Some(after(hours)));
        match kind {
            SanctionKind::SendRestricted => {
                let ask = RestrictMessagingRequest {
                    person,
                    end_time,
                    rule,
                    explanation,
                };
                let done = self
                    .rpc
                    .restrict_messaging(me.asks(ask))
                    .await?
                    .into_inner();
                let enforcement = done.enforcement();
                Ok((done.action.unwrap(), enforcement))
            }
            SanctionKind::Suspended => {
                let ask = SuspendAccountRequest {
                    person,
                    end_time,
                    rule,
                    explanation,
                };
                let done = self.rpc.suspend_account(me.asks(ask)).await?.into_inner();
                let enforcement = done.enforcement();
                Ok((done.action.unwrap(), enforcement))
            }
            SanctionKind::Banned | SanctionKind::Unspecified => {
                let ask = BanAccountRequest {
                    person,
                    rule,
                    explanation,
                };
                let done = self.rpc.ban_account(me.asks(ask)).await?.into_inner();
                let enforcement = done.enforcement();
                Ok((done.action.unwrap(), enforcement))
            }
        }
    }

    pub async fn lift(&self, me: &Someone, on: &str, id: &str) -> Result<Action, Status> {
        let ask = LiftActionRequest {
            person: named(on),
            action_id: id.to_owned(),
        };
        let answered = self.rpc.lift_action(me.asks(ask)).await;
        answered.map(|done| done.into_inner().action.unwrap())
    }

    pub async fn list_actions(
        &self,
        me: &Someone,
        on: &str,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListActionsResponse, Status> {
        let page = PageRequest {
            page_size,
            page_token: page_token.to_owned(),
        };
        let ask = ListActionsRequest {
            person: named(on),
            page: Some(page),
        };
        let answered = self.rpc.list_actions(me.asks(ask)).await;
        answered.map(Response::into_inner)
    }

    pub async fn lift_all(&self, me: &Someone, on: &Someone) {
        let listed = self.list_actions(me, &on.id, 0, "").await.unwrap();
        for action in listed.actions.iter().filter(|action| action.live) {
            self.lift(me, &on.id, &action.action_id).await.unwrap();
        }
    }

    pub async fn mine(&self, me: &Someone) -> GetMyStandingResponse {
        let asked = self.rpc.get_my_standing(me.asks(GetMyStandingRequest {}));
        asked.await.unwrap().into_inner()
    }

    /// What counts, as the other services are told.
    async fn sanction(&self, of: &Someone) -> Option<Sanction> {
        let told = self.standing(Person::UserId(of.id.clone()), 0).await;
        told.unwrap().sanction
    }

    pub async fn version(&self, of: &Someone) -> u64 {
        let told = self.standing(Person::UserId(of.id.clone()), 0).await;
        told.unwrap().version
    }

    pub async fn settle(&self) -> u64 {
        self.rpc.store.settle(self.clock.now()).await.unwrap()
    }

    async fn limit(&self, on: &str, hours: u32, rule: &str) -> Result<Sanction, Status> {
        let ask = RestrictAutomaticallyRequest {
            user_id: on.to_owned(),
            end_time: Some(after(hours)),
            rule: rule.to_owned(),
            explanation: "Too many strangers".to_owned(),
        };
        let answered = self.rpc.restrict_automatically(anyone(ask)).await;
        answered.map(|done| done.into_inner().sanction.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_is_told_to_all_who_must_know_and_no_more() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let (action, enforcement) = world.act(&mod_, &zoe, RESTRICTED).await.unwrap();
    assert_eq!(enforcement, Enforcement::Enforced);
    assert_eq!((&action.user_id, &action.moderator_id), (&zoe.id, &mod_.id));
    assert_eq!(
        (action.start_time, action.end_time),
        (Some(START.to_proto()), Some(after(2)))
    );
    assert!(action.live && !action.automatic && action.lift_time.is_none());
    assert_eq!(
        (&*action.rule, &*action.explanation),
        ("spam", "Links to strangers")
    );
    // To keep from sending hides nobody.
    assert_eq!(world.messaging.told(), [(zoe.id.clone(), 2, "")]);
    assert_eq!(world.hiding.told(), []);
    let mine = world.mine(&zoe).await;
    assert_eq!(mine.lifecycle(), Lifecycle::Active);
    assert_eq!(mine.roles, Vec::<String>::new());
    assert_eq!(
        mine.actions,
        [Action {
            moderator_id: String::new(),
            ..action.clone()
        }]
    );
    let listed = world.list_actions(&mod_, &zoe.id, 0, "").await.unwrap();
    assert_eq!(listed.actions, [action]);
    assert_eq!(world.mine(&mod_).await.roles, ["moderator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_severest_in_force_counts_until_its_time_is_over_or_it_is_lifted() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let told = |(kind, hours): What| {
        Some(Sanction {
            kind: kind.into(),
            end_time: (kind != SanctionKind::Banned).then(|| after(hours)),
        })
    };
    assert_eq!(world.sanction(&zoe).await, None);
    for what in [RESTRICTED, SUSPENDED, BANNED] {
        world.act(&mod_, &zoe, what).await.unwrap();
        assert_eq!(world.sanction(&zoe).await, told(what));
    }
    let kinds: Vec<_> = world
        .mine(&zoe)
        .await
        .actions
        .iter()
        .map(Action::kind)
        .collect();
    assert_eq!(kinds, [BANNED.0, SUSPENDED.0, RESTRICTED.0]);
    assert_eq!(world.version(&zoe).await, 4);
    world.messaging.told();
    let ban = world.mine(&zoe).await.actions[0].action_id.clone();
    let lifted = world.lift(&mod_, &zoe.id, &ban).await.unwrap();
    assert!(!lifted.live && lifted.lift_time == Some(START.to_proto()));
    assert_eq!(world.sanction(&zoe).await, told(SUSPENDED));
    // The suspension still hides her: nobody is told that she is back.
    assert_eq!(
        (world.version(&zoe).await, world.messaging.told()),
        (5, vec![])
    );
    let again = world.lift(&mod_, &zoe.id, &ban).await.unwrap();
    assert_eq!((again, world.version(&zoe).await), (lifted, 5));

    world.clock.advance(HOUR);
    assert_eq!(world.sanction(&zoe).await, told(RESTRICTED));
    assert_eq!(
        (world.version(&zoe).await, world.messaging.told()),
        (5, vec![])
    );
    assert_eq!(world.settle().await, 1);
    world.rpc.fences.relay().await;
    let back = [(zoe.id.clone(), 6, "returned")];
    assert_eq!(world.messaging.told(), back);
    assert_eq!(world.hiding.told().last(), back.last());
    world.clock.advance(HOUR);
    assert_eq!(world.sanction(&zoe).await, None);
    assert_eq!((world.settle().await, world.settle().await), (1, 0));
    world.rpc.fences.relay().await;
    assert_eq!(
        (world.version(&zoe).await, world.messaging.told()),
        (7, vec![])
    );
    let listed = world.list_actions(&mod_, &zoe.id, 0, "").await.unwrap();
    assert!(listed.actions.len() == 3 && listed.actions.iter().all(|action| !action.live));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_words_again_change_nothing() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let other = world.moderator("other").await;
    let (first, _) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    let (again, _) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    assert_eq!((&again, world.version(&zoe).await), (&first, 2));
    let (theirs, _) = world.act(&other, &zoe, SUSPENDED).await.unwrap();
    assert_ne!(theirs.action_id, first.action_id);
    world.lift(&mod_, &zoe.id, &first.action_id).await.unwrap();
    let (anew, _) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    assert_ne!(anew.action_id, first.action_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_act_on_whom() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let op = world.someone("op").await;
    world.give(&op, Role::Operator).await;
    let (action, _) = world.act(&mod_, &zoe, RESTRICTED).await.unwrap();
    let denied = Code::PermissionDenied;
    for protected in [&mod_, &op] {
        for what in [RESTRICTED, SUSPENDED, BANNED] {
            let answered = world.act(&mod_, protected, what).await;
            expect(answered, denied, ErrorReason::SubjectProtected);
        }
        let lifted = world.lift(&mod_, &protected.id, &action.action_id).await;
        expect(lifted, denied, ErrorReason::SubjectProtected);
    }
    let ghost = Someone {
        id: NOBODY.to_owned(),
        session: zoe.session.clone(),
    };
    let (not_found, no_account) = (Code::NotFound, ErrorReason::AccountNotFound);
    expect(
        world.act(&mod_, &ghost, BANNED).await,
        not_found,
        no_account,
    );
    expect(
        world.lift(&mod_, NOBODY, &action.action_id).await,
        not_found,
        no_account,
    );
    expect(
        world.list_actions(&mod_, NOBODY, 0, "").await,
        not_found,
        no_account,
    );
    let unknown = world.lift(&mod_, &zoe.id, NOBODY).await;
    expect(unknown, not_found, ErrorReason::ActionNotFound);
    // Whatever the token says: who has the role at this moment counts.
    for nobody in [&zoe, &op] {
        let acted = world.act(nobody, &zoe, BANNED).await;
        expect(acted, denied, ErrorReason::CallerNotAllowed);
        let lifted = world.lift(nobody, NOBODY, &action.action_id).await;
        expect(lifted, denied, ErrorReason::CallerNotAllowed);
        let listed = world.list_actions(nobody, NOBODY, 0, "").await;
        expect(listed, denied, ErrorReason::CallerNotAllowed);
    }
    world.deactivate(&mod_).await;
    let acted = world.act(&mod_, &zoe, BANNED).await;
    expect(acted, denied, ErrorReason::AccountRestricted);
    assert_eq!(world.mine(&zoe).await.actions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    let world = world().await;
    let mod_ = world.moderator("mod").await;
    let suspend = |end_time: Option<WireTimestamp>| {
        let ask = SuspendAccountRequest {
            person: named("x"),
            end_time,
            rule: "two words".to_owned(),
            explanation: "x".repeat(501),
        };
        world.rpc.suspend_account(mod_.asks(ask))
    };
    let fields = ["person.user_id", "end_time", "rule", "explanation"];
    let far = START.plus(Duration::from_secs(3_653 * 24 * 60 * 60));
    let later = |millis: u64| far.plus(Duration::from_millis(millis)).to_proto();
    for end in [
        None,
        Some(START.to_proto()),
        Some(later(1)),
        Some(WireTimestamp {
            seconds: i64::MAX,
            nanos: 0,
        }),
        Some(WireTimestamp {
            seconds: i64::MIN,
            nanos: 0,
        }),
        Some(WireTimestamp {
            nanos: -1,
            ..later(0)
        }),
        Some(WireTimestamp {
            nanos: 1_000_000_000,
            ..later(0)
        }),
    ] {
        expect_fields(suspend(end).await, &fields);
    }
    let right = suspend(Some(later(0))).await;
    expect_fields(right, &["person.user_id", "rule", "explanation"]);
    let nothing = world
        .rpc
        .ban_account(mod_.asks(BanAccountRequest::default()));
    expect_fields(nothing.await, &["person", "rule"]);
    let nothing = RestrictMessagingRequest::default();
    let nothing = world.rpc.restrict_messaging(mod_.asks(nothing));
    expect_fields(nothing.await, &["person", "end_time", "rule"]);
    expect_fields(
        world.lift(&mod_, "x", "y").await,
        &["person.user_id", "action_id"],
    );
    let nothing = RestrictAutomaticallyRequest::default();
    let nothing = world.rpc.restrict_automatically(anyone(nothing));
    expect_fields(nothing.await, &["user_id", "end_time", "rule"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn actions_are_listed_in_pages_newest_first() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let mut taken = Vec::new();
    for hours in 1..=3 {
        world.clock.advance(Duration::from_millis(1));
        let (action, _) = world.act(&mod_, &zoe, (RESTRICTED.0, hours)).await.unwrap();
        taken.insert(0, action);
    }
    let first = world.list_actions(&mod_, &zoe.id, 2, "").await.unwrap();
    let token = first.page.unwrap().next_page_token;
    let second = world.list_actions(&mod_, &zoe.id, 2, &token).await.unwrap();
    assert_eq!(second.page.unwrap().next_page_token, "");
    let listed: Vec<_> = first.actions.into_iter().chain(second.actions).collect();
    assert_eq!(listed, taken);
    let (code, reason) = (Code::InvalidArgument, ErrorReason::InvalidPageToken);
    let other = world.someone("max").await;
    expect(
        world.list_actions(&mod_, &other.id, 2, &token).await,
        code,
        reason,
    );
    let negative = world.list_actions(&mod_, &zoe.id, -1, "").await;
    expect_fields(negative, &["page.page_size"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_restricts_once_and_shortens_nothing() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let first = world.limit(&zoe.id, 2, "strangers").await.unwrap();
    assert_eq!(
        (first.kind(), first.end_time),
        (RESTRICTED.0, Some(after(2)))
    );
    assert_eq!(world.messaging.told(), [(zoe.id.clone(), 2, "")]);
    // While it is in force neither a shorter nor a longer one of the same rule is made.
    for hours in [1, 3] {
        let again = world.limit(&zoe.id, hours, "strangers").await.unwrap();
        assert_eq!((again, world.version(&zoe).await), (first, 2));
    }
    assert_eq!(world.messaging.told(), []);
    let mine = world.mine(&zoe).await.actions;
    assert!(mine.len() == 1 && mine[0].automatic && mine[0].moderator_id.is_empty());
    // Neither another rule nor a moderator is in its way.
    let other = world.limit(&zoe.id, 1, "links").await.unwrap();
    assert_eq!(other.end_time, Some(after(1)));
    assert_eq!(world.sanction(&zoe).await, Some(first));
    let (ours, _) = world.act(&mod_, &zoe, (RESTRICTED.0, 1)).await.unwrap();
    assert_eq!(ours.end_time, Some(after(1)));
    world.clock.advance(HOUR * 2);
    assert_eq!(world.sanction(&zoe).await, None);
    let anew = world.limit(&zoe.id, 3, "strangers").await.unwrap();
    assert_eq!(anew.end_time, Some(after(3)));
    let nobody = world.limit(NOBODY, 3, "strangers").await;
    expect(nobody, Code::NotFound, ErrorReason::AccountNotFound);
    let past = world.limit(&zoe.id, 2, "strangers").await;
    expect_fields(past, &["end_time"]);
    let far = world.limit(&zoe.id, 30 * 24 + 3, "strangers").await;
    expect_fields(far, &["end_time"]);
    let present: Timestamp = world.clock.now();
    assert_eq!(present, START.plus(HOUR * 2));
}
