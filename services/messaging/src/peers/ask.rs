//! One question to one owner, and what its answer says of each who was asked about.
//!
//! Promises: an answer about others than were asked for is none. Only an owner that was told which
//! version will do may say that it is behind.

use futures_util::future;
use postern_proto::{
    common::v1::{ErrorReason, PersonRef, person_ref::Person},
    graph::v1::GetRelationshipRequest,
    identity::v1::{BatchGetStandingRequest, GetStandingRequest},
    settings::v1::{BatchGetDmPoliciesRequest, GetDmPolicyRequest},
};
use postern_shared::{caller::Caller, error::reason_of, id::UserId};
use tonic::{Code, Response, Status};

use super::{
    Owners,
    ledger::{Fact, OutOfTime, Said, Wanted},
    read::{self, Account, Between, PairKey, Policy, in_order},
};

/// What came of a question about several.
type Answers<V> = Result<Vec<Said<V>>, OutOfTime>;

impl Owners {
    /// What lies between two people, asked for as one of the two sees it.
    pub(super) async fn ask_graph(
        &self,
        caller: &Caller,
        (user, peer): (UserId, UserId),
        wanted: Vec<Wanted<PairKey>>,
    ) -> Answers<Between> {
        let mut said = Vec::with_capacity(wanted.len());
        for one in wanted {
            let (lo, hi) = one.key;
            let (_, [lo_min, hi_min]) = in_order((lo, one.min[0]), (hi, one.min[1]));
            let (user_min, peer_min) = if user == lo {
                (lo_min, hi_min)
            } else {
                (hi_min, lo_min)
            };
            let ask = caller.ask(GetRelationshipRequest {
                user_id: user.to_string(),
                peer_id: peer.to_string(),
                min_user_version: user_min,
                min_peer_version: peer_min,
            });
            let answer = self.graph.clone().get_relationship(ask).await;
            let read = |answer| {
                let relationship: Option<_> = answer;
                read::between(user, peer, &relationship?)
            };
            said.push(one_said(answer, one.min != [0, 0], |a| {
                read(a.relationship)
            })?);
        }
        Ok(said)
    }

    /// What people chose. Of whom something too old is known, by a question of their own, that says
    /// what will do.
    pub(super) async fn ask_settings(
        &self,
        caller: &Caller,
        wanted: Vec<Wanted<UserId>>,
    ) -> Answers<Policy> {
        let (moved, others) = apart(&wanted);
        let single = moved.iter().map(|one| async move {
            let ask = caller.ask(GetDmPolicyRequest {
                user_id: one.key.to_string(),
                min_version: one.min[0],
            });
            let answer = self.settings.clone().get_dm_policy(ask).await;
            one_said(answer, true, |answer| {
                let policy = answer.policy.filter(|p| p.user_id == one.key.to_string());
                read::policy(&policy?)
            })
        });
        let batch = async {
            if others.is_empty() {
                return Ok(Vec::new());
            }
            let user_ids = ids(&others);
            let ask = caller.ask(BatchGetDmPoliciesRequest { user_ids });
            let answer = self.settings.clone().batch_get_dm_policies(ask).await;
            let all = in_time(answer)?.map(|answer| answer.policies);
            Ok(each_said(&others, all, |p| &p.user_id, read::policy))
        };
        let (single, batch) = future::join(future::join_all(single), batch).await;
        together(&wanted, single, batch?)
    }

