//! Several addresses: how calls spread over them, and what happens as they come and go.

use std::{net::SocketAddr, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tonic::Code;

use super::{Act, Fake, LONG, Replica, World, ask, begin, dead, until};
use crate::peer::{Peer, dns, set::Place};

fn replicas<const N: usize>() -> [Replica; N] {
    std::array::from_fn(|_| Replica::start(Fake::new(Act::Serve)))
}

fn addresses(replicas: &[Replica]) -> Vec<SocketAddr> {
    replicas.iter().map(|replica| replica.address).collect()
}

fn places(peer: &Peer) -> Vec<SocketAddr> {
    let address = |place| match place {
        Place::At(address) => address,
        Place::Here => panic!("a peer on the network is elsewhere"),
    };
    peer.inner.pool.places().into_iter().map(address).collect()
}

/// So many calls by four callers at once, all of which must be answered.
async fn served(peer: &Peer, calls: usize) {
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let peer = peer.clone();
        callers.spawn(async move {
            for _ in 0..calls / 4 {
                ask(&peer, LONG, "someone").await.unwrap();
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_spread_over_all_addresses() {
    let replicas = replicas::<2>();
    let world = World::of(&addresses(&replicas));
    for _ in 0..200 {
        world.call().await.unwrap();
    }
    let each = replicas.each_ref().map(|replica| replica.fake.calls());
    assert_eq!(each[0] + each[1], 200);
    // One of 200 fair coins falls on the same side less than 60 times once in a hundred million.
    assert!(each.iter().all(|calls| *calls >= 60), "{each:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_with_the_fewest_calls_in_flight_is_asked() {
    let [busy, idle] = replicas::<2>();
    let world = World::of(&[busy.address]);
    world.call().await.unwrap();
    busy.fake.becomes(Act::Hold);
    let held = begin(&world.peer);
    busy.fake.was_called(2).await;
    // The idle one is new: that it appears is all that changes.
    world.dns.says(&[busy.address, idle.address]);
    until("the idle one is found", async || {
        places(&world.peer).len() == 2
    })
    .await;
    for _ in 0..100 {
        world.call().await.unwrap();
    }
    assert_eq!((busy.fake.calls(), idle.fake.calls()), (2, 100));
    busy.fake.release();
    held.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_dead_address_of_four_fails_no_call() {
    let replicas = replicas::<3>();
    let mut all = addresses(&replicas);
    all.insert(1, dead());
    let world = World::of(&all);
    served(&world.peer, 200).await;
    let calls: usize = replicas.iter().map(|replica| replica.fake.calls()).sum();
    assert_eq!(calls, 200);
    // Each time it was tried a call went elsewhere; and it was not tried with every fourth call,
    // but once in a while.
    let counted = ["ejections", "retries"].map(|name| world.counted(name));
    assert!(
        counted.iter().all(|count| (1..=15).contains(count)),
        "{counted:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_dies_in_the_middle_fails_no_call() {
    let mut replicas = replicas::<4>();
    let world = World::of(&addresses(&replicas));
    served(&world.peer, 100).await;
    let (peer, died) = (world.peer.clone(), replicas[2].fake.clone());
    let calls = tokio::spawn(async move { served(&peer, 400).await });
    died.was_called(died.calls() + 5).await;
    replicas[2].kill();
    calls.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_replica_that_comes_back_answers_at_once() {
    let mut replica = Replica::start(Fake::new(Act::Serve));
    let world = World::of(&[replica.address]);
    world.call().await.unwrap();
    replica.kill();
    until("it is gone", async || world.call().await.is_err()).await;
    let gone = world.call().await.unwrap_err();
    assert_eq!(gone.code(), Code::Unavailable);
    assert_eq!(world.counted("ejections"), 1);
    let _again = Replica::start_at(Fake::new(Act::Serve), replica.address);
    world.call().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_named_no_more_ends_its_calls_and_gets_no_new_ones() {
    let [leaving, staying] = replicas::<2>();
    leaving.fake.becomes(Act::Hold);
    staying.fake.becomes(Act::Hold);
    let world = World::of(&[leaving.address, staying.address]);
    let held = [begin(&world.peer), begin(&world.peer)];
    // Each takes the address that has none in flight.
    leaving.fake.was_called(1).await;
    staying.fake.was_called(1).await;
    let begun = Instant::now();
    world.dns.says(&[staying.address]);
    until("it leaves", async || {
        places(&world.peer) == [staying.address]
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    staying.fake.release();
    for _ in 0..50 {
        world.call().await.unwrap();
    }
    assert_eq!((leaving.fake.calls(), staying.fake.calls()), (1, 51));
    leaving.fake.release();
    for held in held {
        held.await.unwrap().unwrap();
    }
    assert_eq!(world.counted("retries"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_fails_is_looked_up_anew_at_once() {
    let replica = Replica::start(Fake::new(Act::Serve));
    let gone = dead();
    let world = World::of(&[gone]);
    assert_eq!(world.call().await.unwrap_err().code(), Code::Unavailable);
    let begun = Instant::now();
    world.dns.says(&[replica.address]);
    until("the new address is found", async || {
        world.call().await.is_ok()
    })
    .await;
    // Not when the time is up, five seconds later.
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(places(&world.peer), [replica.address]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_up_stays_where_it_was() {
    let replica = Replica::start(Fake::new(Act::Serve));
    // Whenever the dead one is tried, the name is looked up.
    let world = World::of(&[replica.address, dead()]);
    world.call().await.unwrap();
    let known = places(&world.peer);
    assert_eq!(known.len(), 2);
    world.dns.fails();
    for wrong in ["no answer", "no address"] {
        let asked = world.dns.asked();
        until(wrong, async || {
            world.call().await.unwrap();
            world.dns.asked() >= asked + 2
        })
        .await;
        assert_eq!(places(&world.peer), known, "{wrong}");
        world.dns.says(&[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_address_a_call_says_so_until_there_is_one() {
    let world = World::of(&[]);
    world.dns.fails();
    let unknown = world.call().await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unavailable);
    let replica = Replica::start(Fake::new(Act::Serve));
    world.dns.says(&[replica.address]);
    until("it is found", async || world.call().await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_names_and_several_addresses_of_one_are_all_asked() {
    let named = Replica::start(Fake::new(Act::Serve));
    let other = Replica::start_at(Fake::new(Act::Serve), ([127, 0, 0, 2], 0).into());
    let world = World::with(&[], |means| means.resolve = dns());
    let uris = [
        format!("http://localhost:{}", named.address.port()),
        format!("http://127.0.0.2:{}", other.address.port()),
    ];
    let uris = uris.map(|uri| uri.parse().unwrap());
    let (inner, credential) = (&world.peer.inner, "messaging.secret");
    let peer = Peer::network(inner.me, inner.name, &uris, credential, &inner.means).unwrap();
    // `localhost` may also mean an address where nobody listens.
    served(&peer, 100).await;
    // How many each gets depends on which one is faster.
    let calls = [named.fake.calls(), other.fake.calls()];
    assert!(calls.iter().all(|calls| *calls > 0), "{calls:?}");
    assert_eq!(calls[0] + calls[1], 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_looked_up_once_the_peer_is_gone() {
    let replica = Replica::start(Fake::new(Act::Serve));
    let World { peer, dns, .. } = World::of(&[replica.address]);
    ask(&peer, LONG, "someone").await.unwrap();
    let other = peer.clone();
    drop(peer);
    ask(&other, LONG, "someone").await.unwrap();
    assert!(dns.holders() > 1);
    drop(other);
    until("the task has ended", async || dns.holders() == 1).await;
}

#[test]
fn what_names_no_host_is_refused() {
    let world = World::with(&[], |_| {});
    let inner = &world.peer.inner;
    for uris in [vec![], vec!["/path".parse().unwrap()]] {
        let peer = Peer::network(inner.me, inner.name, &uris, "secret", &inner.means);
        assert!(peer.is_err(), "{uris:?}");
    }
}
