//! The suite inside the test's own process: free ports, databases of its own, a clock that the
//! test moves, and people who call it over gRPC like everyone else.
//!
//! Signing in costs a password hash; tests mint access tokens with the suite's key instead.

mod home;

use std::{path::Path, time::Duration};

use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref},
    graph::v1::{
        BlockRequest, FollowRequest, UnblockRequest, UnfollowRequest,
        graph_service_client::GraphServiceClient,
    },
    identity::v1::{
        Account, CreateAccountRequest, account_service_client::AccountServiceClient,
        session_service_client::SessionServiceClient,
    },
    messaging::v1::{
        Content, Delivered, ListConversationsRequest, ListMessagesRequest, ListRequestsRequest,
        Message, MessageRequest, Placement, Refused, RequestTier, SendMessageRequest,
        SendMessageResponse, content, conversation_service_client::ConversationServiceClient,
        message_service_client::MessageServiceClient, request_service_client::RequestServiceClient,
        send_message_response::Outcome,
    },
    policy::v1::{AccountKind, RefusalReason, WhoCanMessage},
    settings::v1::{
        Settings, UpdateSettingsRequest, settings_service_client::SettingsServiceClient,
    },
};
use postern_shared::{
    auth::{Claims, SigningKey, read_signing_key},
    clock::{Clock, Timestamp},
    config::Source,
    id::{SessionId, UserId},
    random::Random,
    run::{Running, Service, Setup, StartError},
    telemetry::Telemetry,
    testing,
};
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};

pub use home::Home;

use crate::contract::errors::only_reason;

/// Long enough for every rule, and in no list of common ones.
pub const PASSWORD: &str = "a door that opens inward";
/// 2026-11-23T12:00:00Z: where a suite's clock starts.
pub const START: Timestamp = Timestamp::from_unix_millis(1_795_435_200_000);

/// A suite that serves until the test ends.
pub struct Suite {
    pub running: Running,
    pub channel: Channel,
    pub internal: Channel,
    pub clock: Clock,
    pub home: Home,
    key: SigningKey,
    random: Random,
}

