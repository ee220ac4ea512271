//! What an operator does on the machine: roles, which nobody can give over the network, and birth
//! dates, which their owners cannot change. Everything is on record in the same transaction.
//!
//! A role is in the person's next token. A corrected birth date holds for messages as soon as a
//! process that serves has carried it on, within a second.

use std::fmt::Write as _;

use futures_util::FutureExt as _;
use postern_shared::{
    caller::Role,
    error::chain,
    id::UserId,
    run::{Command, Tools, Work},
};

use crate::{
    domain::{BirthDate, Handle},
    error::Error,
    store::{Stamp, Store},
};

/// Holders of roles that are listed at the most.
const GRANTS_MAX: u64 = 10_000;

/// Everything that is offered.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "grant",
        arguments: "HANDLE ROLE",
        about: "gives a person a role: moderator or operator",
        read: |words| change_role(words, true),
    },
    Command {
        name: "revoke",
        arguments: "HANDLE ROLE",
        about: "takes a role from a person",
        read: |words| change_role(words, false),
    },
    Command {
        name: "grants",
        arguments: "",
        about: "lists who has which role, and since when",
        read: list,
    },
    Command {
        name: "birth-date",
        arguments: "HANDLE YYYY-MM-DD",
        about: "corrects a person's birth date",
        read: correct,
    },
];

fn change_role(words: &[String], give: bool) -> Result<Work, String> {
    let [handle, role] = words else {
        return Err("a handle and a role are needed".to_owned());
    };
    let handle = handle_of(handle)?;
    let role = Role::parse(role).ok_or_else(|| {
        let roles = Role::ALL.map(Role::as_str).join(" or ");
        format!("`{role}` is no role, which is {roles}")
    })?;
    Ok(Box::new(move |tools| {
        async move {
            let (store, user) = find(&tools, &handle).await?;
            let stamp = Stamp::new(tools.clock.now(), &tools.random);
            let changed = if give {
                store.grant(user, role, stamp).await
            } else {
                store.revoke(user, role, stamp).await
            };
            let (handle, role) = (handle.as_str(), role.as_str());
            Ok(match (changed.map_err(|error| chain(&error))?, give) {
                (true, true) => format!("{handle} is {role} from the next refreshed token on\n"),
                (false, true) => format!("{handle} is {role} already\n"),
                (true, false) => format!("{handle} is {role} no longer\n"),
                (false, false) => format!("{handle} is not {role} anyway\n"),
            })
        }
        .boxed()
    }))
}

fn list(words: &[String]) -> Result<Work, String> {
    if !words.is_empty() {
        return Err("nothing stands behind `grants`".to_owned());
    }
    Ok(Box::new(|tools| {
        async move {
            let grants = Store::new(tools.db).grants(GRANTS_MAX).await;
            let mut told = String::new();
            for grant in grants.map_err(|error| chain(&error))? {
                let (handle, role) = (grant.handle.as_str(), grant.role.as_str());
                // Writing to a String cannot fail.
                let _ = writeln!(told, "{handle:<24}  {role:<9}  since {}", grant.at.date());
            }
            Ok(told)
        }
        .boxed()
    }))
}

fn correct(words: &[String]) -> Result<Work, String> {
    let [handle, date] = words else {
        return Err("a handle and a date are needed".to_owned());
    };
    let (handle, date) = (handle_of(handle)?, date.clone());
    Ok(Box::new(move |tools| {
        async move {
            let now = tools.clock.now();
            let born = BirthDate::parse(&date, now.date())
                .map_err(|problem| format!("the date `{date}` {problem}"))?;
            let (store, user) = find(&tools, &handle).await?;
            let stamp = Stamp::new(now, &tools.random);
            let corrected = store.correct_birth_date(user, born, stamp).await;
            let corrected = corrected.map_err(|error| match error {
                Error::BusinessRequiresAdult => {
                    "an account of kind BUSINESS must belong to an adult: nothing was changed"
                        .to_owned()
                }
                other => chain(&other),
            })?;
            let (handle, born) = (handle.as_str(), born.to_text());
            Ok(if corrected {
                format!("{handle} was born on {born}; before, it said otherwise\n")
            } else {
                format!("{handle} was born on {born}, as it says already\n")
            })
        }
        .boxed()
    }))
}

fn handle_of(word: &str) -> Result<Handle, String> {
    Handle::parse(word).map_err(|problem| format!("the handle `{word}` {problem}"))
}

async fn find(tools: &Tools, handle: &Handle) -> Result<(Store, UserId), String> {
    let store = Store::new(tools.db.clone());
    let user = store.user_of(handle).await.map_err(|error| chain(&error))?;
    let user = user.ok_or_else(|| format!("nobody goes by the handle `{}`", handle.as_str()))?;
    Ok((store, user))
}

#[cfg(test)]
mod tests;
