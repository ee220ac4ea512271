//! CreateAccount: anyone may open an account who is old enough.

use postern_proto::identity::v1::{CreateAccountRequest, CreateAccountResponse};
use postern_shared::{
    error::{Check, Invalid},
    id::UserId,
};
use time::Date;
use zeroize::Zeroizing;

use super::{Rpc, wire};
use crate::{
    domain::{Account, BirthDate, Handle, Ineligible, NewAccount, Password, display_name},
    error::Error,
};

pub async fn create_account(
    rpc: &Rpc,
    ask: CreateAccountRequest,
) -> Result<CreateAccountResponse, Error> {
    let now = rpc.clock.now();
    let (new, password) = parse(ask, now.date())?;
    let minimum_age = rpc.config.minimum_age;
    let account = Account::open(UserId::random(&rpc.random), new, minimum_age, now);
    let account = account.map_err(|why| match why {
        Ineligible::TooYoung => Error::AgeNotEligible { minimum_age },
        Ineligible::BusinessRequiresAdult => Error::BusinessRequiresAdult,
    })?;
    // Only spares the hashing: who wins is settled by what is stored first.
    if rpc.store.handle_taken(&account.handle).await? {
        return Err(Error::HandleTaken);
    }
    let hash = rpc.hasher.hash(password).await?;
    rpc.store.create_account(&account, &hash).await?;
    Ok(CreateAccountResponse {
        account: Some(wire::own_account(&account, now.date())),
    })
}

fn parse(ask: CreateAccountRequest, today: Date) -> Result<(NewAccount, Password), Invalid> {
    let raw_password = Zeroizing::new(ask.password);
    let mut check = Check::new();
    let handle = check.take("handle", Handle::parse(&ask.handle));
    let display_name = check.take("display_name", display_name(&ask.display_name));
    let password = check.take("password", Password::choose(&raw_password, handle.as_ref()));
    let birth_date = check.take("birth_date", BirthDate::parse(&ask.birth_date, today));
    let kind = wire::kind(&mut check, "kind", ask.kind);
    let parsed = (|| {
        let new = NewAccount {
            handle: handle?,
            display_name: display_name?,
            kind: kind?,
            birth_date: birth_date?,
        };
        Some((new, password?))
    })();
    check.done(parsed)
}
