//! Hashing passwords with argon2id, so much at a time and no more.
//!
//! One hash keeps a core busy for some 25 ms and takes 19 MiB. So hashes run beside the runtime's
//! own threads, on half the cores; few may wait, and not for long; whoever does not fit is told to
//! come back. A password that is verified for nobody costs as much as one for somebody.
//!
//! The threads are our own, as few as hashes run at once, and each keeps its 19 MiB: taken anew
//! for every hash they would stay behind in the allocator, once for each thread that ever hashed.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordVerifier as _, Version,
    password_hash::{self, phc},
};
use postern_proto::common::v1::ErrorReason;
use postern_shared::{config::Limits, error::Failure, random::Random};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::timeout,
};
use tonic::Code;

use crate::domain::{Password, PasswordHash};

/// Memory of one hash, in KiB: with the next two, OWASP's minimum for argon2id.
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes at once.
const LANES: u32 = 1;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// How many may wait for their turn.
const WAITING_MAX: usize = 32;
/// How long one may wait.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// When to come back after there was no place.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many at once.
    #[error("too many passwords are being checked at once: try again")]
    Overloaded,
    /// argon2 refused.
    #[error("cannot hash a password: {0}")]
    Argon2(password_hash::Error),
    /// No thread was to be had for hashing.
    #[error("cannot start a thread for hashing passwords")]
    Thread(#[source] io::Error),
    /// The hashing thread panicked.
    #[error("hashing a password was cut short")]
    Died,
}

impl Failure for HashError {
    fn classify(&self) -> (Code, ErrorReason) {
        match self {
            Self::Overloaded => (Code::ResourceExhausted, ErrorReason::Overloaded),
            Self::Argon2(_) | Self::Thread(_) | Self::Died => {
                (Code::Internal, ErrorReason::Internal)
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::Overloaded).then_some(RETRY_AFTER)
    }
}

/// Whether a password is the right one.
#[derive(Debug)]
pub enum Verdict {
    /// It is not, or there is nobody whose it could be.
    Wrong,
    /// It is.
    Right {
        /// Its hash by present parameters, where the stored one was made by others.
        rehashed: Option<PasswordHash>,
    },
}

/// Hashes and verifies passwords.
#[derive(Debug)]
pub struct Hasher {
    threads: Threads,
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
    random: Random,
    /// Stands in for the hash of an account that does not exist.
    dummy: PasswordHash,
}

impl Hasher {
    /// Makes one for this machine. Hashes once.
    ///
    /// # Errors
    /// When argon2 refuses.
    pub async fn new(limits: Limits, random: Random) -> Result<Self, HashError> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let at_once = match limits {
            Limits::Default => (cores / 2).max(1),
            Limits::Off => cores,
        };
        let bytes: [u8; 32] = random.bytes();
        let salt = random.bytes();
        let threads = Threads::start(at_once)?;
        let dummy = threads
            .run(move |memory| hash(memory, &bytes, &salt))
            .await?;
        Ok(Self::with(threads, at_once, WAITING_MAX, random, dummy))
    }

    fn with(
        threads: Threads,
        at_once: usize,
        waiting_max: usize,
        random: Random,
        dummy: PasswordHash,
    ) -> Self {
        Self {
            threads,
            running: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(at_once + waiting_max)),
            random,
            dummy,
        }
    }

    /// Hashes a password with a new salt.
    ///
    /// # Errors
    /// When there is no place for it now.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let salt = self.random.bytes();
        self.run(move |memory| hash(memory, password.as_bytes(), &salt))
            .await
    }

    /// Tells whether a password is the one that was hashed. Without `stored` it never is, after
    /// the same work.
    ///
    /// # Errors
    /// When there is no place for it now.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<PasswordHash>,
    ) -> Result<Verdict, HashError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let salt = self.random.bytes();
        self.run(move |memory| {
            let right = verify(memory, password.as_bytes(), &stored)?;
            if !(right && known) {
                return Ok(Verdict::Wrong);
            }
            let rehashed = match is_current(&stored)? {
                true => None,
                false => Some(hash(memory, password.as_bytes(), &salt)?),
            };
            Ok(Verdict::Right { rehashed })
        })
        .await
    }

    async fn run<T, F>(&self, job: F) -> Result<T, HashError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    {
        let held = self.wait().await?;
        // The job keeps its place to its end, even when nobody waits for it any more.
        let done = self.threads.run(move |memory| {
            let result = job(memory);
            drop(held);
            result
        });
        done.await
    }

    async fn wait(&self) -> Result<[OwnedSemaphorePermit; 2], HashError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashError::Overloaded)?;
        let turn = timeout(WAIT_MAX, Arc::clone(&self.running).acquire_owned()).await;
        match turn {
            Ok(Ok(turn)) => Ok([turn, place]),
            Ok(Err(_)) | Err(_) => Err(HashError::Overloaded),
        }
    }
}

