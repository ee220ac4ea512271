//! Who leaves, or is made to, while somebody who must know of it is away: it is answered PENDING,
//! and whoever asks is told when it holds. From then on no message comes from them or to them.

use std::time::Duration;

use postern_proto::{
    graph::v1::ListFriendsRequest,
    identity::v1::{
        CreateSessionRequest, DeactivateAccountRequest, GetActionEnforcementRequest,
        GetEnforcementRequest, SuspendAccountRequest, session_service_client::SessionServiceClient,
    },
    policy::v1::{
        Enforcement::{self, Enforced, Pending},
        RefusalReason::{NotAccepting, SenderRestricted},
    },
};
use postern_shared::clock::Clock;
use tempfile::TempDir;

use super::apart::{Apart, SOON, calling};
use crate::suite::{Home, PASSWORD, Person, Suite, delivered, reason};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Ada, her friends Ben and Cleo, and Mia who moderates.
struct People {
    ada: Person,
    ben: Person,
    cleo: Person,
    mia: Person,
}

/// A data folder with them in it, which nothing uses any more.
async fn people() -> (TempDir, People) {
    let suite = Suite::start_in(Home::on_files(), Clock::system(), &[]).await;
    let people = People {
        ada: suite.person("ada").await,
        ben: suite.person("ben").await,
        cleo: suite.person("cleo").await,
        mia: suite.moderator("mia").await,
    };
    for friend in [&people.ben, &people.cleo] {
        people.ada.befriend(friend).await;
        delivered(friend.send(&people.ada, "hello").await);
    }
    let (home, _) = suite.stop().await;
    (home.folder, people)
}

impl People {
    /// The same, calling identity.
    async fn at_identity(&self, services: &Apart) -> Self {
        let at = async |person: &Person| calling(services.identity(), person.clone()).await;
        Self {
            ada: at(&self.ada).await,
            ben: at(&self.ben).await,
            cleo: at(&self.cleo).await,
            mia: at(&self.mia).await,
        }
    }

    /// Mia suspends Ben.
    async fn suspend(&self) -> Enforcement {
        let ask = self.mia.ask(SuspendAccountRequest {
            person: self.ben.reference(),
            end_time: Some(Clock::system().now().plus(DAY).to_proto()),
            rule: "spam".to_owned(),
            explanation: String::new(),
        });
        let done = self.mia.standing().suspend_account(ask).await.unwrap();
        done.into_inner().enforcement()
    }

    /// Cleo leaves.
    async fn leave(&self) -> Enforcement {
        let ask = self.cleo.ask(DeactivateAccountRequest {});
        let done = self.cleo.accounts().deactivate_account(ask).await.unwrap();
        done.into_inner().enforcement()
    }

    /// What Mia is told of Ben and of Cleo, and they of themselves.
    async fn told(&self) -> [Enforcement; 4] {
        [
            about(&self.mia, &self.ben).await,
            about(&self.mia, &self.cleo).await,
            own(&self.ben).await,
            own(&self.cleo).await,
        ]
    }

    /// Until all are told that it holds.
    async fn until_it_holds(&self) {
        let holds = async { while self.told().await != [Enforced; 4] {} };
        tokio::time::timeout(SOON, holds).await.unwrap();
    }

    /// Nothing comes from Ben or Cleo any more, and nothing to them, with tokens from before.
    async fn are_apart(&self, services: &Apart) {
        for friend in [&self.ben, &self.cleo] {
            let ada = calling(services.messaging(), self.ada.clone()).await;
            let friend = calling(services.messaging(), friend.clone()).await;
            assert_eq!(reason(ada.send(&friend, "there?").await), NotAccepting);
            assert_eq!(reason(friend.send(&ada, "yes").await), SenderRestricted);
        }
    }
}

async fn about(mia: &Person, person: &Person) -> Enforcement {
    let ask = mia.ask(GetActionEnforcementRequest {
        person: person.reference(),
    });
    let told = mia.standing().get_action_enforcement(ask).await.unwrap();
    told.into_inner().enforcement()
}

async fn own(person: &Person) -> Enforcement {
    let ask = person.ask(GetEnforcementRequest {});
    let told = person.accounts().get_enforcement(ask).await.unwrap();
    told.into_inner().enforcement()
}

/// Signs in, as one does whose account is not in use.
async fn signed_in(person: &Person) -> Person {
    let mut sessions = SessionServiceClient::new(person.channel.clone());
    let ask = CreateSessionRequest {
        handle: person.handle.clone(),
        password: PASSWORD.to_owned(),
        device_name: String::new(),
    };
    let opened = sessions.create_session(ask).await.unwrap().into_inner();
    Person {
        token: opened.tokens.unwrap().access_token,
        ..person.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_messaging_is_away_is_told_when_it_holds() {
    let (folder, before) = people().await;
    let mut services = Apart::start(folder).await;
    let people = before.at_identity(&services).await;
    services.stop_messaging().await;
    // Said again it is still no more than that.
    for _ in 0..2 {
        assert_eq!(people.leave().await, Pending);
    }
    assert_eq!(people.suspend().await, Pending);
    let people = People {
        ben: signed_in(&people.ben).await,
        cleo: signed_in(&people.cleo).await,
        ..people
    };
    // Nobody did anything about Cleo.
    let told = people.told().await;
    assert_eq!(told, [Pending, Enforced, Pending, Pending]);
    services.start_messaging().await;
    people.until_it_holds().await;
    before.are_apart(&services).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_not_hold_before_graph_has_heard_of_it_too() {
    let (folder, before) = people().await;
    let mut services = Apart::start(folder).await;
    let people = before.at_identity(&services).await;
    services.stop_graph().await;
    assert_eq!(people.suspend().await, Pending);
    assert_eq!(people.leave().await, Pending);
    let told = people.told().await;
    assert_eq!(told, [Pending, Enforced, Pending, Pending]);
    services.start_graph().await;
    people.until_it_holds().await;
    let ada = calling(services.graph(), before.ada.clone()).await;
    let ask = ada.ask(ListFriendsRequest::default());
    let friends = ada.graph().list_friends(ask).await.unwrap().into_inner();
    assert_eq!(friends.friends, []);
    before.are_apart(&services).await;
}
