//! What the services tell of what people do: each act once, by ids alone, to nobody's harm.

use std::{sync::Arc, time::Duration};

use postern_proto::{
    event::v1::{Event, event::Body},
    messaging::v1::{AcceptRequestRequest, DeclineRequestRequest},
    policy::v1::WhoCanMessage,
};
use postern_shared::run::Service;
use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use tokio::{sync::broadcast::Receiver, time::timeout};

use crate::suite::{Home, Person, Suite, delivered};

/// More than a slow machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is heard from now on.
struct Ear(Receiver<Arc<Event>>);

impl Ear {
    fn open(suite: &Suite) -> Self {
        Self(suite.running.events())
    }

    async fn next(&mut self) -> Arc<Event> {
        timeout(PATIENCE, self.0.recv()).await.unwrap().unwrap()
    }

    /// The next event; its name, aggregate, version and actor must be these.
    async fn expect(
        &mut self,
        name: &str,
        aggregate: &str,
        version: u64,
        actor: &Person,
    ) -> Arc<Event> {
        let event = self.next().await;
        assert_eq!(event.name, name, "{event:?}");
        assert_eq!(event.aggregate_id, aggregate, "{event:?}");
        assert_eq!(event.version, version, "{event:?}");
        assert_eq!(event.actor_id, actor.id.to_string(), "{event:?}");
        event
    }

    /// What somebody said about a pair.
    async fn relationship(&mut self, user: &Person, version: u64, peer: &Person) {
        let me = user.id.to_string();
        let event = self
            .expect("relationship.changed", &me, version, user)
            .await;
        let Some(Body::RelationshipChanged(changed)) = &event.body else {
            panic!("{event:?}")
        };
        assert_eq!(
            (&changed.user_id, &changed.peer_id),
            (&me, &peer.id.to_string())
        );
    }
}

