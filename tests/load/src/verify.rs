//! Compares what was acknowledged with what was read back.
//!
//! Pure. It promises to find a message that was acknowledged and is not where its receiver looks,
//! one that is there twice or should not be there, and a conversation that is not in order. Only
//! what the receiver sees counts for the first two.

use std::collections::HashMap;

use crate::plan::Plan;
use crate::send::{Answer, Folder, Stored};

/// One conversation as one person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Who looked.
    pub reader: usize,
    /// In which of their lists they found the conversation.
    pub folder: Folder,
    /// The conversation.
    pub conversation_id: String,
    /// Its messages in the order of the answer.
    pub newest_first: Vec<Seen>,
}

/// One message as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its place in the conversation.
    pub seq: i64,
    /// Who wrote it; `None`: nobody of the trace.
    pub sender: Option<usize>,
    /// Which message of the plan its text names, if any.
    pub message: Option<usize>,
}

/// How many faults were found; all 0 is well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Acknowledged, but not in that list of the receiver which the answer named.
    pub missing: u64,
    /// There more than once, or there although it was refused or belongs to no one of the trace.
    pub duplicated: u64,
    /// Not at the place that was acknowledged, before what was sent earlier, or beside a gap.
    pub out_of_order: u64,
}

/// How often a receiver found a message.
#[derive(Clone, Copy, Default)]
struct Found {
    /// In the list that the answer named.
    rightly: u64,
    /// In the other one.
    elsewhere: u64,
}

/// Compares. `answers` are those to the messages of the plan, in its order.
#[must_use]
pub fn compare(plan: &Plan, answers: &[Option<Answer>], views: &[View]) -> Faults {
    let stored = |message: usize| match answers.get(message) {
        Some(Some(Answer::Stored(stored))) => Some(stored),
        _ => None,
    };
    let opened = opened(answers);
    let mut faults = Faults::default();
    let mut found = vec![Found::default(); plan.messages.len()];
    let mut disorder: HashMap<&str, u64> = HashMap::new();
    for view in views {
        // Both people see the same disorder: it counts once.
        let most = disorder.entry(&view.conversation_id).or_default();
        *most = (*most).max(disorder_of(view));
        let received = |seen: &&Seen| seen.sender != Some(view.reader);
        for seen in view.newest_first.iter().filter(received) {
            let own = |message: &usize| is_for(plan, view.reader, seen, *message);
            let Some(message) = seen.message.filter(own) else {
                faults.duplicated += 1;
                continue;
            };
            let stored = stored(message);
            if stored.is_some_and(|stored| !is_at(stored, view, seen.seq)) {
                faults.out_of_order += 1;
            }
            if stored.is_none_or(|stored| is_in(stored, view.folder, &opened)) {
                found[message].rightly += 1;
            } else {
                found[message].elsewhere += 1;
            }
        }
    }
    faults.out_of_order += disorder.values().sum::<u64>();
    for (found, answer) in found.iter().zip(answers) {
        let wanted = u64::from(!matches!(answer, Some(Answer::Refused(_))));
        faults.duplicated += (found.rightly + found.elsewhere).saturating_sub(wanted);
        let acknowledged = matches!(answer, Some(Answer::Stored(_)));
        faults.missing += u64::from(acknowledged && found.rightly == 0);
    }
    faults
}

/// The last place in each conversation that was acknowledged as being in the inbox.
fn opened(answers: &[Option<Answer>]) -> HashMap<&str, i64> {
    let mut opened: HashMap<&str, i64> = HashMap::new();
    for answer in answers.iter().flatten() {
        if let Answer::Stored(stored) = answer
            && stored.folder == Folder::Inbox
        {
            let last = opened.entry(&stored.conversation_id).or_default();
            *last = stored.seq.max(*last);
        }
    }
    opened
}

/// Whether a message that the reader saw is one that was sent to them, by whom it says.
fn is_for(plan: &Plan, reader: usize, seen: &Seen, message: usize) -> bool {
    let planned = &plan.messages[message];
    planned.receiver == reader && seen.sender == Some(planned.sender)
}