    /// How people stand, likewise.
    pub(super) async fn ask_identity(
        &self,
        caller: &Caller,
        wanted: Vec<Wanted<UserId>>,
    ) -> Answers<Account> {
        let (moved, others) = apart(&wanted);
        let single = moved.iter().map(|one| async move {
            let ask = caller.ask(GetStandingRequest {
                person: Some(PersonRef {
                    person: Some(Person::UserId(one.key.to_string())),
                }),
                min_version: one.min[0],
            });
            let answer = self.identity.clone().get_standing(ask).await;
            one_said(answer, true, |answer| {
                let standing = answer.standing.filter(|s| s.user_id == one.key.to_string());
                read::account(&standing?)
            })
        });
        let batch = async {
            if others.is_empty() {
                return Ok(Vec::new());
            }
            let user_ids = ids(&others);
            let ask = caller.ask(BatchGetStandingRequest { user_ids });
            let answer = self.identity.clone().batch_get_standing(ask).await;
            let all = in_time(answer)?.map(|answer| answer.standings);
            Ok(each_said(&others, all, |s| &s.user_id, read::account))
        };
        let (single, batch) = future::join(future::join_all(single), batch).await;
        together(&wanted, single, batch?)
    }
}

/// Those of whom something too old is known, and the others.
fn apart(wanted: &[Wanted<UserId>]) -> (Vec<Wanted<UserId>>, Vec<Wanted<UserId>>) {
    wanted.iter().partition(|one| one.is_behind)
}

fn ids(wanted: &[Wanted<UserId>]) -> Vec<String> {
    wanted.iter().map(|one| one.key.to_string()).collect()
}

/// The answers of both kinds of question in the order of those who were asked about.
fn together<V: Fact>(
    wanted: &[Wanted<UserId>],
    single: Vec<Result<Said<V>, OutOfTime>>,
    batch: Vec<Said<V>>,
) -> Answers<V> {
    let (mut single, mut batch) = (single.into_iter(), batch.into_iter());
    let next = |one: &Wanted<UserId>| {
        if one.is_behind {
            single.next().unwrap_or(Ok(Said::Failed))
        } else {
            Ok(batch.next().unwrap_or(Said::Failed))
        }
    };
    wanted.iter().map(next).collect()
}

/// The peer's own span and log tell why there is no answer.
fn in_time<T>(answer: Result<Response<T>, Status>) -> Result<Option<T>, OutOfTime> {
    match answer {
        Ok(response) => Ok(Some(response.into_inner())),
        Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => {
            Err(OutOfTime)
        }
        Err(_) => Ok(None),
    }
}

/// What an owner says of the one who was asked about.
fn one_said<T, V>(
    answer: Result<Response<T>, Status>,
    told_min: bool,
    read: impl FnOnce(T) -> Option<V>,
) -> Result<Said<V>, OutOfTime> {
    if let Err(status) = &answer {
        match reason_of(status) {
            Some(ErrorReason::Contention) if told_min => return Ok(Said::Behind),
            // Whoever has a version is there: then this is no answer.
            _ => {}
        }
    }
    let read = in_time(answer)?.and_then(read);
    Ok(read.map_or(Said::Failed, Said::Known))
}

/// Whether a list answers the question: at most one entry for each who was asked about, and none
/// for anybody else.
pub(super) fn answers<T>(entries: &[T], id_of: impl Fn(&T) -> &str, asked: &[String]) -> bool {
    let about = |id: &str| entries.iter().filter(|entry| id_of(entry) == id).count();
    asked.iter().all(|id| about(id) <= 1)
        && asked.iter().map(|id| about(id)).sum::<usize>() == entries.len()
}

/// What a list says of each who was asked about. Only in a list that answers the question does a
/// missing entry mean that there is nobody.
fn each_said<T, V>(
    wanted: &[Wanted<UserId>],
    list: Option<Vec<T>>,
    id_of: impl Fn(&T) -> &str,
    read: impl Fn(&T) -> Option<V>,
) -> Vec<Said<V>> {
    let asked = ids(wanted);
    let list = list.filter(|list| answers(list, &id_of, &asked));
    let said = |id: &String| {
        let Some(list) = &list else {
            return Said::Failed;
        };
        match list.iter().find(|entry| id_of(entry) == id) {
            Some(entry) => read(entry).map_or(Said::Failed, Said::Known),
            None => Said::Absent,
        }
    };
    asked.iter().map(said).collect()
}
