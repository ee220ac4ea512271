//! NATS JetStream: one connection a process, one stream a service, made when it is missing.
//!
//! Connecting is tried again for as long as the process lives, by whoever wants to publish and at
//! their pace. Every new connection looks after the stream, and so does an event that finds none.
//! What an operator gave an existing stream of age and size stays. Addresses are never printed.

use std::{
    fmt,
    sync::{
        Arc, Mutex as StdMutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, HeaderMap, ServerAddr,
    connection::State,
    jetstream::{
        self, Context, ErrorCode,
        context::{ContextBuilder, GetStreamErrorKind, PublishErrorKind},
        message::PublishMessage,
        stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
    },
};
use tokio::sync::Mutex;

use super::{Broker, Outgoing, PublishError};
use crate::{caller::ServiceName, config::Secret};

/// How long one server may take to let us in.
const CONNECT: Duration = Duration::from_secs(2);
/// How long the broker may take to answer anything.
const ANSWER: Duration = Duration::from_secs(2);
/// How often a silent connection is tested.
const PING: Duration = Duration::from_secs(10);
/// How long a new stream keeps events: longer than the outbox does.
const AGE_MAX: Duration = Duration::from_secs(3 * 24 * 3_600);
/// How much a new stream keeps, in bytes: 1 GiB.
const BYTES_MAX: i64 = 1 << 30;
/// For how long the broker itself drops an event that comes twice.
const DUPLICATES: Duration = Duration::from_secs(600);
/// What the payload of a message is.
const CONTENT_TYPE: &str = "application/protobuf; proto=postern.event.v1.Event";

/// The connection of a process.
pub(super) struct Nats {
    servers: Vec<ServerAddr>,
    process: String,
    present: Mutex<Option<Present>>,
}

/// A connection, and which one it is.
#[derive(Clone)]
struct Present {
    client: Client,
    number: u64,
}

impl fmt::Debug for Nats {
    // An address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

impl Nats {
    /// Reads the addresses; connects to none yet.
    pub(super) fn new(urls: &Secret, process: &str) -> Result<Self, String> {
        let servers = urls.reveal().split(',').map(|url| url.trim().parse());
        let servers: Result<Vec<ServerAddr>, _> = servers.collect();
        Ok(Self {
            // What the parser says may hold what it read.
            servers: servers.map_err(|_| "one of its addresses cannot be read".to_owned())?,
            process: process.to_owned(),
            present: Mutex::default(),
        })
    }

    /// The connection as it stands, or a new one.
    async fn connected(&self) -> Result<Present, PublishError> {
        let mut present = self.present.lock().await;
        if let Some(present) = &*present
            && present.client.connection_state() == State::Connected
        {
            return Ok(present.clone());
        }
        let number = present.as_ref().map_or(0, |last| last.number) + 1;
        // A client gives up for good once a server turns it away, so the trying is ours.
        let options = ConnectOptions::new()
            .name(&self.process)
            .connection_timeout(CONNECT)
            .request_timeout(Some(ANSWER))
            .ping_interval(PING)
            .max_reconnects(self.servers.len());
        let client = options.connect(&self.servers[..]).await.map_err(|error| {
            PublishError::Unavailable(format!("NATS cannot be reached: {}", error.kind()))
        })?;
        Ok(present.insert(Present { client, number }).clone())
    }
}

/// The stream of one service.
pub(super) struct JetStream {
    nats: Arc<Nats>,
    config: Config,
    /// The connection over which the stream was last seen.
    session: StdMutex<Option<(u64, Context)>>,
    /// One looks after the stream at a time.
    ensuring: Mutex<()>,
    /// Whether this process has had the stream before.
    seen: AtomicBool,
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStream")
            .field("name", &self.config.name)
            .finish_non_exhaustive()
    }
}

impl JetStream {
    pub(super) fn new(nats: Arc<Nats>, service: ServiceName, replicas: usize) -> Self {
        let config = Config {
            name: format!("POSTERN_{}", service.as_str().to_uppercase()),
            subjects: vec![format!("postern.{service}.>")],
            description: Some(format!("what happened in postern's {service}")),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: AGE_MAX,
            max_bytes: BYTES_MAX,
            duplicate_window: DUPLICATES,
            num_replicas: replicas,
            ..Config::default()
        };
        Self {
            nats,
            config,
            session: StdMutex::default(),
            ensuring: Mutex::default(),
            seen: AtomicBool::new(false),
        }
    }

    fn session(&self) -> Option<(u64, Context)> {
        self.session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Makes the stream when there is none, and has it be what we rely on.
    async fn ensure(&self, context: &Context) -> Result<(), PublishError> {
        let _one_at_a_time = self.ensuring.lock().await;
        let stream = match context.get_stream(&self.config.name).await {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(said)
                    if said.error_code() == ErrorCode::STREAM_NOT_FOUND =>
                {
                    let made = context.create_stream(self.config.clone()).await;
                    made.map_err(|error| unavailable("make the stream", &error))?;
                    self.note_made();
                    return Ok(());
                }
                _ => return Err(unavailable("look for the stream", &error)),
            },
        };
        let present = &stream.cached_info().config;
        let wanted = Config {
            subjects: self.config.subjects.clone(),
            // More copies than asked for are the operator's own doing.
            num_replicas: self.config.num_replicas.max(present.num_replicas),
            duplicate_window: self.config.duplicate_window,
            ..present.clone()
        };
        if wanted != *present
            && let Err(error) = context.update_stream(&wanted).await
        {
            tracing::warn!(
                stream = self.config.name,
                %error,
                "the stream stays as it is: it could not be given the present settings"
            );
        }
        Ok(())
    }

    /// A stream that was there before took what it held with it.
    fn note_made(&self) {
        let stream = &self.config.name;
        if self.seen.load(Ordering::Relaxed) {
            tracing::warn!(
                stream,
                "the stream had vanished and is made anew; `outbox replay` sends again what it held"
            );
        } else {
            tracing::info!(stream, "the stream was missing and is made");
        }
    }

    async fn send(&self, context: &Context, outgoing: &Outgoing) -> Result<(), Failed> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", CONTENT_TYPE);
        if !outgoing.event.traceparent.is_empty() {
            headers.insert("traceparent", outgoing.event.traceparent.as_str());
        }
        let message = PublishMessage::build()
            .headers(headers)
            .message_id(&outgoing.event.event_id)
            .payload(outgoing.payload.clone());
        let sent = context
            .send_publish(outgoing.subject.clone(), message)
            .await;
        match sent.map_err(failed)?.await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }
}

