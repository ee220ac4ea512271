//! The bus on a real NATS server: what goes over the wire, and a server that is away, comes back
//! without what it had, or will not have an event.

mod server;

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{self, consumer::pull, stream::Stream};
use futures_util::StreamExt as _;
use postern_proto::event::v1::{Event as Sent, event::Body as SentBody};
use prost::Message as _;
use tokio::{sync::broadcast, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use self::server::Server;
use super::{
    Broker, Outgoing, PublishError,
    jetstream::{JetStream, Nats},
    local::Local,
};
use crate::{
    caller::ServiceName,
    config::Secret,
    outbox::{
        self, Event,
        tests::world::{World, message},
    },
};

/// More than a slow machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(60);
const STREAM: &str = "POSTERN_MESSAGING";

fn nats(url: &str) -> Arc<Nats> {
    Arc::new(Nats::new(&Secret::from(url.to_owned()), "test").unwrap())
}

fn stream_of(nats: &Arc<Nats>) -> JetStream {
    JetStream::new(Arc::clone(nats), ServiceName::Messaging, 1)
}

async fn client(server: &Server) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

fn outgoing(event: &Event, id: u8) -> Outgoing {
    let event = event.encode(uuid::Uuid::from_bytes([id; 16]));
    Outgoing {
        subject: format!("postern.messaging.{}.v1", event.name),
        payload: event.encode_to_vec().into(),
        event: Arc::new(event),
    }
}

/// Everything that a stream holds.
async fn held(stream: &Stream) -> Vec<async_nats::Message> {
    let messages = stream.get_info().await.unwrap().state.messages;
    let consumer = stream
        .create_consumer(pull::Config::default())
        .await
        .unwrap();
    let all = consumer
        .messages()
        .await
        .unwrap()
        .take(usize::try_from(messages).unwrap());
    all.map(|message| message.unwrap().split().0)
        .collect()
        .await
}

/// A relay that runs, and what a listener in its process hears.
struct Relaying {
    world: World,
    heard: broadcast::Receiver<Arc<Sent>>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Relaying {
    async fn start(url: &str) -> Self {
        let (world, local) = (World::new().await, Arc::new(Local::default()));
        let heard = local.subscribe();
        let relay = world.relay(&[Arc::new(stream_of(&nats(url))), local]);
        let stop = CancellationToken::new();
        let running = tokio::spawn(relay.run(stop.clone()));
        Self {
            world,
            heard,
            stop,
            running,
        }
    }

    /// Waits until it has heard what NATS took: listeners come after it.
    async fn hears(&mut self, seqs: std::ops::RangeInclusive<i64>) {
        for seq in seqs {
            let event = timeout(PATIENCE, self.heard.recv()).await.unwrap().unwrap();
            let Some(SentBody::MessageCreated(created)) = &event.body else {
                panic!("{event:?}")
            };
            assert_eq!(created.seq, seq);
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn an_event_arrives_with_its_id_its_trace_and_its_subject_and_once() {
    let server = Server::start();
    let stream = stream_of(&nats(&server.url()));
    let place = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
    let event = Event {
        traceparent: Some(place.clone()),
        ..message(1, 7)
    };
    let first = outgoing(&event, 1);
    stream.ready().await.unwrap();
    for outgoing in [&first, &outgoing(&message(2, 1), 2), &first] {
        stream.publish(outgoing).await.unwrap();
    }
    let stream = client(&server).await.get_stream(STREAM).await.unwrap();
    let held = held(&stream).await;
    assert_eq!(held.len(), 2, "the same id twice");
    assert_eq!(
        held[0].subject.as_str(),
        "postern.messaging.message.created.v1"
    );
    let headers = held[0].headers.as_ref().unwrap();
    let header = |name: &str| headers.get(name).map(ToString::to_string);
    assert_eq!(header("Nats-Msg-Id"), Some(first.event.event_id.clone()));
    assert_eq!(header("traceparent"), Some(place));
    assert!(
        header("content-type")
            .unwrap()
            .starts_with("application/protobuf")
    );
    assert_eq!(Sent::decode(held[0].payload.clone()).unwrap(), *first.event);
    let config = &stream.cached_info().config;
    assert_eq!(config.subjects, ["postern.messaging.>"]);
    assert_eq!(config.duplicate_window, Duration::from_secs(600));
    assert!(config.max_bytes > 0 && !config.max_age.is_zero());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn a_server_that_is_down_holds_up_nobody_and_gets_everything_later() {
    let mut server = Server::start();
    server.stop();
    let mut relaying = Relaying::start(&server.url()).await;
    for seq in 1..=20 {
        relaying.world.commit(&[message(1, seq)]).await;
    }
    assert_eq!(relaying.world.counts().await["waiting"], 20);
    server.start_again();
    relaying.hears(1..=20).await;
    // And once more while it runs.
    server.stop();
    for seq in 21..=40 {
        relaying.world.commit(&[message(1, seq)]).await;
    }
    server.start_again();
    relaying.hears(21..=40).await;
    let stream = client(&server).await.get_stream(STREAM).await.unwrap();
    assert_eq!(held(&stream).await.len(), 40);
    assert!(
        relaying
            .world
            .rows()
            .await
            .iter()
            .all(|row| row.attempts == 0)
    );
    relaying.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn a_server_that_lost_its_store_gets_later_events_and_on_demand_the_earlier_ones() {
    let mut server = Server::start();
    let mut relaying = Relaying::start(&server.url()).await;
    for seq in 1..=5 {
        relaying.world.commit(&[message(1, seq)]).await;
    }
    relaying.hears(1..=5).await;
    server.stop();
    server.lose_store();
    server.start_again();
    for seq in 6..=9 {
        relaying.world.commit(&[message(1, seq)]).await;
    }
    relaying.hears(6..=9).await;
    let stream = client(&server).await.get_stream(STREAM).await.unwrap();
    assert_eq!(held(&stream).await.len(), 4);
    let all = relaying.world.clock.now().minus(PATIENCE);
    assert_eq!(outbox::replay(&relaying.world.db, all).await.unwrap(), 9);
    relaying.hears(1..=9).await;
    // Those that it still had are told apart by their ids.
    assert_eq!(held(&stream).await.len(), 9);
    relaying.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn a_stream_that_vanishes_under_an_open_connection_is_made_anew() {
    let server = Server::start();
    let stream = stream_of(&nats(&server.url()));
    stream.ready().await.unwrap();
    stream.publish(&outgoing(&message(1, 1), 1)).await.unwrap();
    let operator = client(&server).await;
    operator.delete_stream(STREAM).await.unwrap();
    stream.ready().await.unwrap();
    stream.publish(&outgoing(&message(1, 2), 2)).await.unwrap();
    let held = held(&operator.get_stream(STREAM).await.unwrap()).await;
    assert_eq!(Sent::decode(held[0].payload.clone()).unwrap().version, 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn what_an_operator_chose_for_a_stream_stays() {
    let server = Server::start();
    let operator = client(&server).await;
    stream_of(&nats(&server.url())).ready().await.unwrap();
    let stream = operator.get_stream(STREAM).await.unwrap();
    let chosen = jetstream::stream::Config {
        max_bytes: 64 << 20,
        max_age: Duration::from_secs(3_600),
        // This one is ours.
        duplicate_window: Duration::from_secs(5),
        ..stream.cached_info().config.clone()
    };
    operator.update_stream(&chosen).await.unwrap();
    stream_of(&nats(&server.url())).ready().await.unwrap();
    let kept = operator
        .get_stream(STREAM)
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    assert_eq!(
        (kept.max_bytes, kept.max_age),
        (chosen.max_bytes, chosen.max_age)
    );
    assert_eq!(kept.duplicate_window, Duration::from_secs(600));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn what_is_too_large_is_refused_and_what_is_away_is_not() {
    let mut server = Server::start();
    let stream = stream_of(&nats(&server.url()));
    stream.ready().await.unwrap();
    let large = Event {
        traceparent: Some("0".repeat(2 << 20)),
        ..message(1, 1)
    };
    let refused = stream.publish(&outgoing(&large, 1)).await;
    assert!(
        matches!(refused, Err(PublishError::Rejected(_))),
        "{refused:?}"
    );
    stream.publish(&outgoing(&message(1, 2), 2)).await.unwrap();
    // The stream itself takes less than the server.
    let operator = client(&server).await;
    let config = operator
        .get_stream(STREAM)
        .await
        .unwrap()
        .cached_info()
        .config
        .clone();
    let narrow = jetstream::stream::Config {
        max_message_size: 64,
        ..config
    };
    operator.update_stream(&narrow).await.unwrap();
    let refused = stream.publish(&outgoing(&message(1, 3), 3)).await;
    assert!(
        matches!(refused, Err(PublishError::Rejected(_))),
        "{refused:?}"
    );
    server.stop();
    let away = stream.publish(&outgoing(&message(1, 4), 4)).await;
    assert!(
        matches!(away, Err(PublishError::Unavailable(_))),
        "{away:?}"
    );
    let away = stream_of(&nats(&server.url())).ready().await;
    assert!(
        matches!(away, Err(PublishError::Unavailable(_))),
        "{away:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nats-server: tests/run brings one"]
async fn of_several_servers_one_suffices_and_no_password_is_told() {
    let server = Server::start();
    let address = server.url().replace("nats://", "");
    let mut urls: String = (1..5)
        .map(|port| format!("nats://a:b@127.0.0.1:{port}, "))
        .collect();
    urls.push_str(&format!("nats://ada:hunter2@{address}"));
    let nats = nats(&urls);
    let stream = stream_of(&nats);
    stream.ready().await.unwrap();
    let debug = format!("{nats:?} {stream:?}");
    assert!(
        !debug.contains("hunter2") && !debug.contains(&address),
        "{debug}"
    );
    let wrong = Secret::from("nats://ada:hunter2@[".to_owned());
    let error = Nats::new(&wrong, "test").unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
}
