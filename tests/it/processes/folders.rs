//! Data folders and ports that a process cannot have: it says which setting to change, ends with
//! a failing code, and leaves the folder as it was.

use std::{collections::BTreeMap, fs, net::TcpListener, path::Path};

use postern_shared::{
    clock::Clock,
    db::Migration,
    run::{Running, Service},
};

use super::{
    child::{Child, fails},
    friends,
};
use crate::suite::{Person, connect, delivered, start};

const NEWER: &str = "m9999_of_a_later_version";

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_and_nothing_is_lost() {
    let (folder, ada, ben) = friends().await;
    let first = conversation(&Child::serve(folder.path(), &[]).await, &ada, &ben).await;
    let before = contents(folder.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for setting in [
        "POSTERN_LISTEN",
        "POSTERN_INTERNAL_LISTEN",
        "POSTERN_ADMIN_LISTEN",
    ] {
        let said = fails(folder.path(), &[(setting, &address)]);
        let expected = format!("{setting} is `{address}`: the port is in use");
        assert!(said.contains(&expected), "{said}");
    }
    assert_eq!(contents(folder.path()), before);
    let serving = Child::serve(folder.path(), &[]).await;
    assert_eq!(serving.person(&ben).read(&first).await.unwrap().len(), 1);
    assert!(serving.stop().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_in_use_is_refused_and_its_owner_goes_on() {
    let (folder, ada, ben) = friends().await;
    let owner = Child::serve(folder.path(), &[]).await;
    let said = fails(folder.path(), &[]);
    assert!(
        said.contains("POSTERN_DATA_DIR") && said.contains("in use"),
        "{said}"
    );
    let conversation = conversation(&owner, &ada, &ben).await;
    // The lock ends with its process, however that ends.
    owner.child.kill();
    let next = Child::serve(folder.path(), &[]).await;
    assert_eq!(
        next.person(&ben).read(&conversation).await.unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let data = super::child::text(&file);
    let said = fails(folder.path(), &[("POSTERN_DATA_DIR", data)]);
    assert!(
        said.contains("POSTERN_DATA_DIR") && said.contains(data),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_a_newer_version_is_refused_and_left_alone() {
    let (folder, ada, ben) = friends().await;
    let newer = run_newer(folder.path()).await;
    let ada = Person {
        channel: connect(newer.public).await,
        ..ada
    };
    let sent = delivered(ada.send(&ben, "hello").await).message.unwrap();
    drop(ada);
    newer.stop().await;
    let before = contents(folder.path());

    let said = fails(folder.path(), &[]);
    assert!(
        said.contains(NEWER) && said.contains("newer") && said.contains("messaging.db"),
        "{said}"
    );
    assert_eq!(contents(folder.path()), before);

    let newer = run_newer(folder.path()).await;
    let ben = Person {
        channel: connect(newer.public).await,
        ..ben
    };
    let read = ben.read(&sent.conversation_id).await.unwrap();
    assert_eq!(read.len(), 1);
    drop(ben);
    newer.stop().await;
}

/// The suite of a later version: its messaging has one step more.
async fn run_newer(folder: &Path) -> Running {
    let mut services = postern::services();
    let messaging: &mut Service = services.last_mut().unwrap();
    let step = Migration {
        name: NEWER,
        statements: &["SELECT 1"],
    };
    let steps = [messaging.migrations, &[step]].concat();
    messaging.migrations = Box::leak(steps.into_boxed_slice());
    start(services, folder, &Clock::system(), &[])
        .await
        .unwrap()
}

/// Sends one message through a process and says in which conversation it is.
async fn conversation(serving: &super::child::Serving, ada: &Person, ben: &Person) -> String {
    let answer = serving.person(ada).send(ben, "hello").await;
    delivered(answer).message.unwrap().conversation_id
}

/// Every file that keeps something, byte by byte.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    // SQLite's shared memory is made anew by whoever opens a database; a log of nothing is empty.
    files
        .filter(|(name, bytes)| !name.ends_with("-shm") && !bytes.is_empty())
        .collect()
}