#[async_trait::async_trait]
impl Broker for JetStream {
    async fn ready(&self) -> Result<(), PublishError> {
        let present = self.nats.connected().await?;
        if self
            .session()
            .is_some_and(|(number, _)| number == present.number)
        {
            return Ok(());
        }
        let context = ContextBuilder::new().timeout(ANSWER).build(present.client);
        self.ensure(&context).await?;
        self.seen.store(true, Ordering::Relaxed);
        let session = Some((present.number, context));
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
        Ok(())
    }

    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let (_, context) = self
            .session()
            .ok_or_else(|| PublishError::Unavailable("NATS is not connected".to_owned()))?;
        match self.send(&context, outgoing).await {
            Err(Failed::NoStream) => {}
            done => return done.map_err(Failed::into_error),
        }
        // It was there when we connected: somebody took it away.
        self.ensure(&context).await?;
        self.send(&context, outgoing)
            .await
            .map_err(Failed::into_error)
    }
}

/// Why an event did not arrive.
enum Failed {
    NoStream,
    Because(PublishError),
}

impl Failed {
    fn into_error(self) -> PublishError {
        match self {
            Self::NoStream => PublishError::Unavailable("there is no stream".to_owned()),
            Self::Because(error) => error,
        }
    }
}

/// Only what is said of this very message condemns it; all else may pass.
fn failed(error: jetstream::context::PublishError) -> Failed {
    use std::error::Error as _;
    const TOO_LARGE: [ErrorCode; 2] = [
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM,
        ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM,
    ];
    let said = error
        .source()
        .and_then(|source| source.downcast_ref::<jetstream::Error>());
    let too_large = error.kind() == PublishErrorKind::MaxPayloadExceeded
        || said.is_some_and(|said| TOO_LARGE.contains(&said.error_code()));
    match error.kind() {
        PublishErrorKind::StreamNotFound => Failed::NoStream,
        _ if too_large => Failed::Because(PublishError::Rejected(error.to_string())),
        _ => Failed::Because(unavailable("publish", &error)),
    }
}

fn unavailable(what: &str, error: &dyn std::error::Error) -> PublishError {
    PublishError::Unavailable(format!("NATS did not {what}: {error}"))
}
