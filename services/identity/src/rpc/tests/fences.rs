//! Keepers of fences that a test looks into, and how changes of standing reach them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    identity::v1::{
        GetActionEnforcementRequest, GetEnforcementRequest,
        account_service_server::AccountService as _, standing_service_server::StandingService as _,
    },
    policy::v1::{
        Enforcement, PolicyOwner, RaiseRequest, RaiseResponse, SetPresenceRequest,
        SetPresenceResponse,
        effect::Effect,
        fence_service_server::{FenceService, FenceServiceServer},
        presence_service_server::{PresenceService, PresenceServiceServer},
    },
};
use postern_shared::{
    caller::ServiceName,
    error::status,
    peer::{Means, Peer},
};
use tonic::{Code, Request, Response, Status, async_trait};
use tower::util::BoxCloneSyncService;

use super::{
    Someone, World, expect, expect_fields, local,
    moderation::{NOBODY, RESTRICTED, SUSPENDED},
    world,
};

const PENDING: Enforcement = Enforcement::Pending;
const ENFORCED: Enforcement = Enforcement::Enforced;

/// What is told of somebody with a raise: their version, and whether they are gone or back.
pub type Told = (String, u64, &'static str);

/// Keeps what it is told.
#[derive(Debug, Default)]
pub struct Keeper {
    told: Mutex<Vec<Told>>,
    pub down: AtomicBool,
}

impl Keeper {
    pub fn peer(self: &Arc<Self>, name: ServiceName, means: &Means) -> Peer {
        let this = Arc::clone(self);
        let server = match name {
            ServiceName::Graph => BoxCloneSyncService::new(PresenceServiceServer::from_arc(this)),
            _ => BoxCloneSyncService::new(FenceServiceServer::from_arc(this)),
        };
        local(name, server, means)
    }

    fn keep(&self, told: Told) -> Result<(), Status> {
        if self.down.load(Ordering::SeqCst) {
            return Err(status(Code::Internal, ErrorReason::Internal, "broken"));
        }
        self.told.lock().unwrap().push(told);
        Ok(())
    }

    /// What was told since this was last asked.
    pub fn told(&self) -> Vec<Told> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

#[async_trait]
impl FenceService for Keeper {
    async fn raise(
        &self,
        request: Request<RaiseRequest>,
    ) -> Result<Response<RaiseResponse>, Status> {
        let raise = request.into_inner();
        assert_eq!(raise.owner(), PolicyOwner::Identity);
        let effect = match raise.effect.map(|effect| effect.effect.unwrap()) {
            None => "",
            Some(Effect::Gone(_)) => "gone",
            Some(Effect::Returned(_)) => "returned",
            Some(other) => panic!("{other:?} is graph's"),
        };
        self.keep((raise.user_id, raise.version, effect))?;
        Ok(Response::new(RaiseResponse {}))
    }
}

#[async_trait]
impl PresenceService for Keeper {
    async fn set_presence(
        &self,
        request: Request<SetPresenceRequest>,
    ) -> Result<Response<SetPresenceResponse>, Status> {
        let heard = request.into_inner();
        let effect = if heard.gone { "gone" } else { "returned" };
        self.keep((heard.user_id, heard.version, effect))?;
        Ok(Response::new(SetPresenceResponse {}))
    }
}

impl World {
    /// What people are told of their own changes.
    async fn own_changes(&self, me: &Someone) -> Enforcement {
        let ask = me.asks(GetEnforcementRequest {});
        let told = self.rpc.get_enforcement(ask).await.unwrap();
        told.into_inner().enforcement()
    }

    /// What moderators are told of what was done about a person.
    async fn actions_about(&self, me: &Someone, on: &str) -> Result<Enforcement, Status> {
        let ask = GetActionEnforcementRequest {
            person: Some(PersonRef {
                person: Some(Person::UserId(on.to_owned())),
            }),
        };
        let told = self.rpc.get_action_enforcement(me.asks(ask)).await?;
        Ok(told.into_inner().enforcement())
    }

    /// Both: of the person's own changes, and of what was done about them.
    async fn told_of(&self, mod_: &Someone, on: &Someone) -> [Enforcement; 2] {
        let actions = self.actions_about(mod_, &on.id).await.unwrap();
        [self.own_changes(on).await, actions]
    }

    fn go(&self, down: bool) {
        for keeper in [&self.messaging, &self.hiding] {
            keeper.down.store(down, Ordering::SeqCst);
        }
    }

    /// Nothing happens at the same moment as what was before.
    fn later(&self) {
        self.clock.advance(Duration::from_millis(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_now_is_pending_and_told_later() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    for down in [&world.messaging, &world.hiding] {
        down.down.store(true, Ordering::SeqCst);
        let (_, enforcement) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
        assert_eq!(enforcement, PENDING);
        // What was done before is no younger than what is on its way.
        let (_, again) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
        assert_eq!(again, PENDING);
        world.rpc.fences.relay().await;
        assert_eq!(down.told(), []);
        // One of those who must hear of it is not enough.
        assert_eq!(world.told_of(&mod_, &zoe).await, [PENDING; 2]);
        down.down.store(false, Ordering::SeqCst);
        world.rpc.fences.relay().await;
        assert_eq!(world.told_of(&mod_, &zoe).await, [ENFORCED; 2]);
        let (_, again) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
        assert_eq!(again, ENFORCED);
        let version = world.version(&zoe).await;
        let gone = vec![(zoe.id.clone(), version, "gone")];
        assert_eq!(world.messaging.told(), gone);
        assert_eq!(world.hiding.told(), gone);
        world.lift_all(&mod_, &zoe).await;
        let returned = vec![(zoe.id.clone(), version + 1, "returned")];
        assert_eq!(world.messaging.told(), returned);
        assert_eq!(world.hiding.told(), returned);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_is_told_when_it_holds_and_moderators_nothing_of_it() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let other = world.someone("max").await;
    assert_eq!(world.told_of(&mod_, &zoe).await, [ENFORCED; 2]);
    world.act(&mod_, &zoe, RESTRICTED).await.unwrap();
    world.go(true);
    world.later();
    world.deactivate(&zoe).await;
    world.rpc.fences.relay().await;
    assert_eq!(world.told_of(&mod_, &zoe).await, [PENDING, ENFORCED]);
    // Not by asking for the same again either.
    let (_, again) = world.act(&mod_, &zoe, RESTRICTED).await.unwrap();
    assert_eq!(again, ENFORCED);
    // Coming back is on its way as well; others are not concerned.
    world.later();
    world.reactivate(&zoe).await;
    assert_eq!(world.told_of(&mod_, &zoe).await, [PENDING, ENFORCED]);
    assert_eq!(world.told_of(&mod_, &other).await, [ENFORCED; 2]);
    world.go(false);
    world.rpc.fences.relay().await;
    assert_eq!(world.told_of(&mod_, &zoe).await, [ENFORCED; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn moderators_are_told_of_every_action_taken_lifted_and_over() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let arrive = async || {
        world.go(false);
        world.rpc.fences.relay().await;
        assert_eq!(world.told_of(&mod_, &zoe).await, [ENFORCED; 2]);
        world.go(true);
        world.later();
    };
    arrive().await;
    world.act(&mod_, &zoe, RESTRICTED).await.unwrap();
    assert_eq!(world.told_of(&mod_, &zoe).await, [PENDING; 2]);
    arrive().await;
    world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    arrive().await;
    world.lift_all(&mod_, &zoe).await;
    assert_eq!(world.told_of(&mod_, &zoe).await, [PENDING; 2]);
    arrive().await;
    world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
    arrive().await;
    world.clock.advance(Duration::from_secs(60 * 60));
    assert_eq!(world.settle().await, 1);
    assert_eq!(world.told_of(&mod_, &zoe).await, [PENDING; 2]);
    arrive().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_moderators_are_told_of_others() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    let nobody = world.actions_about(&mod_, NOBODY).await;
    expect(nobody, Code::NotFound, ErrorReason::AccountNotFound);
    let wrong = world.actions_about(&mod_, "x").await;
    expect_fields(wrong, &["person.user_id"]);
    let nothing = mod_.asks(GetActionEnforcementRequest::default());
    let nothing = world.rpc.get_action_enforcement(nothing).await;
    expect_fields(nothing, &["person"]);
    // Whatever the token says: who has the role at this moment counts.
    for on in [&*mod_.id, &*zoe.id, NOBODY] {
        let asked = world.actions_about(&zoe, on).await;
        let (code, reason) = (Code::PermissionDenied, ErrorReason::CallerNotAllowed);
        expect(asked, code, reason);
    }
}
