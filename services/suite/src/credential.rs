//! Prints the development credential of a service, so that grpcurl reaches internal contracts.

use std::path::Path;

use postern_shared::{
    auth::{CREDENTIAL_HEADER, ServiceKey},
    caller::ServiceName,
};

/// The header of a service's calls, made from the key in the data folder.
pub(super) fn of(service: ServiceName, folder: &Path) -> Result<String, String> {
    let path = folder.join("service.key");
    let key = std::fs::read(&path)
        .map_err(|error| format!("`{}`: {error}: start the suite once", path.display()))?;
    let key: [u8; 32] = key
        .try_into()
        .map_err(|_| format!("`{}` is not a key of 32 bytes", path.display()))?;
    Ok(format!(
        "{CREDENTIAL_HEADER}: {}",
        ServiceKey::new(&key).credential(service)
    ))
}
