//! Following and blocking: what lies between people, what each of them sees of it, and that who
//! blocks is gone.

use std::time::Duration;

use postern_proto::{
    common::v1::{ErrorReason, PageInfo, PageRequest, PersonRef},
    graph::v1::{
        BlockRequest, Edge, FollowRequest, GetCountsRequest, GetMyRelationshipRequest,
        ListBlockedRequest, ListFollowersRequest, ListFollowingRequest, ListFriendsRequest,
        MyRelationship, RemoveFollowerRequest, UnblockRequest, UnfollowRequest,
    },
};
use postern_shared::{id::UserId, random::Random};
use tonic::{Code, Status};

use crate::suite::{Person, Suite, all_of, assert_fails, by_handle, by_id};

/// What one person can do about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Follow,
    Unfollow,
    RemoveFollower,
    Block,
    Unblock,
    Look,
}

use Act::{Block, Follow, Look, RemoveFollower, Unblock, Unfollow};

const ACTS: [Act; 6] = [Follow, Unfollow, RemoveFollower, Block, Unblock, Look];

async fn act(me: &Person, act: Act, person: Option<PersonRef>) -> Result<MyRelationship, Status> {
    let mut graph = me.graph();
    let relationship = match act {
        Follow => {
            let ask = me.ask(FollowRequest { person });
            graph.follow(ask).await?.into_inner().relationship
        }
        Unfollow => {
            let ask = me.ask(UnfollowRequest { person });
            graph.unfollow(ask).await?.into_inner().relationship
        }
        RemoveFollower => {
            let ask = me.ask(RemoveFollowerRequest { person });
            graph.remove_follower(ask).await?.into_inner().relationship
        }
        Block => {
            let ask = me.ask(BlockRequest { person });
            graph.block(ask).await?.into_inner().relationship
        }
        Unblock => {
            let ask = me.ask(UnblockRequest { person });
            graph.unblock(ask).await?.into_inner().relationship
        }
        Look => {
            let ask = me.ask(GetMyRelationshipRequest { person });
            graph
                .get_my_relationship(ask)
                .await?
                .into_inner()
                .relationship
        }
    };
    Ok(relationship.unwrap())
}

/// What an act answers: following, followed by, blocking.
async fn seen(me: &Person, what: Act, other: &Person) -> [bool; 3] {
    let seen = act(me, what, other.reference()).await.unwrap();
    assert_eq!(seen.user_id, other.id.to_string());
    assert_eq!(seen.friends, seen.following && seen.followed_by);
    [seen.following, seen.followed_by, seen.blocking]
}

async fn counts(me: &Person) -> [i64; 3] {
    let counts = me.graph().get_counts(me.ask(GetCountsRequest {})).await;
    let counts = counts.unwrap().into_inner();
    [counts.followers, counts.following, counts.friends]
}

#[derive(Debug, Clone, Copy)]
enum List {
    Followers,
    Following,
    Friends,
    Blocked,
}

const LISTS: [List; 4] = [
    List::Followers,
    List::Following,
    List::Friends,
    List::Blocked,
];

async fn page(me: &Person, list: List, size: i32, token: &str) -> (Vec<Edge>, String) {
    let page = Some(PageRequest {
        page_size: size,
        page_token: token.to_owned(),
    });
    let mut graph = me.graph();
    let (edges, info): (_, Option<PageInfo>) = match list {
        List::Followers => {
            let ask = me.ask(ListFollowersRequest { page });
            let answer = graph.list_followers(ask).await.unwrap().into_inner();
            (answer.followers, answer.page)
        }
        List::Following => {
            let ask = me.ask(ListFollowingRequest { page });
            let answer = graph.list_following(ask).await.unwrap().into_inner();
            (answer.following, answer.page)
        }
        List::Friends => {
            let ask = me.ask(ListFriendsRequest { page });
            let answer = graph.list_friends(ask).await.unwrap().into_inner();
            (answer.friends, answer.page)
        }
        List::Blocked => {
            let ask = me.ask(ListBlockedRequest { page });
            let answer = graph.list_blocked(ask).await.unwrap().into_inner();
            (answer.blocked, answer.page)
        }
    };
    (edges, info.unwrap().next_page_token)
}

