//! A copy that is made while people write: a suite on it serves all that had been answered before,
//! and goes on from there. By the commands that the README gives.

use std::{
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use postern_proto::{common::v1::ErrorReason, messaging::v1::Message};
use postern_shared::{
    caller::ServiceName,
    testing::{Databases, variable},
};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::Code;

use crate::suite::{Home, Person, Suite, assert_fails, delivered};

/// Messages that were answered before the copy is begun.
const BEFORE: usize = 30;
/// People write on for as long as a copy takes, on a clock that stands still.
const WITHOUT_LIMITS: &[(&str, &str)] = &[("POSTERN_LIMITS", "off")];

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_data_folder_serves() {
    let suite = Suite::start_in(Home::on_files(), Suite::clock(), WITHOUT_LIMITS).await;
    let told = Told::by(&suite).await;
    let writing = told.go_on();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let command = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_postern-under-test"))
            .env_clear()
            .env("POSTERN_DATA_DIR", suite.home.path())
            .args(arguments)
            .output()
            .unwrap()
    };
    let backup = || command(&["backup", copy.to_str().unwrap()]);
    let done = backup();
    assert!(done.status.success(), "{done:?}");
    writing.stop().await;
    // It does not write over a copy.
    let again = backup();
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("copy"));
    suite.stop().await;

    let restored = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(&copy).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), restored.path().join(entry.file_name())).unwrap();
    }
    let suite = Suite::start_in(Home::restored(restored, None), Suite::clock(), &[]).await;
    told.is_there(&suite).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL: tests/run starts one"]
async fn restored_dumps_serve() {
    let suite = Suite::start_with(WITHOUT_LIMITS).await;
    let told = Told::by(&suite).await;
    let writing = told.go_on();
    let dumps = tempfile::tempdir().unwrap();
    let url = suite.home.databases().expect("tests run on PostgreSQL");
    // In this order: whatever a dump refers to is in the dumps made after it.
    let order = [
        ServiceName::Messaging,
        ServiceName::Graph,
        ServiceName::Settings,
        ServiceName::Identity,
    ];
    let place = |name: ServiceName| dumps.path().join(name.as_str());
    for name in order {
        let file = format!("--file={}", place(name).display());
        postgres("pg_dump", &[&at(&url, name), "--format=custom", &file]);
    }
    writing.stop().await;
    let keys = copy_of(suite.home.path());
    suite.stop().await;

    let databases = Databases::empty(&ServiceName::ALL).await.unwrap();
    for name in order {
        let into = format!("--dbname={}", at(&databases.url(), name));
        let file = place(name);
        let options = ["--exit-on-error", "--no-owner", file.to_str().unwrap()];
        postgres("pg_restore", &[&[into.as_str()], &options[..]].concat());
    }
    let home = Home::restored(keys, Some(databases));
    let suite = Suite::start_in(home, Suite::clock(), &[]).await;
    told.is_there(&suite).await;
}

fn at(url: &str, name: ServiceName) -> String {
    url.replace("{service}", name.as_str())
}

/// Runs one of PostgreSQL's own programs.
fn postgres(program: &str, arguments: &[&str]) {
    let bin = variable("POSTERN_TEST_DATABASE_BIN")
        .expect("POSTERN_TEST_DATABASE_BIN names PostgreSQL's programs: see tests/servers");
    let done = Command::new(Path::new(&bin).join(program))
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{program}: {done:?}");
}

/// The keys of a data folder, in a folder of their own.
fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for key in ["service.key", "page.key", "token.pem"] {
        std::fs::copy(folder.join(key), copy.path().join(key)).unwrap();
    }
    copy
}

/// What people did and were told before the copy was begun.
struct Told {
    ada: Person,
    ben: Person,
    /// Whom Ada blocks.
    eve: Person,
    messages: Vec<Message>,
}

impl Told {
    async fn by(suite: &Suite) -> Self {
        let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
        let eve = suite.person("eve").await;
        ada.befriend(&ben).await;
        eve.follow(&ada).await;
        ada.block(&eve).await;
        let mut messages = Vec::new();
        for n in 0..BEFORE {
            let (from, to) = if n % 2 == 0 {
                (&ada, &ben)
            } else {
                (&ben, &ada)
            };
            let answer = from
                .send_as(to, &format!("before-{n}"), &format!("hello {n}"))
                .await;
            messages.push(delivered(answer.unwrap()).message.unwrap());
        }
        Self {
            ada,
            ben,
            eve,
            messages,
        }
    }

    /// Goes on writing, so that the copy is made in the middle of it.
    fn go_on(&self) -> Writing {
        let enough = Arc::new(AtomicBool::new(false));
        let (ada, ben, stop) = (self.ada.clone(), self.ben.clone(), Arc::clone(&enough));
        let task = tokio::spawn(async move {
            let mut sent = 0;
            while !stop.load(Ordering::SeqCst) {
                let answer = ada
                    .send_as(&ben, &format!("meanwhile-{sent}"), "hello")
                    .await;
                delivered(answer.unwrap());
                sent += 1;
            }
            sent
        });
        Writing { enough, task }
    }

    async fn is_there(&self, suite: &Suite) {
        let back = |person: &Person| Person {
            channel: suite.channel.clone(),
            ..person.clone()
        };
        let (ada, ben, eve) = (back(&self.ada), back(&self.ben), back(&self.eve));
        let first = &self.messages[0];
        let mut read = ada.read(&first.conversation_id).await.unwrap();
        read.reverse();
        let words = |message: &Message| (message.seq, message.sender_id.clone(), text_of(message));
        let kept: Vec<_> = read.iter().take(BEFORE).map(words).collect();
        assert_eq!(kept, self.messages.iter().map(words).collect::<Vec<_>>());
        let seqs: Vec<_> = read.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, (1..).take(read.len()).collect::<Vec<_>>());
        // Who asks again gets the first answer, and the next message the next number.
        let again = ada.send_as(&ben, "before-0", "hello 0").await.unwrap();
        assert_eq!(delivered(again).message.as_ref(), Some(first));
        let next = ben.send_as(&ada, "after", "hello").await.unwrap();
        let next = delivered(next).message.unwrap().seq;
        assert_eq!(usize::try_from(next).unwrap(), read.len() + 1);
        // A no is still a no.
        let follow = eve.ask(postern_proto::graph::v1::FollowRequest {
            person: ada.reference(),
        });
        let refused = eve.graph().follow(follow).await;
        assert_fails(refused, Code::NotFound, ErrorReason::AccountNotFound);
    }
}

fn text_of(message: &Message) -> String {
    format!("{:?}", message.content.as_ref().unwrap().content)
}

struct Writing {
    enough: Arc<AtomicBool>,
    task: JoinHandle<usize>,
}

impl Writing {
    async fn stop(self) {
        self.enough.store(true, Ordering::SeqCst);
        assert!(self.task.await.unwrap() > 0, "nobody wrote meanwhile");
    }
}