/// Settings that every test process of ours gets: free ports, and a deadline that a slow machine
/// keeps.
pub fn variables(folder: &Path, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = vec![
        (
            "POSTERN_DATA_DIR".to_owned(),
            folder.to_str().unwrap().to_owned(),
        ),
        ("POSTERN_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        (
            "POSTERN_INTERNAL_LISTEN".to_owned(),
            "127.0.0.1:0".to_owned(),
        ),
        ("POSTERN_ADMIN_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("POSTERN_DEADLINE_MS".to_owned(), "30000".to_owned()),
    ];
    all.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    all
}

/// Starts services in this process.
pub async fn start(
    services: Vec<Service>,
    folder: &Path,
    clock: &Clock,
    more: &[(&str, &str)],
) -> Result<Running, StartError> {
    start_setup(services, variables(folder, more), clock, |_| {}).await
}

/// The same, its setup changed by the test.
async fn start_setup(
    services: Vec<Service>,
    variables: Vec<(String, String)>,
    clock: &Clock,
    change: impl FnOnce(&mut Setup),
) -> Result<Running, StartError> {
    let mut setup = Setup::read(services, Source::new(variables)?)?;
    setup.clock = clock.clone();
    change(&mut setup);
    setup.start(&Telemetry::without_logs()?).await
}

/// Connects to an address.
pub async fn connect(address: std::net::SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

impl Suite {
    /// A new suite on a new data folder.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with some settings of its own.
    pub async fn start_with(more: &[(&str, &str)]) -> Self {
        Self::start_in(Home::new().await, Self::clock(), more).await
    }

    /// A clock that stands where a suite's starts.
    pub fn clock() -> Clock {
        Clock::manual(START)
    }

    /// A suite where one may have been before.
    pub async fn start_in(home: Home, clock: Clock, more: &[(&str, &str)]) -> Self {
        let variables = home.variables(more);
        let running = start_setup(postern::services(), variables, &clock, |_| {}).await;
        Self::of(running.unwrap(), home, clock).await
    }

    /// The same, its setup changed by the test.
    pub async fn start_setup(home: Home, clock: Clock, change: impl FnOnce(&mut Setup)) -> Self {
        let variables = home.variables(&[]);
        let running = start_setup(postern::services(), variables, &clock, change).await;
        Self::of(running.unwrap(), home, clock).await
    }

    async fn of(running: Running, home: Home, clock: Clock) -> Self {
        Self {
            channel: connect(running.public).await,
            internal: connect(running.internal).await,
            key: read_signing_key(&home.path().join("token.pem")).unwrap(),
            running,
            clock,
            home,
            random: Random::system(),
        }
    }

    /// Stops serving; what it stored stays.
    pub async fn stop(self) -> (Home, Clock) {
        drop((self.channel, self.internal));
        self.running.stop().await;
        (self.home, self.clock)
    }

    /// Registers an adult.
    pub async fn person(&self, handle: &str) -> Person {
        self.person_born(handle, "1990-05-17", AccountKind::Personal)
            .await
    }

    /// Registers an adult whom everyone may write to.
    pub async fn open_person(&self, handle: &str) -> Person {
        let person = self.person(handle).await;
        person.let_write(WhoCanMessage::Everyone).await;
        person
    }

    /// Registers someone.
    pub async fn person_born(&self, handle: &str, birth: &str, kind: AccountKind) -> Person {
        let request = CreateAccountRequest {
            handle: handle.to_owned(),
            display_name: format!("Name of {handle}"),
            password: PASSWORD.to_owned(),
            birth_date: birth.to_owned(),
            kind: kind.into(),
        };
        let created = self
            .accounts()
            .create_account(request)
            .await
            .unwrap()
            .into_inner();
        self.someone(&created.account.unwrap())
    }

    /// The person of an account, signed in.
    pub fn someone(&self, account: &Account) -> Person {
        let id: UserId = account.user_id.parse().unwrap();
        Person {
            id,
            handle: account.handle.clone(),
            token: self.token(id, self.clock.now()),
            channel: self.channel.clone(),
        }
    }

    /// An access token for a person, made at `now`.
    pub fn token(&self, id: UserId, now: Timestamp) -> String {
        let session = SessionId::new(now, &self.random);
        self.sign(&Claims::new(id, session, "test".to_owned(), now))
    }

    /// Signs claims with the suite's key.
    pub fn sign(&self, claims: &Claims) -> String {
        self.key.sign(claims).unwrap()
    }

    /// The accounts, for whoever has not signed in.
    pub fn accounts(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    /// The sessions.
    pub fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// Someone who is signed in.
#[derive(Clone)]
pub struct Person {
    pub id: UserId,
    pub handle: String,
    pub token: String,
    pub channel: Channel,
}

impl Person {
    /// A request in this person's name.
    pub fn ask<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let bearer = format!("Bearer {}", self.token).parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
        request
    }

    /// This person, as others name them.
    pub fn reference(&self) -> Option<PersonRef> {
        by_id(&self.id.to_string())
    }

    pub fn graph(&self) -> GraphServiceClient<Channel> {
        GraphServiceClient::new(self.channel.clone())
    }

    pub fn settings(&self) -> SettingsServiceClient<Channel> {
        SettingsServiceClient::new(self.channel.clone())
    }

    pub fn messages(&self) -> MessageServiceClient<Channel> {
        MessageServiceClient::new(self.channel.clone())
    }

    pub fn conversations(&self) -> ConversationServiceClient<Channel> {
        ConversationServiceClient::new(self.channel.clone())
    }

    pub fn requests(&self) -> RequestServiceClient<Channel> {
        RequestServiceClient::new(self.channel.clone())
    }

    pub async fn follow(&self, other: &Self) {
        let ask = self.ask(FollowRequest {
            person: other.reference(),
        });
        self.graph().follow(ask).await.unwrap();
    }

    pub async fn unfollow(&self, other: &Self) {
        let ask = self.ask(UnfollowRequest {
            person: other.reference(),
        });
        self.graph().unfollow(ask).await.unwrap();
    }

    pub async fn befriend(&self, other: &Self) {
        self.follow(other).await;
        other.follow(self).await;
    }

    pub async fn block(&self, other: &Self) {
        let ask = self.ask(BlockRequest {
            person: other.reference(),
        });
        self.graph().block(ask).await.unwrap();
    }

    pub async fn unblock(&self, other: &Self) {
        let ask = self.ask(UnblockRequest {
            person: other.reference(),
        });
        self.graph().unblock(ask).await.unwrap();
    }

    pub async fn let_write(&self, who: WhoCanMessage) {
        let ask = self.ask(UpdateSettingsRequest {
            settings: Some(Settings {
                who_can_message: who.into(),
                ..Settings::default()
            }),
            update_mask: Some(mask(&["who_can_message"])),
            etag: String::new(),
        });
        self.settings().update_settings(ask).await.unwrap();
    }

    /// Sends a text under an id.
    pub async fn send_as(
        &self,
        other: &Self,
        id: &str,
        text: &str,
    ) -> Result<SendMessageResponse, Status> {
        let ask = self.ask(SendMessageRequest {
            recipient: other.reference(),
            client_message_id: id.to_owned(),
            content: text_content(text),
        });
        Ok(self.messages().send_message(ask).await?.into_inner())
    }

    /// Sends a text under an id of its own.
    pub async fn send(&self, other: &Self, text: &str) -> SendMessageResponse {
        let id = uuid::Uuid::from_bytes(Random::system().bytes()).to_string();
        self.send_as(other, &id, text).await.unwrap()
    }

    /// The inbox, all pages: conversation ids, latest first.
    pub async fn inbox(&self) -> Vec<String> {
        let ask = self.ask(ListConversationsRequest::default());
        let listed = self
            .conversations()
            .list_conversations(ask)
            .await
            .unwrap()
            .into_inner();
        assert_eq!(
            listed.page.unwrap().next_page_token,
            "",
            "a test's inbox fits a page"
        );
        listed
            .conversations
            .into_iter()
            .map(|listed| listed.conversation_id)
            .collect()
    }

    /// The filtered requests.
    pub async fn filtered(&self) -> Vec<MessageRequest> {
        let ask = self.ask(ListRequestsRequest {
            tier: RequestTier::Filtered.into(),
            page: None,
        });
        self.requests()
            .list_requests(ask)
            .await
            .unwrap()
            .into_inner()
            .requests
    }

    /// The messages of a conversation, newest first.
    pub async fn read(&self, conversation_id: &str) -> Result<Vec<Message>, Status> {
        let ask = self.ask(ListMessagesRequest {
            conversation_id: conversation_id.to_owned(),
            page: None,
        });
        Ok(self
            .messages()
            .list_messages(ask)
            .await?
            .into_inner()
            .messages)
    }
}

/// How often to repeat what races: more often in a long run (`tests/run --long`).
pub fn repetitions(short: usize, long: usize) -> usize {
    if testing::is_long() { long } else { short }
}

/// What chance begins with: printed, and POSTERN_TEST_SEED sets it to see a failure again.
pub fn seed() -> u64 {
    let seed = testing::variable("POSTERN_TEST_SEED").map_or_else(
        || u64::from_le_bytes(Random::system().bytes()),
        |text| text.parse().expect("POSTERN_TEST_SEED is a number"),
    );
    println!("POSTERN_TEST_SEED={seed}");
    seed
}

/// A person by their id.
pub fn by_id(id: &str) -> Option<PersonRef> {
    Some(PersonRef {
        person: Some(person_ref::Person::UserId(id.to_owned())),
    })
}

/// A person by their handle.
pub fn by_handle(handle: &str) -> Option<PersonRef> {
    Some(PersonRef {
        person: Some(person_ref::Person::Handle(handle.to_owned())),
    })
}

/// A content that is a text.
pub fn text_content(text: &str) -> Option<Content> {
    Some(Content {
        content: Some(content::Content::Text(text.to_owned())),
    })
}

/// A field mask.
pub fn mask(paths: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    }
}

/// The delivery in an answer.
pub fn delivered(answer: SendMessageResponse) -> Delivered {
    match answer.outcome {
        Some(Outcome::Delivered(delivered)) => delivered,
        other => panic!("expected a delivery, got {other:?}"),
    }
}

/// The refusal in an answer.
pub fn refused(answer: SendMessageResponse) -> Refused {
    match answer.outcome {
        Some(Outcome::Refused(refused)) => refused,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Where the answer says that the message went.
pub fn placement(answer: SendMessageResponse) -> Placement {
    delivered(answer).placement()
}

/// Why the answer says that the message was refused.
pub fn reason(answer: SendMessageResponse) -> RefusalReason {
    refused(answer).reason()
}

/// Asserts how a call failed.
#[track_caller]
pub fn assert_fails<T: std::fmt::Debug>(
    result: Result<T, Status>,
    code: Code,
    reason: ErrorReason,
) -> Status {
    let status = result.unwrap_err();
    assert_eq!(only_reason(&status), reason, "{status:?}");
    assert_eq!(status.code(), code, "{status:?}");
    status
}

/// Everything that a caller can see of a failure but the time of day.
pub fn all_of(status: &Status) -> (Code, String, Vec<u8>, Vec<String>) {
    let mut headers = status.metadata().clone().into_headers();
    headers.remove("date");
    let headers = headers.iter().map(|header| format!("{header:?}"));
    let (message, details) = (status.message().to_owned(), status.details().to_vec());
    (status.code(), message, details, headers.collect())
}
