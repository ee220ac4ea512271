//! GetEffectivePolicy: what is in effect for the caller, and why.

use postern_proto::settings::v1::{
    EffectiveSwitch, EffectiveWhoCanMessage, GetEffectivePolicyResponse, PolicyCause,
};
use postern_shared::caller::Me;

use super::{Rpc, wire};
use crate::{
    domain::{self, Cause, Effective, Settings},
    error::Error,
};

/// Tells the caller what is in effect for them.
pub async fn get_effective_policy(rpc: &Rpc, me: Me) -> Result<GetEffectivePolicyResponse, Error> {
    // Asked afresh every time: age and actions are those of this moment.
    let standing = rpc.identity.standing(&me.caller, me.id).await?;
    let stored = rpc.store.settings_of(&[me.id]).await?.remove(&me.id);
    let settings = stored.unwrap_or_else(|| Settings::untouched(standing.origin));
    let policy = domain::effective(&settings, standing.origin, standing.band, standing.hold);
    Ok(GetEffectivePolicyResponse {
        who_can_message: Some(EffectiveWhoCanMessage {
            value: wire::who_to_wire(policy.who_can_message.value).into(),
            cause: cause(policy.who_can_message.cause).into(),
        }),
        may_send: switch(policy.may_send),
        filter_spam: switch(policy.filter_spam),
        filter_offensive: switch(policy.filter_offensive),
        read_receipts: switch(policy.read_receipts),
        widest_who_can_message: wire::who_to_wire(policy.widest).into(),
    })
}

fn switch(of: Effective<bool>) -> Option<EffectiveSwitch> {
    Some(EffectiveSwitch {
        value: of.value,
        cause: cause(of.cause).into(),
    })
}

const fn cause(cause: Cause) -> PolicyCause {
    match cause {
        Cause::Chosen => PolicyCause::Chosen,
        Cause::Default => PolicyCause::Default,
        Cause::Age => PolicyCause::Age,
        Cause::Action => PolicyCause::Action,
        Cause::SwitchedOff => PolicyCause::Deactivated,
    }
}
