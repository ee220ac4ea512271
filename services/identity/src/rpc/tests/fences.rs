//! Keepers of fences that a test looks into, and how changes of standing reach them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use postern_proto::{
    common::v1::ErrorReason,
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

use super::{local, moderation::SUSPENDED, world};

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

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_now_is_pending_and_told_later() {
    let world = world().await;
    let (mod_, zoe) = (world.moderator("mod").await, world.someone("zoe").await);
    for down in [&world.messaging, &world.hiding] {
        down.down.store(true, Ordering::SeqCst);
        let (_, enforcement) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
        assert_eq!(enforcement, Enforcement::Pending);
        // What was done before is no younger than what is on its way.
        let (_, again) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
        assert_eq!(again, Enforcement::Pending);
        world.rpc.fences.relay().await;
        assert_eq!(down.told(), []);
        down.down.store(false, Ordering::SeqCst);
        world.rpc.fences.relay().await;
        let (_, again) = world.act(&mod_, &zoe, SUSPENDED).await.unwrap();
        assert_eq!(again, Enforcement::Enforced);
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
