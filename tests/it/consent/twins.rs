//! One disguise: to somebody whom they block a person looks as one who is gone. Two pairs of people
//! live through the same, then one of the others blocks and the other leaves, and everything that
//! can be heard about them is laid side by side.

use std::collections::BTreeSet;

use postern_proto::policy::v1::WhoCanMessage;
use postern_shared::access::{self, Access};

use super::{
    transcript::{Line, Scribe, Told},
    writes::suspend_for_a_day,
};
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
    /// The one who listens asked, and was declined.
    Declined,
    /// The other asked, and was declined.
    IDeclined,
    /// The one who listens asked, and took it back.
    TookBack,
    /// The one who listens blocks the other already.
    Blocking,
    /// They talked as friends, are none any more, and the one who listens asked.
    AskedAgain,
    /// The same, and it is the other who asked.
    WasAskedAgain,
}

const BEFORE: [Before; 14] = [
    Before::Nothing,
    Before::Friends,
    Before::Following,
    Before::Followed,
    Before::Asked,
    Before::WasAsked,
    Before::WasAskedWhileOff,
    Before::Accepted,
    Before::Declined,
    Before::IDeclined,
    Before::TookBack,
    Before::Blocking,
    Before::AskedAgain,
    Before::WasAskedAgain,
];

/// RPCs by which nobody hears of another, and why.
const ABOUT_NOBODY_ELSE: &[&str] = &[
    "AccountService/CreateAccount",
    "AccountService/UpdateAccount",
    "AccountService/DeactivateAccount",
    "AccountService/ReactivateAccount",
    "AccountService/GetEnforcement",
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
    let id = match before {
        Before::Nothing => None,
        Before::Blocking => {
            me.block(&peer).await;
            None
        }
        Before::Following => {
            me.follow(&peer).await;
            None
        }
        Before::Followed => {
            peer.follow(&me).await;
            Some(written(&me, &peer).await)
        }
        Before::Friends => {
            me.befriend(&peer).await;
            Some(written(&peer, &me).await)
        }
        Before::AskedAgain | Before::WasAskedAgain => {
            me.befriend(&peer).await;
            written(&me, &peer).await;
            written(&peer, &me).await;
            me.unfollow(&peer).await;
            peer.unfollow(&me).await;
            let was_asked = before == Before::WasAskedAgain;
            let (from, to) = if was_asked {
                (&peer, &me)
            } else {
                (&me, &peer)
            };
            Some(written(from, to).await)
        }
        Before::Asked | Before::Declined | Before::TookBack => {
            let id = written(&me, &peer).await;
            match before {
                Before::Declined => drop(peer.decline(&id, false).await.unwrap()),
                Before::TookBack => drop(me.unsend(&id, 1).await.unwrap()),
                _ => {}
            }
            Some(id)
        }
        Before::WasAsked | Before::WasAskedWhileOff | Before::IDeclined | Before::Accepted => {
            let id = written(&peer, &me).await;
            match before {
                Before::WasAskedWhileOff => me.let_write(WhoCanMessage::NoOne).await,
                Before::IDeclined => drop(me.decline(&id, false).await.unwrap()),
                Before::Accepted => {
                    me.accept(&id).await.unwrap();
                    me.let_write(WhoCanMessage::Friends).await;
                }
                _ => {}
            }
            Some(id)
        }
    };
    (me, peer, id)
}

/// A message that was stored; its conversation.
async fn written(from: &Person, to: &Person) -> String {
    let stored = delivered(from.send(to, "hello").await).message.unwrap();
    stored.conversation_id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_blocks_looks_like_who_is_gone() {
    let mut heard = BTreeSet::new();
    for (number, before) in BEFORE.into_iter().enumerate() {
        let suite = Suite::start().await;
        let told = Told::of(&suite).await;
        let (me1, peer1, id1) = live(&suite, "one", before).await;
        let (me2, peer2, id2) = live(&suite, "two", before).await;
        peer1.block(&me1).await;
        // In turn the two ways of being gone that people know of.
        if number % 2 == 0 {
            peer2.deactivate().await;
        } else {
            let mia = suite.moderator("mia").await;
            suspend_for_a_day(&suite, &mia, &peer2).await;
        }
        let mut blocked = Scribe::new(&told, &me1, &peer1, id1);
        let mut gone = Scribe::new(&told, &me2, &peer2, id2);
        for scribe in [&mut blocked, &mut gone] {
            scribe.read().await;
            if before == Before::WasAskedWhileOff {
                scribe.decline_all().await;
            }
            scribe.write().await;
            scribe.decline_all().await;
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
    let told = Told::of(&suite).await;
    let (me1, peer1, id1) = live(&suite, "one", Before::Asked).await;
    let (me2, peer2, id2) = live(&suite, "two", Before::Asked).await;
    let reading = async |what: &str, writes: bool| {
        let mut heard = [
            Scribe::new(&told, &me1, &peer1, id1.clone()),
            Scribe::new(&told, &me2, &peer2, id2.clone()),
        ];
        for scribe in &mut heard {
            scribe.read().await;
            if writes {
                scribe.write().await;
            }
        }
        let [one, two] = heard.map(Scribe::lines);
        same(what, &one, &two);
    };
    // One more pair of pairs: those who are declined after their first message hear nothing of it
    // until they write again, which is as much as is promised.
    let (me3, peer3, id3) = live(&suite, "three", Before::Asked).await;
    let (me4, peer4, id4) = live(&suite, "four", Before::Asked).await;
    peer3.decline(id3.as_ref().unwrap(), false).await.unwrap();
    let mut early = [
        Scribe::new(&told, &me3, &peer3, id3),
        Scribe::new(&told, &me4, &peer4, id4),
    ];
    for scribe in &mut early {
        scribe.read().await;
    }
    let [one, two] = early.map(Scribe::lines);
    same("declined after the first message", &one, &two);

    reading("asked", false).await;
    for (me, peer) in [(&me1, &peer1), (&me2, &peer2)] {
        for text in ["two", "three"] {
            placement(me.send(peer, text).await);
        }
    }
    peer1.decline(id1.as_ref().unwrap(), false).await.unwrap();
    reading("declined after the third message", true).await;
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