/// How many are in each of a person's lists.
async fn lengths(me: &Person) -> [usize; 4] {
    let mut lengths = [0; 4];
    for (length, list) in lengths.iter_mut().zip(LISTS) {
        *length = page(me, list, 0, "").await.0.len();
    }
    lengths
}

#[tokio::test(flavor = "multi_thread")]
async fn following_is_one_sided_until_it_is_mutual() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    assert_eq!(seen(&ada, Look, &ben).await, [false; 3]);
    for _ in 0..2 {
        assert_eq!(seen(&ada, Follow, &ben).await, [true, false, false]);
    }
    assert_eq!(seen(&ben, Look, &ada).await, [false, true, false]);
    assert_eq!(
        (counts(&ada).await, counts(&ben).await),
        ([0, 1, 0], [1, 0, 0])
    );
    assert_eq!(seen(&ben, Follow, &ada).await, [true, true, false]);
    assert_eq!((counts(&ada).await, counts(&ben).await), ([1; 3], [1; 3]));
    assert_eq!(
        (lengths(&ada).await, lengths(&ben).await),
        ([1, 1, 1, 0], [1, 1, 1, 0])
    );
    for _ in 0..2 {
        assert_eq!(seen(&ada, Unfollow, &ben).await, [false, true, false]);
    }
    assert_eq!(seen(&ben, Look, &ada).await, [true, false, false]);
    for _ in 0..2 {
        assert_eq!(seen(&ada, RemoveFollower, &ben).await, [false; 3]);
    }
    assert_eq!(seen(&ben, Look, &ada).await, [false; 3]);
    assert_eq!((lengths(&ada).await, lengths(&ben).await), ([0; 4], [0; 4]));
    assert_eq!((counts(&ada).await, counts(&ben).await), ([0; 3], [0; 3]));
    // Handles name people as well as ids do.
    let followed = act(&ada, Follow, by_handle("ben")).await.unwrap();
    assert_eq!(
        (followed.user_id, followed.following),
        (ben.id.to_string(), true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_on_themselves_or_on_nobody() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let unknown = UserId::random(&Random::system()).to_string();
    for what in ACTS {
        for named in [ada.reference(), by_handle("ada")] {
            let answer = act(&ada, what, named).await;
            assert_fails(answer, Code::InvalidArgument, ErrorReason::SelfReference);
        }
        for named in [by_id(&unknown), by_handle("nobody")] {
            let answer = act(&ada, what, named).await;
            assert_fails(answer, Code::NotFound, ErrorReason::AccountNotFound);
        }
    }
    assert_eq!(lengths(&ada).await, [0; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_ends_follows_both_ways_and_nothing_brings_them_back() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ada.befriend(&ben).await;
    for _ in 0..2 {
        assert_eq!(seen(&ada, Block, &ben).await, [false, false, true]);
    }
    assert_eq!(
        (lengths(&ada).await, lengths(&ben).await),
        ([0, 0, 0, 1], [0; 4])
    );
    assert_eq!((counts(&ada).await, counts(&ben).await), ([0; 3], [0; 3]));
    let answer = act(&ada, Follow, ben.reference()).await;
    assert_fails(
        answer,
        Code::FailedPrecondition,
        ErrorReason::AccountBlockedByYou,
    );
    for what in [Unfollow, RemoveFollower, Look] {
        assert_eq!(
            seen(&ada, what, &ben).await,
            [false, false, true],
            "{what:?}"
        );
    }
    for _ in 0..2 {
        assert_eq!(seen(&ada, Unblock, &ben).await, [false; 3]);
    }
    assert_eq!((lengths(&ada).await, lengths(&ben).await), ([0; 4], [0; 4]));
    assert_eq!(seen(&ben, Follow, &ada).await, [true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_me_is_gone_to_the_last_byte() {
    let suite = Suite::start().await;
    let (ada, ben) = (suite.person("ada").await, suite.person("ben").await);
    ben.follow(&ada).await;
    ada.block(&ben).await;
    let unknown = UserId::random(&Random::system()).to_string();
    for what in [Follow, Unfollow, RemoveFollower, Look] {
        let gone = async |named| {
            let answer = act(&ben, what, named).await;
            let status = assert_fails(answer, Code::NotFound, ErrorReason::AccountNotFound);
            all_of(&status)
        };
        let nobody = gone(by_id(&unknown)).await;
        assert_eq!(gone(ada.reference()).await, nobody, "{what:?}");
        assert_eq!(gone(by_handle("ada")).await, nobody, "{what:?}");
        assert_eq!(gone(by_handle("nobody")).await, nobody, "{what:?}");
    }
    assert_eq!((lengths(&ben).await, counts(&ben).await), ([0; 4], [0; 3]));
    // A refusal would tell, so blocking works, and shows the own block alone.
    assert_eq!(seen(&ben, Block, &ada).await, [false, false, true]);
    assert_eq!(
        page(&ben, List::Blocked, 0, "").await.0[0].user_id,
        ada.id.to_string()
    );
    // Each is gone to the other now, and each block ends by itself.
    for me in [(&ada, &ben), (&ben, &ada)] {
        let answer = act(me.0, Look, me.1.reference()).await;
        assert_fails(answer, Code::NotFound, ErrorReason::AccountNotFound);
    }
    assert_eq!(seen(&ben, Unblock, &ada).await, [false; 3]);
    assert_eq!(seen(&ada, Look, &ben).await, [false, false, true]);
    let answer = act(&ben, Follow, ada.reference()).await;
    assert_fails(answer, Code::NotFound, ErrorReason::AccountNotFound);
    ada.unblock(&ben).await;
    assert_eq!(seen(&ben, Follow, &ada).await, [true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_run_from_the_newest_to_the_oldest_by_pages() {
    let suite = Suite::start().await;
    let ada = suite.person("ada").await;
    let mut people = Vec::new();
    for number in 0..5 {
        let person = suite.person(&format!("p{number}")).await;
        suite.pass(Duration::from_secs(1));
        ada.befriend(&person).await;
        people.insert(0, (person.id.to_string(), suite.clock.now().to_proto()));
    }
    let expected = |edges: &[Edge]| {
        let pairs = edges
            .iter()
            .map(|edge| (edge.user_id.clone(), edge.create_time.unwrap()));
        pairs.collect::<Vec<_>>()
    };
    for list in [List::Followers, List::Following, List::Friends] {
        assert_eq!(
            expected(&page(&ada, list, 0, "").await.0),
            people,
            "{list:?}"
        );
        let (mut all, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let (edges, next) = page(&ada, list, 2, &token).await;
            all.extend(edges);
            pages += 1;
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!((expected(&all), pages), (people.clone(), 3), "{list:?}");
        // A page that is just full is the last one.
        assert_eq!(page(&ada, list, 5, "").await.1, "");
    }
    let ids: Vec<_> = people.iter().map(|(id, _)| id.clone()).collect();
    // What comes and goes between two pages neither repeats nor hides the others.
    let (first, token) = page(&ada, List::Following, 2, "").await;
    ada.follow(&suite.person("new").await).await;
    act(&ada, Unfollow, by_id(&ids[1])).await.unwrap();
    act(&ada, Unfollow, by_id(&ids[2])).await.unwrap();
    let (rest, end) = page(&ada, List::Following, 5, &token).await;
    let walked: Vec<_> = first
        .iter()
        .chain(&rest)
        .map(|edge| edge.user_id.clone())
        .collect();
    assert_eq!(walked, [&ids[..2], &ids[3..]].concat());
    assert_eq!(end, "");
    for id in &ids {
        act(&ada, Block, by_id(id)).await.unwrap();
    }
    let (blocked, token) = page(&ada, List::Blocked, 3, "").await;
    let (more, end) = page(&ada, List::Blocked, 3, &token).await;
    let mut blocked: Vec<_> = [blocked, more]
        .concat()
        .into_iter()
        .map(|edge| edge.user_id)
        .collect();
    blocked.sort();
    let mut ids = ids;
    ids.sort();
    assert_eq!((blocked, end.as_str()), (ids, ""));
    assert_eq!(counts(&ada).await, [0, 1, 0]);
}