async fn someone(suite: &Suite, ear: &mut Ear, handle: &str) -> Person {
    let person = suite.person(handle).await;
    let me = person.id.to_string();
    let event = ear
        .expect("account.standing_changed", &me, 1, &person)
        .await;
    assert!(matches!(&event.body, Some(Body::AccountStandingChanged(a)) if a.user_id == me));
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn every_act_is_told_of_once() {
    let suite = Suite::start().await;
    let mut ear = Ear::open(&suite);
    let ada = someone(&suite, &mut ear, "ada").await;
    let ben = someone(&suite, &mut ear, "ben").await;
    ada.let_write(WhoCanMessage::Everyone).await;
    // The same again changes nothing and is not told of: what comes next is something else.
    ada.let_write(WhoCanMessage::Everyone).await;
    let event = ear
        .expect("settings.changed", &ada.id.to_string(), 1, &ada)
        .await;
    assert!(matches!(&event.body, Some(Body::SettingsChanged(_))));

    let sent = delivered(ben.send(&ada, "hello").await).message.unwrap();
    let conversation = sent.conversation_id;
    // Two kinds of one conversation: which of them comes first is nobody's business.
    let mut both = [ear.next().await, ear.next().await];
    both.sort_by(|one, other| one.name.cmp(&other.name));
    let [message, request] = &both;
    let Some(Body::MessageCreated(created)) = &message.body else {
        panic!("{message:?}")
    };
    assert_eq!((&created.conversation_id, created.seq), (&conversation, 1));
    assert_eq!(message.version, 1);
    let Some(Body::RequestCreated(created)) = &request.body else {
        panic!("{request:?}")
    };
    assert_eq!(created.sender_id, ben.id.to_string());
    let asked = request.version;

    let ask = ada.ask(AcceptRequestRequest {
        conversation_id: conversation.clone(),
    });
    ada.requests().accept_request(ask).await.unwrap();
    let event = ear.next().await;
    let Some(Body::RequestAccepted(accepted)) = &event.body else {
        panic!("{event:?}")
    };
    assert_eq!(accepted.recipient_id, ada.id.to_string());
    assert!(event.version > asked);
    ada.send(&ben, "hello").await;
    ear.expect("message.created", &conversation, 2, &ada).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_is_one_event_of_the_one_who_blocks_and_looks_like_any_other() {
    let suite = Suite::start().await;
    let mut ear = Ear::open(&suite);
    let ada = someone(&suite, &mut ear, "ada").await;
    let ben = someone(&suite, &mut ear, "ben").await;
    ada.follow(&ben).await;
    ear.relationship(&ada, 1, &ben).await;
    ben.follow(&ada).await;
    ear.relationship(&ben, 1, &ada).await;
    ben.follow(&ada).await;
    // It ends the follows of both; Ben hears of nothing.
    ada.block(&ben).await;
    ear.relationship(&ada, 2, &ben).await;
    ada.block(&ben).await;
    ada.unblock(&ben).await;
    ear.relationship(&ada, 3, &ben).await;
    ben.follow(&ada).await;
    ear.relationship(&ben, 2, &ada).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_declined_is_not_told_of() {
    let suite = Suite::start().await;
    let mut ear = Ear::open(&suite);
    let ada = someone(&suite, &mut ear, "ada").await;
    let ben = someone(&suite, &mut ear, "ben").await;
    // Friends only: refused.
    ben.send(&ada, "no").await;
    ada.let_write(WhoCanMessage::Everyone).await;
    ear.expect("settings.changed", &ada.id.to_string(), 1, &ada)
        .await;
    let sent = ben.send_as(&ada, "once", "yes").await.unwrap();
    let conversation = delivered(sent).message.unwrap().conversation_id;
    let mut names = [ear.next().await.name.clone(), ear.next().await.name.clone()];
    names.sort();
    assert_eq!(names, ["message.created", "request.created"]);
    // The same id again, and a decline.
    ben.send_as(&ada, "once", "yes").await.unwrap();
    let ask = ada.ask(DeclineRequestRequest {
        conversation_id: conversation.clone(),
        block: false,
    });
    ada.requests().decline_request(ask).await.unwrap();
    ada.follow(&ben).await;
    ear.relationship(&ada, 1, &ben).await;
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_leaves_the_next_one_tells() {
    let suite = Suite::start().await;
    let mut ear = Ear::open(&suite);
    let ada = someone(&suite, &mut ear, "ada").await;
    ada.let_write(WhoCanMessage::Everyone).await;
    let settings = postern_settings::service();
    let (home, clock) = suite.stop().await;
    // The relay looked once more before the process ended.
    assert_eq!(waiting(&home, &settings).await, 0);
    reopen(&home, &settings).await;
    let suite = Suite::start_in(home, clock, &[]).await;
    let (home, _) = suite.stop().await;
    assert_eq!(waiting(&home, &settings).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_holds_up_neither_start_nor_send_nor_stop() {
    // Nobody listens there.
    let suite = Suite::start_with(&[("POSTERN_NATS_URL", "nats://ada:secret@127.0.0.1:1")]).await;
    let (ada, ben) = (suite.open_person("ada").await, suite.person("ben").await);
    for text in ["one", "two", "three"] {
        delivered(ben.send(&ada, text).await);
    }
    let (home, _) = suite.stop().await;
    assert_eq!(waiting(&home, &postern_messaging::service()).await, 3);
}

async fn waiting(home: &Home, service: &Service) -> i64 {
    let db = home.database(service).await;
    let sql = "SELECT count(*) AS n FROM outbox WHERE status = 'waiting'";
    let sql = Statement::from_sql_and_values(db.backend(), sql, []);
    let row = db.reader().query_one_raw(sql).await.unwrap().unwrap();
    db.close().await;
    row.try_get("", "n").unwrap()
}

/// As if the process had been killed before it marked what it published.
async fn reopen(home: &Home, service: &Service) {
    let db = home.database(service).await;
    let reopened: Result<u64, DbErr> = db
        .write(|tx| async move {
            let sql = "UPDATE outbox SET status = 'waiting', published_at_ms = NULL";
            Ok(tx.execute_unprepared(sql).await?.rows_affected())
        })
        .await;
    assert_eq!(reopened.unwrap(), 1);
    db.close().await;
}
