//! Blocking in a person's name, where declining comes with it.

use postern_proto::{
    common::v1::{PersonRef, person_ref::Person},
    graph::v1::BlockRequest,
    policy::v1::Enforcement,
};
use postern_shared::{
    caller::{Caller, ServiceName},
    error::Dependency,
    id::UserId,
};

use super::Owners;

impl Owners {
    /// Has the caller block a person, and tells whether that holds for every message already.
    ///
    /// # Errors
    /// When graph does not say that it is done.
    pub async fn block(&self, caller: &Caller, other: UserId) -> Result<Enforcement, Dependency> {
        let ask = caller.ask(BlockRequest {
            person: Some(PersonRef {
                person: Some(Person::UserId(other.to_string())),
            }),
        });
        let failed = |status| Dependency::new(ServiceName::Graph, status);
        let answer = self.people.clone().block(ask).await.map_err(failed)?;
        match answer.into_inner().enforcement() {
            Enforcement::Unspecified => {
                let status = tonic::Status::data_loss("a block without its enforcement");
                Err(failed(status))
            }
            known => Ok(known),
        }
    }
}
