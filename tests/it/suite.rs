//! The suite inside the test's own process: free ports, databases of its own, a clock that the
//! test moves, and people who call it over gRPC like everyone else.
//!
//! Signing in costs a password hash; tests mint access tokens with the suite's key instead.

mod answers;
mod home;
mod person;
mod replica;

use std::{path::Path, time::Duration};

use postern_proto::{
    identity::v1::{
        Account, CreateAccountRequest, account_service_client::AccountServiceClient,
        session_service_client::SessionServiceClient,
    },
    policy::v1::{AccountKind, WhoCanMessage},
};
use postern_shared::{
    auth::{Claims, SigningKey, read_signing_key},
    caller::Role,
    clock::{Clock, Timestamp},
    config::Source,
    id::{SessionId, UserId},
    random::Random,
    run::{Running, Service, Setup, StartError},
    telemetry::Telemetry,
    testing,
};
use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use tokio::sync::Mutex;
use tonic::transport::{Channel, Endpoint};

pub use answers::*;
pub use home::Home;
pub use person::Person;

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
    /// Who registers: one after another, so that on a busy machine none waits too long.
    door: Mutex<()>,
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
            door: Mutex::new(()),
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
        let _alone = self.door.lock().await;
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

    /// The same person with a role.
    pub fn with_role(&self, person: &Person, role: Role) -> Person {
        let now = self.clock.now();
        let session = SessionId::new(now, &self.random);
        let claims = Claims::new(person.id, session, "test".to_owned(), now);
        Person {
            token: self.sign(&claims.with_roles(&[role])),
            ..person.clone()
        }
    }

    /// Registers a moderator, whose role was granted on the machine.
    pub async fn moderator(&self, handle: &str) -> Person {
        let person = self.person(handle).await;
        let id = person.id;
        let db = self.home.database(&postern_identity::service()).await;
        let granted: Result<(), DbErr> = db
            .write(|tx| async move {
                let sql = "INSERT INTO role_grant (user_id, role, granted_at_ms) \
                           VALUES ($1, 'moderator', 0)";
                let user = [id.uuid().into()];
                let grant = Statement::from_sql_and_values(tx.get_database_backend(), sql, user);
                tx.execute_raw(grant).await.map(drop)
            })
            .await;
        granted.unwrap();
        self.with_role(&person, Role::Moderator)
    }

    /// The same person through a session as an account gets it that is not in use.
    pub fn restricted(&self, person: &Person) -> Person {
        let now = self.clock.now();
        let session = SessionId::new(now, &self.random);
        let claims = Claims::new(person.id, session, "test".to_owned(), now);
        Person {
            token: self.sign(&claims.restricted()),
            ..person.clone()
        }
    }

    /// The same person with a token of this moment.
    pub fn renewed(&self, person: &Person) -> Person {
        Person {
            token: self.token(person.id, self.clock.now()),
            ..person.clone()
        }
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