fn is_at(stored: &Stored, view: &View, seq: i64) -> bool {
    stored.seq == seq && stored.conversation_id == view.conversation_id
}

/// Whether a list is the right one. A request that was answered later has become inbox.
fn is_in(stored: &Stored, folder: Folder, opened: &HashMap<&str, i64>) -> bool {
    let later = opened
        .get(stored.conversation_id.as_str())
        .is_some_and(|seq| *seq > stored.seq);
    stored.folder == folder || (folder == Folder::Inbox && later)
}

/// How often a place does not follow from the one before, and how often a message comes after one
/// that was sent later.
fn disorder_of(view: &View) -> u64 {
    let mut disorder = 0;
    let mut seq = 0;
    let mut latest = None;
    for seen in view.newest_first.iter().rev() {
        disorder += u64::from(seen.seq != seq + 1);
        seq = seen.seq;
        disorder += u64::from(seen.message.is_some() && seen.message < latest);
        latest = latest.max(seen.message);
    }
    disorder
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::trace_of;

    /// 0 and 1 are friends, 0 wrote to 2, who never answers and got the first message only.
    fn plan() -> Plan {
        Plan::of(&trace_of(&[(0, 1), (0, 2), (1, 0), (0, 1), (0, 2)]))
    }

    fn stored(conversation_id: &str, seq: i64, folder: Folder) -> Option<Answer> {
        Some(Answer::Stored(Stored {
            conversation_id: conversation_id.into(),
            seq,
            folder,
        }))
    }

    fn answers() -> Vec<Option<Answer>> {
        vec![
            stored("friends", 1, Folder::Inbox),
            stored("strangers", 1, Folder::Requests),
            stored("friends", 2, Folder::Inbox),
            stored("friends", 3, Folder::Inbox),
            Some(Answer::Refused("AWAITING_ACCEPTANCE".into())),
        ]
    }

    fn seen(seq: i64, sender: usize, message: usize) -> Seen {
        Seen {
            seq,
            sender: Some(sender),
            message: Some(message),
        }
    }

    fn view(reader: usize, folder: Folder, conversation_id: &str, seen: &[Seen]) -> View {
        let conversation_id = conversation_id.into();
        View {
            reader,
            folder,
            conversation_id,
            newest_first: seen.to_vec(),
        }
    }

    const FRIENDS_OF_0: usize = 0;
    const FRIENDS_OF_1: usize = 2;
    const REQUEST_OF_2: usize = 3;

    fn views() -> Vec<View> {
        let friends = [seen(3, 0, 3), seen(2, 1, 2), seen(1, 0, 0)];
        let strangers = [seen(1, 0, 1)];
        vec![
            view(0, Folder::Inbox, "friends", &friends),
            view(0, Folder::Inbox, "strangers", &strangers),
            view(1, Folder::Inbox, "friends", &friends),
            view(2, Folder::Requests, "strangers", &strangers),
        ]
    }

    fn faults(change: impl FnOnce(&mut Vec<View>)) -> [u64; 3] {
        faults_of(&answers(), change)
    }

    fn faults_of(answers: &[Option<Answer>], change: impl FnOnce(&mut Vec<View>)) -> [u64; 3] {
        let mut views = views();
        change(&mut views);
        let found = compare(&plan(), answers, &views);
        [found.missing, found.duplicated, found.out_of_order]
    }

    #[test]
    fn all_is_well() {
        assert_eq!(faults(|_| ()), [0, 0, 0]);
    }

    #[test]
    fn a_message_that_is_lost_is_missing() {
        // The last of a conversation: only its absence shows.
        let lose_last = |views: &mut Vec<View>| {
            views[FRIENDS_OF_1].newest_first.remove(0);
        };
        assert_eq!(faults(lose_last), [1, 0, 0]);
        // One in the middle leaves a gap as well.
        let lose_first = |views: &mut Vec<View>| {
            views[FRIENDS_OF_1].newest_first.remove(2);
        };
        assert_eq!(faults(lose_first), [1, 0, 1]);
        assert_eq!(faults(|views| drop(views.remove(REQUEST_OF_2))), [1, 0, 0]);
    }

    #[test]
    fn it_does_not_help_that_the_sender_sees_it() {
        assert_eq!(faults(|views| views.truncate(FRIENDS_OF_1)), [3, 0, 0]);
    }

    #[test]
    fn a_message_in_the_wrong_list_is_missing() {
        let to_inbox = |views: &mut Vec<View>| views[REQUEST_OF_2].folder = Folder::Inbox;
        assert_eq!(faults(to_inbox), [1, 0, 0]);
        let to_requests = |views: &mut Vec<View>| views[FRIENDS_OF_1].folder = Folder::Requests;
        assert_eq!(faults(to_requests), [2, 0, 0]);
    }

    #[test]
    fn a_request_that_became_inbox_is_in_its_place() {
        let mut answers = answers();
        answers[0] = stored("friends", 1, Folder::Requests);
        assert_eq!(faults_of(&answers, |_| ()), [0, 0, 0]);
    }

    #[test]
    fn a_message_that_is_there_twice_is_duplicated() {
        let twice = |views: &mut Vec<View>| {
            views[FRIENDS_OF_1].newest_first.insert(0, seen(4, 0, 3));
        };
        // The second is also not where the answer said.
        assert_eq!(faults(twice), [0, 1, 1]);
        let listed_twice = |views: &mut Vec<View>| views.push(views[REQUEST_OF_2].clone());
        assert_eq!(faults(listed_twice), [0, 1, 0]);
    }

    #[test]
    fn a_message_that_was_refused_must_not_be_there() {
        let refused = |views: &mut Vec<View>| {
            views[REQUEST_OF_2].newest_first.insert(0, seen(2, 0, 4));
        };
        assert_eq!(faults(refused), [0, 1, 0]);
    }

    #[test]
    fn a_message_that_nobody_sent_must_not_be_there() {
        let strange = |views: &mut Vec<View>| {
            let strange = Seen {
                seq: 2,
                sender: None,
                message: None,
            };
            views[REQUEST_OF_2].newest_first.insert(0, strange);
        };
        assert_eq!(faults(strange), [0, 1, 0]);
        // In the wrong hands: it is missing where it belongs and too much where it is.
        let misled = |views: &mut Vec<View>| views[REQUEST_OF_2].reader = 1;
        assert_eq!(faults(misled), [1, 1, 0]);
    }

    #[test]
    fn a_message_without_an_answer_may_be_there_once() {
        let mut answers = answers();
        answers[3] = None;
        assert_eq!(faults_of(&answers, |_| ()), [0, 0, 0]);
        let lose = |views: &mut Vec<View>| {
            views[FRIENDS_OF_1].newest_first.remove(0);
        };
        assert_eq!(faults_of(&answers, lose), [0, 0, 0]);
    }

    #[test]
    fn places_have_no_gaps() {
        let gap = |views: &mut Vec<View>| views[FRIENDS_OF_0].newest_first[0].seq = 4;
        assert_eq!(faults(gap), [0, 0, 1]);
        // Both see it, and the receiver also not where it was acknowledged.
        let both = |views: &mut Vec<View>| {
            views[FRIENDS_OF_0].newest_first[0].seq = 4;
            views[FRIENDS_OF_1].newest_first[0].seq = 4;
        };
        assert_eq!(faults(both), [0, 0, 2]);
    }

    #[test]
    fn a_conversation_is_in_the_order_of_the_trace() {
        let mut swapped = answers();
        swapped.swap(0, 3);
        let swap = |views: &mut Vec<View>| {
            for view in [FRIENDS_OF_0, FRIENDS_OF_1] {
                views[view].newest_first = vec![seen(3, 0, 0), seen(2, 1, 2), seen(1, 0, 3)];
            }
        };
        assert_eq!(faults_of(&swapped, swap), [0, 0, 2]);
    }

    #[test]
    fn pages_are_newest_first() {
        let turn = |views: &mut Vec<View>| views[FRIENDS_OF_0].newest_first.reverse();
        let [missing, duplicated, out_of_order] = faults(turn);
        assert_eq!([missing, duplicated], [0, 0]);
        assert!(out_of_order > 0);
    }
}
