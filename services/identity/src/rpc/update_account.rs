//! UpdateAccount: the caller changes the own display name.

use postern_proto::identity::v1::{Account, UpdateAccountRequest, UpdateAccountResponse};
use postern_shared::{
    caller::Me,
    error::{Check, Invalid},
};

use super::{Rpc, wire};
use crate::{domain, error::Error};

/// The one field that can be changed.
const DISPLAY_NAME: &str = "display_name";
/// All that can be changed.
const EVERYTHING: &str = "*";
/// The fields that cannot.
const FIXED: [&str; 8] = [
    "user_id",
    "handle",
    "kind",
    "own",
    "own.birth_date",
    "own.age_band",
    "own.create_time",
    "own.etag",
];
/// What is said of them.
const CANNOT_CHANGE: &str = "cannot be changed: leave it out";

pub async fn update_account(
    rpc: &Rpc,
    me: Me,
    ask: UpdateAccountRequest,
) -> Result<UpdateAccountResponse, Error> {
    let change = parse(&ask)?;
    let now = rpc.clock.now();
    let today = now.date();
    let present = rpc
        .store
        .account(me.id)
        .await?
        .ok_or(Error::AccountNotFound)?;
    if let Some(echoed) = change.echoed {
        same_as(echoed, &wire::own_account(&present, today))?;
    }
    let etag = Some(ask.etag.as_str()).filter(|etag| !etag.is_empty());
    let changed = rpc
        .store
        .rename(me.id, &change.display_name, etag, now)
        .await?;
    Ok(UpdateAccountResponse {
        account: Some(wire::own_account(&changed, today)),
    })
}

struct Change<'a> {
    display_name: String,
    /// Without a mask every field that is set counts: a client may send back what it read.
    echoed: Option<&'a Account>,
}

fn parse(ask: &UpdateAccountRequest) -> Result<Change<'_>, Invalid> {
    let mut check = Check::new();
    let paths = ask
        .update_mask
        .as_ref()
        .map_or(&[][..], |mask| mask.paths.as_slice());
    for path in paths {
        match path.as_str() {
            DISPLAY_NAME | EVERYTHING => {}
            fixed if FIXED.contains(&fixed) => {
                check.wrong("update_mask", format!("`{fixed}` {CANNOT_CHANGE}"));
            }
            _ => check.wrong(
                "update_mask",
                "has an unknown path: use `display_name` or `*`",
            ),
        }
    }
    let Some(account) = &ask.account else {
        check.wrong("account", "must be set");
        return check.done(None);
    };
    if paths.is_empty() && account.display_name.is_empty() {
        check.wrong("account", "must have a field to change: set `display_name`");
        return check.done(None);
    }
    let name = domain::display_name(&account.display_name);
    let display_name = check.take("account.display_name", name);
    let echoed = paths.is_empty().then_some(account);
    check.done(display_name.map(|display_name| Change {
        display_name,
        echoed,
    }))
}

/// What cannot be changed must be left out or be as it is; what the server computes is not looked
/// at.
fn same_as(echoed: &Account, present: &Account) -> Result<(), Invalid> {
    let birth_date = |account: &Account| {
        let own = account.own.as_ref();
        own.map(|own| own.birth_date.clone()).unwrap_or_default()
    };
    let texts = [
        (
            "account.user_id",
            echoed.user_id.clone(),
            present.user_id.clone(),
        ),
        (
            "account.handle",
            echoed.handle.clone(),
            present.handle.clone(),
        ),
        (
            "account.own.birth_date",
            birth_date(echoed),
            birth_date(present),
        ),
    ];
    let mut check = Check::new();
    for (field, echoed, present) in texts {
        if !echoed.is_empty() && echoed != present {
            check.wrong(field, CANNOT_CHANGE);
        }
    }
    if echoed.kind != 0 && echoed.kind != present.kind {
        check.wrong("account.kind", CANNOT_CHANGE);
    }
    check.done(Some(()))
}