/// What one hash is computed in; a thread keeps it for the next.
type Memory = Vec<Block>;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Threads for hashing. They end when this is dropped.
#[derive(Debug)]
struct Threads(mpsc::Sender<Job>);

impl Threads {
    fn start(count: usize) -> Result<Self, HashError> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count {
            let waiting = Arc::clone(&waiting);
            let work = move || {
                let mut memory = Memory::new();
                loop {
                    // The lock ends with the statement: only waiting happens under it.
                    let job = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok(job) = job else { return };
                    // A thread that dies would take its place with it; the caller hears of it.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
                }
            };
            let thread = thread::Builder::new().name("postern-hashing".to_owned());
            thread.spawn(work).map_err(HashError::Thread)?;
        }
        Ok(Self(jobs))
    }

    async fn run<T, F>(&self, job: F) -> Result<T, HashError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Nobody may be waiting any more.
            let _ = answer.send(job(memory));
        });
        self.0.send(job).map_err(|_| HashError::Died)?;
        answered.await.map_err(|_| HashError::Died)?
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .expect("these parameters lie within the bounds of argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8; SALT_BYTES],
) -> Result<PasswordHash, HashError> {
    let argon2 = argon2id();
    let output = derive(memory, password, salt)?;
    let refused = |error: phc::Error| HashError::Argon2(password_hash::Error::from(error));
    let hashed = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: phc::ParamsString::try_from(argon2.params()).map_err(HashError::Argon2)?,
        salt: Some(phc::Salt::new(salt).map_err(refused)?),
        hash: Some(output),
    };
    Ok(PasswordHash::new(hashed.to_string()))
}

fn verify(memory: &mut Memory, password: &[u8], stored: &PasswordHash) -> Result<bool, HashError> {
    let parsed = parse(stored)?;
    if let (true, Some(salt), Some(output)) = (is_current(stored)?, &parsed.salt, &parsed.hash) {
        // Outputs compare in constant time.
        return Ok(derive(memory, password, salt)? == *output);
    }
    match argon2id().verify_password(password, &parsed) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(HashError::Argon2(error)),
    }
}

/// What comes of a password and a salt by the present parameters.
fn derive(memory: &mut Memory, password: &[u8], salt: &[u8]) -> Result<phc::Output, HashError> {
    let argon2 = argon2id();
    memory.resize(argon2.params().block_count(), Block::default());
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2
        .hash_password_into_with_memory(password, salt, &mut output, &mut memory[..])
        .map_err(|error| HashError::Argon2(error.into()))?;
    phc::Output::new(&output).map_err(|error| HashError::Argon2(password_hash::Error::from(error)))
}

/// Whether a hash was made with the present parameters.
fn is_current(stored: &PasswordHash) -> Result<bool, HashError> {
    let stored = parse(stored)?;
    let params = Params::try_from(&stored).map_err(HashError::Argon2)?;
    let costs = (params.m_cost(), params.t_cost(), params.p_cost());
    Ok(stored.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && stored.version == Some(Version::V0x13 as u32)
        && costs == (MEMORY_KIB, PASSES, LANES))
}

