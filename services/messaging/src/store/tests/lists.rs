//! Lists, page by page: nothing twice, nothing left out, whatever comes in between.

use postern_shared::id::{ConversationId, UserId};

use super::{World, asking, friendly, person};
use crate::{domain::Folder, store::List};

/// More pages than any list here has.
const PAGES_MAX: usize = 20;

/// Every page of a folder.
async fn pages(world: &World, user: UserId, folder: Folder, size: u64) -> Vec<ConversationId> {
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = world
            .store
            .list(user, List::Folder(folder), after, size)
            .await;
        let page = page.unwrap();
        let Some(last) = page.last() else {
            return found;
        };
        after = Some(last.last_event);
        found.extend(page.iter().map(|listed| listed.conversation));
    }
    panic!("pages without end");
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_come_latest_first_once_each() {
    let world = World::new().await;
    let ada = person();
    let mut pairs = Vec::new();
    for index in 0..7 {
        let other = person();
        let pair = world.pair(ada, other).await;
        world.commit(&[friendly(pair, other, "1")]).await;
        if index == 3 {
            world.commit(&[asking(pair, other, "request")]).await;
        }
        pairs.push(pair);
    }
    let asked = pairs.remove(3);
    let expected: Vec<_> = pairs.iter().rev().map(|pair| pair.id).collect();
    for size in 1..9 {
        assert_eq!(pages(&world, ada, Folder::Inbox, size).await, expected);
        assert_eq!(pages(&world, ada, Folder::Requests, size).await, [asked.id]);
        assert!(pages(&world, ada, Folder::Hidden, size).await.is_empty());
    }
    let listed = world
        .store
        .list(ada, List::Folder(Folder::Requests), None, 9)
        .await;
    let [request] = &listed.unwrap()[..] else {
        panic!("one request waits");
    };
    assert_eq!((request.waiting, request.last_message.seq), (1, 2));
    assert_eq!(Some(request.peer), asked.peer_of(ada));
    // A new message brings its conversation to the top.
    world.commit(&[friendly(pairs[0], ada, "2")]).await;
    let top = world
        .store
        .list(ada, List::Folder(Folder::Inbox), None, 1)
        .await;
    let top = &top.unwrap()[0];
    assert_eq!((top.conversation, top.last_message.seq), (pairs[0].id, 2));
    assert!(pages(&world, person(), Folder::Inbox, 3).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_newest_first_once_each_to_their_two_people_alone() {
    let world = World::new().await;
    let (ada, ben, pair) = world.two().await;
    let empty = world.store.list_messages(ada, pair.id, None, 9).await;
    assert!(empty.unwrap().is_none(), "nothing was written yet");
    let sent: Vec<_> = (0..7)
        .map(|index| {
            friendly(
                pair,
                if index % 2 == 0 { ada } else { ben },
                &format!("{index}"),
            )
        })
        .collect();
    world.commit(&sent).await;
    for (user, size) in [ada, ben]
        .into_iter()
        .flat_map(|u| [(u, 1), (u, 3), (u, 9)])
    {
        let (mut seqs, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = world.store.list_messages(user, pair.id, after, size).await;
            let page = page.unwrap().unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            seqs.extend(page.iter().map(|message| message.seq));
        }
        assert_eq!(seqs, (1..=7).rev().collect::<Vec<_>>());
    }
    let foreign = world.store.list_messages(person(), pair.id, None, 9).await;
    assert!(foreign.unwrap().is_none());
    let listed = world.store.listed(ada, pair.id).await.unwrap().unwrap();
    assert_eq!((listed.peer, listed.last_message.seq), (ben, 7));
    assert!(
        world
            .store
            .listed(person(), pair.id)
            .await
            .unwrap()
            .is_none()
    );
}
