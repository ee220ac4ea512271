//! The canary: every string that a client sends says so, and none may be found in what the process
//! logs at its most talkative, in its traces, in its metrics or in the events that it publishes.

mod standing;
mod story;
mod wrong;

use std::{fs, path::Path};

use postern_proto::{
    identity::v1::{
        CreateAccountRequest, CreateSessionRequest, CreateSessionResponse,
        account_service_client::AccountServiceClient, session_service_client::SessionServiceClient,
    },
    policy::v1::AccountKind,
};
use postern_shared::{
    access,
    auth::{CREDENTIAL_HEADER, ServiceKey},
    caller::ServiceName,
};
use sea_orm::{ConnectionTrait as _, Database, Statement};
use tonic::{Request, metadata::AsciiMetadataValue, transport::Channel};

use super::collector::{Collector, attribute};
use crate::{
    processes::child::{Child, Serving},
    suite::{Person, connect},
};

/// Stands in every string that the test sends.
const CANARY: &str = "canary";
const PASSWORD: &str = "canary behind the door";
const DEVICE: &str = "canary device";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_keep_to_themselves_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "65536"),
        ("POSTERN_LOG", "trace"),
    ];
    let serving = Child::serve(folder.path(), &settings).await;
    let mut world = World {
        internal: connect(serving.internal).await,
        key: service_key(folder.path()),
        secrets: Vec::new(),
        channel: serving.channel.clone(),
    };
    let ada = story::play(&mut world).await;
    standing::play(&mut world, folder.path(), &ada).await;
    wrong::ask(&world, &ada).await;
    let secrets = world.secrets(folder.path());
    drop((world, ada));
    let metrics = every_rpc_went_well(&serving);
    let ended = serving.stop();
    assert!(ended.status.success(), "{}", ended.output);

    let spans = collector.spans();
    for rpc in rpcs() {
        assert!(
            spans
                .iter()
                .any(|span| attribute(span, "rpc.method") == Some(&rpc)),
            "no span of {rpc}"
        );
    }
    talkative_but_for_others(&ended.output);
    for (name, text) in [
        ("log", &ended.output),
        ("traces", &collector.text()),
        ("metrics", &metrics),
        ("events", &events(folder.path()).await),
    ] {
        assert_silent(name, text, CANARY);
        for secret in &secrets {
            assert_silent(name, text, secret);
        }
    }
}

/// Every byte that the services wrote down to be published.
async fn events(folder: &Path) -> String {
    let mut all = String::new();
    for service in ServiceName::ALL {
        let file = folder.join(format!("{service}.db"));
        let db = Database::connect(format!("sqlite://{}", file.display())).await;
        let db = db.unwrap();
        let sql = "SELECT events FROM outbox";
        let sql = Statement::from_sql_and_values(db.get_database_backend(), sql, []);
        let rows = db.query_all_raw(sql).await.unwrap();
        assert!(!rows.is_empty(), "{service} told of nothing");
        for row in rows {
            let bytes: Vec<u8> = row.try_get("", "events").unwrap();
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
        db.close().await.unwrap();
    }
    all
}

/// Fails with what stands around the first `secret`, in whatever letters it is written.
#[track_caller]
fn assert_silent(name: &str, text: &str, secret: &str) {
    let (text, secret) = (text.to_ascii_lowercase(), secret.to_ascii_lowercase());
    if let Some(at) = text.find(&secret) {
        let around = &text.as_bytes()[at.saturating_sub(400)..(at + 100).min(text.len())];
        panic!("in the {name}: {}", String::from_utf8_lossy(around));
    }
}

/// The log shows all that our crates say, and of the others what they say at `info`.
fn talkative_but_for_others(log: &str) {
    assert!(log.contains("a call was answered"), "no debugging in it");
    let below_info = |line: &&str| line.contains("\"DEBUG\"") || line.contains("\"TRACE\"");
    for line in log.lines().filter(below_info) {
        assert!(line.contains("\"target\":\"postern"), "{line}");
    }
}

/// Where the story plays, and what it was given to keep.
struct World {
    channel: Channel,
    internal: Channel,
    /// What the services know each other by.
    key: ServiceKey,
    secrets: Vec<String>,
}

impl World {
    fn accounts(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    /// Registers someone and signs them in.
    async fn person(&mut self, handle: &str) -> Person {
        let created = self.accounts().create_account(account(handle)).await;
        assert_eq!(
            created.unwrap().into_inner().account.unwrap().handle,
            handle
        );
        self.sign_in(handle).await.0
    }

    async fn sign_in(&mut self, handle: &str) -> (Person, CreateSessionResponse) {
        let created = self.sessions().create_session(sign_in(handle)).await;
        let created = created.unwrap().into_inner();
        let tokens = created.tokens.clone().unwrap();
        self.keep(&tokens.access_token);
        self.keep(&tokens.refresh_token);
        let person = Person {
            id: created.user_id.parse().unwrap(),
            handle: handle.to_owned(),
            token: tokens.access_token,
            channel: self.channel.clone(),
        };
        (person, created)
    }

    /// Remembers a secret, and what it consists of.
    fn keep(&mut self, secret: &str) {
        let parts = secret.split('.').filter(|part| part.len() > 16);
        self.secrets.extend(parts.map(str::to_owned));
    }

    /// A request that shows the credential of messaging.
    fn as_messaging<T>(&self, message: T) -> Request<T> {
        self.as_service(ServiceName::Messaging, message)
    }

    /// A request that shows the credential of a service.
    fn as_service<T>(&self, name: ServiceName, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let credential: AsciiMetadataValue = self.key.credential(name).parse().unwrap();
        request.metadata_mut().insert(CREDENTIAL_HEADER, credential);
        request
    }

    /// All that was to be kept, also what lies in the data folder.
    fn secrets(&mut self, folder: &Path) -> Vec<String> {
        for name in ServiceName::ALL {
            let credential = self.key.credential(name);
            self.keep(&credential);
        }
        let key = fs::read_to_string(folder.join("token.pem")).unwrap();
        let inside = key.lines().filter(|line| !line.starts_with('-'));
        self.secrets.extend(inside.map(str::to_owned));
        assert!(self.secrets.len() > 8);
        std::mem::take(&mut self.secrets)
    }
}

fn account(handle: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        handle: handle.to_owned(),
        display_name: format!("Canary of {handle}"),
        password: PASSWORD.to_owned(),
        birth_date: "1990-05-17".to_owned(),
        kind: AccountKind::Personal.into(),
    }
}

fn sign_in(handle: &str) -> CreateSessionRequest {
    CreateSessionRequest {
        handle: handle.to_owned(),
        password: PASSWORD.to_owned(),
        device_name: DEVICE.to_owned(),
    }
}

fn service_key(folder: &Path) -> ServiceKey {
    let key = fs::read(folder.join("service.key")).unwrap();
    ServiceKey::new(&key.try_into().unwrap())
}

/// Every RPC of ours.
fn rpcs() -> Vec<String> {
    access::all()
        .filter(|rpc| rpc.service.starts_with("postern."))
        .map(|rpc| format!("{}/{}", rpc.service, rpc.method))
        .collect()
}

/// The metrics; they must show that each RPC was answered well at least once.
fn every_rpc_went_well(serving: &Serving) -> String {
    let (_, metrics) = serving.admin("/metrics");
    for rpc in rpcs() {
        let labels = format!("{{rpc_method=\"{rpc}\",rpc_response_status_code=\"OK\"");
        let counted = format!("rpc_server_call_duration_seconds_count{labels}");
        assert!(metrics.contains(&counted), "{rpc} never went well");
    }
    metrics
}
