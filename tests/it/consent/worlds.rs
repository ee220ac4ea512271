//! Random worlds: what is explained is what is sent and what the policy says, and what a preview
//! tells is what the change then does. A seed is printed; `POSTERN_TEST_SEED` sees it again.

use std::{collections::BTreeSet, time::Duration};

use fastrand::Rng;
use postern_proto::{
    common::v1::PageRequest,
    messaging::v1::{
        ConversationFolder, PeerState, PreviewSettingsRequest, PreviewSettingsResponse,
    },
};

use super::{
    acting::{World, choice},
    oracle::{Act, Content, Model, Who},
};
use crate::suite::{Person, Suite, repetitions, seed};

/// Cases in a short run and in a long one.
const CASES: (usize, usize) = (500, 10_000);
/// Cases that one set of people lives through.
const CASES_A_WORLD: usize = 50;
const PEOPLE: usize = 4;
/// Acts between two cases.
const ACTS: usize = 3;

const CONTENTS: [Content; 4] = [
    Content::Text,
    Content::Text,
    Content::TextWithLink,
    Content::Video,
];
const WHO: [Who; 3] = [Who::Everyone, Who::Friends, Who::NoOne];

/// People of the suite and the oracle's idea of them, which must never part.
struct Both {
    suite: Suite,
    world: World,
    model: Model,
    random: Rng,
}

impl Both {
    async fn new(random: Rng) -> Self {
        let suite = Suite::start().await;
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(suite.person(&format!("p{number}")).await);
        }
        Self {
            suite,
            world: World::of(people),
            model: Model::new(PEOPLE),
            random,
        }
    }

    fn pair(&mut self) -> (usize, usize) {
        let one = self.random.usize(0..PEOPLE);
        let other = (one + self.random.usize(1..PEOPLE)) % PEOPLE;
        (one, other)
    }

    async fn act(&mut self) {
        let (me, peer) = self.pair();
        let who = self.random.choice(WHO).unwrap();
        let act = match self.random.u8(0..22) {
            // Somebody who has left does nothing but come back.
            _ if !self.model.here[me] => Act::Return(me),
            20 => Act::Leave(me),

            0..=2 => Act::Follow(me, peer),
            3 => Act::Unfollow(me, peer),
            4 => Act::Remove(me, peer),
            5 => Act::Block(me, peer),
            6..=7 => Act::Unblock(me, peer),
            8..=11 => Act::Send(me, peer),
            12..=13 => Act::Accept(me, peer),
            14 => Act::Decline(me, peer),
            15 => Act::Revoke(me, peer),
            16..=17 => Act::Choose(me, Who::Everyone),
            _ => Act::Choose(me, who),
        };
        self.model.act(act);
        self.world.act(act).await;
    }

    /// Which people go by these ids.
    fn places(&self, ids: impl IntoIterator<Item = String>) -> BTreeSet<usize> {
        let place = |id: String| {
            let of = |person: &Person| person.id.to_string() == id;
            self.world.people.iter().position(of).unwrap()
        };
        ids.into_iter().map(place).collect()
    }

    /// Budgets fill up and tokens stay young.
    fn pass(&mut self) {
        self.suite.pass(Duration::from_secs(20));
        for person in &mut self.world.people {
            *person = self.suite.renewed(person);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_is_what_is_sent() {
    let mut random = Rng::with_seed(seed());
    let cases = repetitions(CASES.0, CASES.1);
    for world in 0..cases / CASES_A_WORLD {
        let mut both = Both::new(random.fork()).await;
        for case in 0..CASES_A_WORLD {
            for _ in 0..ACTS {
                both.act().await;
            }
            let (me, peer) = both.pair();
            let content = both.random.choice(CONTENTS).unwrap();
            let expected = both.model.told_of(content, me, peer);
            let explained = both.world.explain_of(content, me, peer).await;
            assert_eq!(explained, expected, "world {world}, case {case}: explained");
            // Explaining has changed nothing.
            let sent = both.world.send_of(content, me, peer).await;
            assert_eq!(sent, expected, "world {world}, case {case}: sent");
            if sent.is_delivered() {
                both.model.act(Act::Send(me, peer));
            }
            both.pass();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_preview_tells_is_what_the_change_does() {
    let mut random = Rng::with_seed(seed());
    let cases = repetitions(CASES.0, CASES.1);
    let mut closed_at_all = 0;
    for world in 0..cases / CASES_A_WORLD {
        let mut both = Both::new(random.fork()).await;
        for case in 0..CASES_A_WORLD {
            for _ in 0..ACTS {
                both.act().await;
            }
            let me = both.random.usize(0..PEOPLE);
            if !both.model.here[me] {
                both.model.act(Act::Return(me));
                both.world.act(Act::Return(me)).await;
            }
            let who = both.random.choice(WHO).unwrap();
            let named = preview(&both.world.people[me], who).await;
            let told = both.places(named);
            // Only one's own side is looked at: what others chose for themselves is not told.
            let others: Vec<_> = (0..PEOPLE).filter(|other| *other != me).collect();
            let open = |both: &Both| -> BTreeSet<usize> {
                let may = |other: &usize| both.model.reaches(*other, me);
                others.iter().copied().filter(may).collect()
            };
            let before = open(&both);
            let known = listed(&both, me).await;
            both.model.act(Act::Choose(me, who));
            both.world.act(Act::Choose(me, who)).await;
            let after = open(&both);
            let closed = before
                .difference(&after)
                .filter(|other| known.contains(*other));
            let expected: BTreeSet<_> = closed.copied().collect();
            assert_eq!(
                told, expected,
                "world {world}, case {case}: {me} to {who:?}"
            );
            closed_at_all += told.len();
            // And what the model says of it the service does.
            for other in &expected {
                let now = both.world.explain(*other, me).await;
                assert!(
                    !now.is_delivered(),
                    "world {world}, case {case}: {other} still writes"
                );
            }
            both.pass();
        }
    }
    assert!(
        closed_at_all > cases / 20,
        "only {closed_at_all} were ever closed out"
    );
}

/// The people of somebody's inbox and requests, without those who look gone.
async fn listed(both: &Both, me: usize) -> BTreeSet<usize> {
    let person = &both.world.people[me];
    let inbox = person.conversations_in(ConversationFolder::Inbox).await;
    let present = (inbox.into_iter()).filter(|listed| listed.peer_state() == PeerState::Present);
    let mut ids: BTreeSet<_> = present.map(|listed| listed.peer_id).collect();
    ids.extend(
        person
            .filtered()
            .await
            .into_iter()
            .map(|asked| asked.sender_id),
    );
    both.places(ids)
}

/// Whom a preview names, over all of its pages.
async fn preview(person: &Person, who: Who) -> Vec<String> {
    let (mut named, mut token, mut count) = (Vec::new(), String::new(), None);
    loop {
        let ask = person.ask(PreviewSettingsRequest {
            who_can_message: choice(who).into(),
            page: Some(PageRequest {
                page_size: 2,
                page_token: token,
            }),
        });
        let answer = person.consents().preview_settings(ask).await.unwrap();
        let PreviewSettingsResponse {
            closed_count,
            complete,
            closed_user_ids,
            page,
            ..
        } = answer.into_inner();
        assert!(complete && *count.get_or_insert(closed_count) == closed_count);
        named.extend(closed_user_ids);
        token = page.unwrap().next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(count, i64::try_from(named.len()).ok());
    named
}