fn parse(stored: &PasswordHash) -> Result<phc::PasswordHash, HashError> {
    phc::PasswordHash::new(stored.as_str())
        .map_err(|error| HashError::Argon2(password_hash::Error::from(error)))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{pin::pin, task::Poll};

    use argon2::PasswordHasher as _;
    use futures_util::poll;

    use super::*;

    fn password(raw: &str) -> Password {
        Password::present(raw).unwrap()
    }

    async fn hasher() -> Hasher {
        Hasher::new(Limits::Default, Random::system())
            .await
            .unwrap()
    }

    /// A hash of `password` as an older version with other costs would have stored it.
    pub(crate) fn outdated(raw: &str) -> PasswordHash {
        let params = Params::new(1_024, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hashed: phc::PasswordHash = argon2
            .hash_password_with_salt(raw.as_bytes(), &[9; 16])
            .unwrap();
        PasswordHash::new(hashed.to_string())
    }

    #[tokio::test]
    async fn the_parameters_are_those_that_owasp_asks_for() {
        let hashed = hasher()
            .await
            .hash(password("plum-tractor-97"))
            .await
            .unwrap();
        let phc = hashed.as_str();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let parts: Vec<_> = phc.split('$').collect();
        // 16 bytes of salt, 32 of output.
        assert_eq!((parts[4].len(), parts[5].len()), (22, 43));
        assert!(is_current(&hashed).unwrap());
        // It is a hash like any other of argon2's.
        let parsed = parse(&hashed).unwrap();
        argon2id()
            .verify_password(b"plum-tractor-97", &parsed)
            .unwrap();
    }

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let hasher = hasher().await;
        let hashed = hasher.hash(password("plum-tractor-97")).await.unwrap();
        let again = hasher.hash(password("plum-tractor-97")).await.unwrap();
        assert_ne!(hashed, again);
        let verify = |raw: &str, stored| hasher.verify(password(raw), stored);
        let right = verify("plum-tractor-97", Some(hashed.clone()))
            .await
            .unwrap();
        assert!(matches!(right, Verdict::Right { rehashed: None }));
        let wrong = verify("plum-tractor-98", Some(hashed)).await.unwrap();
        assert!(matches!(wrong, Verdict::Wrong));
        assert!(matches!(
            verify("plum-tractor-97", None).await.unwrap(),
            Verdict::Wrong
        ));
    }

    #[tokio::test]
    async fn nobody_costs_as_much_as_somebody() {
        let hasher = hasher().await;
        assert!(is_current(&hasher.dummy).unwrap());
        assert!(parse(&hasher.dummy).unwrap().salt.is_some());
    }

    #[tokio::test]
    async fn an_old_hash_is_made_anew_when_the_password_is_right() {
        let hasher = hasher().await;
        let old = outdated("plum-tractor-97");
        assert!(!is_current(&old).unwrap());
        let verdict = hasher
            .verify(password("plum-tractor-97"), Some(old.clone()))
            .await;
        let Verdict::Right {
            rehashed: Some(new),
        } = verdict.unwrap()
        else {
            panic!("expected a new hash");
        };
        assert!(
            is_current(&new).unwrap()
                && verify(&mut Memory::new(), b"plum-tractor-97", &new).unwrap()
        );
        let verdict = hasher
            .verify(password("plum-tractor-98"), Some(old))
            .await
            .unwrap();
        assert!(matches!(verdict, Verdict::Wrong));
    }

    #[tokio::test]
    async fn few_wait_and_not_for_long() {
        let threads = Threads::start(1).unwrap();
        let hasher = Hasher::with(threads, 1, 1, Random::system(), outdated("nobody"));
        let busy = hasher.wait().await.unwrap();
        let mut waits = pin!(hasher.wait());
        assert!(poll!(&mut waits).is_pending());
        let refused_at_once = poll!(pin!(hasher.wait()));
        assert!(matches!(
            refused_at_once,
            Poll::Ready(Err(HashError::Overloaded))
        ));
        let begun = tokio::time::Instant::now();
        let error = waits.await.unwrap_err();
        assert!(begun.elapsed() > WAIT_MAX / 2);
        let (code, reason) = error.classify();
        assert_eq!(
            (code, reason),
            (Code::ResourceExhausted, ErrorReason::Overloaded)
        );
        assert!(error.retry_after().is_some());
        drop(busy);
        assert!(hasher.wait().await.is_ok());
    }
}
