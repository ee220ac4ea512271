//! One disguise: to somebody whom they block a person looks as one who is gone. Two pairs of people
//! live through the same, then one of the others blocks and the other leaves, and everything that
//! can be heard about them is laid side by side.

use std::collections::BTreeSet;

use postern_proto::policy::v1::WhoCanMessage;
use postern_shared::access::{self, Access};

use super::transcript::{Line, Scribe};
use crate::suite::{Person, Suite, delivered, placement};

/// What the two of a pair have done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing.
    Nothing,
    /// They are friends and talk.
    Friends,
    /// The one who listens follows the other.
    Following,
    /// The other follows the one who listens.
    Followed,
    /// The one who listens asked the other.
    Asked,
    /// The other asked the one who listens.
    WasAsked,
    /// The same, and then the one who listens takes no messages any more.
    WasAskedWhileOff,
    /// The other asked, and was taken in.
    Accepted,
}

const BEFORE: [Before; 8] = [
    Before::Nothing,
    Before::Friends,
    Before::Following,
    Before::Followed,
    Before::Asked,
    Before::WasAsked,
    Before::WasAskedWhileOff,
    Before::Accepted,
];

/// RPCs by which nobody hears of another, and why.
const ABOUT_NOBODY_ELSE: &[&str] = &[
    "AccountService/CreateAccount",
    "AccountService/UpdateAccount",
    "AccountService/DeactivateAccount",
    "AccountService/ReactivateAccount",
    "SessionService/CreateSession",
    "SessionService/RefreshSession",
    "SessionService/ListSessions",
    "SessionService/RevokeSession",
    "SessionService/GetJwks",
    "StandingService/GetMyStanding",
    "GraphService/GetEnforcement",
    "SettingsService/GetSettings",
    "SettingsService/UpdateSettings",
    "SettingsService/GetEffectivePolicy",
    "SettingsService/GetEnforcement",
    "SettingsService/ListChanges",
];

async fn live(suite: &Suite, name: &str, before: Before) -> (Person, Person, Option<String>) {
    let me = suite.open_person(&format!("{name}.me")).await;
    let peer = suite.open_person(&format!("{name}.peer")).await;
    let first = match before {
        Before::Nothing => None,
        Before::Friends => {
            me.befriend(&peer).await;
            me.send(&peer, "hello").await;
            Some(peer.send(&me, "hello to you").await)
        }
        Before::Following => {
            me.follow(&peer).await;
            None
        }
        Before::Followed => {
            peer.follow(&me).await;
            Some(me.send(&peer, "thank you for following").await)
        }
        Before::Asked => Some(me.send(&peer, "may I?").await),
        Before::WasAsked => Some(peer.send(&me, "may I?").await),
        Before::WasAskedWhileOff => {
            let asked = peer.send(&me, "may I?").await;
            me.let_write(WhoCanMessage::NoOne).await;
            Some(asked)
        }
        Before::Accepted => {
            let asked = peer.send(&me, "may I?").await;
            let id = delivered(asked.clone()).message.unwrap().conversation_id;
            me.accept(&id).await.unwrap();
            me.let_write(WhoCanMessage::Friends).await;
            Some(asked)
        }
    };
    let id = first.map(|answer| delivered(answer).message.unwrap().conversation_id);
    (me, peer, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_looks_like_who_is_gone() {
    let mut heard = BTreeSet::new();
    for before in BEFORE {
        let suite = Suite::start().await;
        let (me1, peer1, id1) = live(&suite, "one", before).await;
        let (me2, peer2, id2) = live(&suite, "two", before).await;
        peer1.block(&me1).await;
        peer2.deactivate().await;
        let mut blocked = Scribe::new(&suite, &me1, &peer1, id1);
        let mut gone = Scribe::new(&suite, &me2, &peer2, id2);
        for scribe in [&mut blocked, &mut gone] {
            scribe.read().await;
            scribe.write().await;
        }
        let (blocked, gone) = (blocked.lines(), gone.lines());
        heard.extend(blocked.iter().map(|line| line.rpc));
        same(&format!("{before:?}"), &blocked, &gone);
    }
    // Nothing that a person can call is left out.
    let people = access::all().filter(|row| {
        row.service.starts_with("postern.")
            && matches!(
                row.access,
                Access::User | Access::AnyStanding | Access::Anyone
            )
    });
    let name = |row: access::Rpc| {
        let service = row.service.rsplit('.').next().unwrap();
        format!("{service}/{}", row.method)
    };
    let callable: BTreeSet<_> = people.map(name).collect();
    let rpcs = heard.iter().filter(|rpc| rpc.contains('/'));
    let known = rpcs.chain(ABOUT_NOBODY_ELSE).map(|rpc| (*rpc).to_owned());
    assert_eq!(known.collect::<BTreeSet<_>>(), callable);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_declined_hears_what_who_waits_hears() {
    let suite = Suite::start().await;
    let (me1, peer1, id1) = live(&suite, "one", Before::Asked).await;
    let (me2, peer2, id2) = live(&suite, "two", Before::Asked).await;
    let mut before = [
        Scribe::new(&suite, &me1, &peer1, id1.clone()),
        Scribe::new(&suite, &me2, &peer2, id2.clone()),
    ];
    for scribe in &mut before {
        scribe.read().await;
    }
    let [one, two] = before.map(Scribe::lines);
    same("asked", &one, &two);
    for (me, peer) in [(&me1, &peer1), (&me2, &peer2)] {
        for text in ["two", "three"] {
            placement(me.send(peer, text).await);
        }
    }
    let id = id1.clone().unwrap();
    peer1.decline(&id, false).await.unwrap();
    let mut after = [
        Scribe::new(&suite, &me1, &peer1, id1),
        Scribe::new(&suite, &me2, &peer2, id2),
    ];
    for scribe in &mut after {
        scribe.read().await;
        scribe.write().await;
    }
    let [one, two] = after.map(Scribe::lines);
    same("declined", &one, &two);
}

#[track_caller]
fn same(what: &str, one: &[Line], two: &[Line]) {
    assert_eq!(one.len(), two.len(), "{what}");
    let mut different = Vec::new();
    for (place, (one, two)) in one.iter().zip(two).enumerate() {
        assert_eq!(one.rpc, two.rpc);
        if one.said != two.said {
            different.push(format!(
                "{place} {}\n  {}\n  {}",
                one.rpc, one.said, two.said
            ));
        }
    }
    assert!(different.is_empty(), "{what}:\n{}", different.join("\n"));
}
