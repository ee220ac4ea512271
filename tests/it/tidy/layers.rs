//! What each layer of a service may name. The domain knows no wire, no store and no waiting; the
//! store knows no wire; the RPCs know the store by its door only; no service knows another.

use super::code::{Named, named};

/// Checks one source of a service; other files pass.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let (service, module) = match parts.as_slice() {
        ["services", service, "src", module @ ..] if *service != "suite" => (*service, module),
        _ => return Vec::new(),
    };
    let layer = module[0];
    let module = if matches!(module, ["lib" | "main"]) {
        &[]
    } else {
        module
    };
    named(module, text)
        .into_iter()
        .filter_map(|named| Some((refusal(service, layer, &named)?, named)))
        .map(|(why, named)| format!("{path}:{}: `{}`: {why}", named.line, named.path.join("::")))
        .collect()
}

/// Why this layer may not name this path; `None` when it may.
fn refusal(service: &str, layer: &str, named: &Named) -> Option<String> {
    let path: Vec<&str> = named.path.iter().map(String::as_str).collect();
    if foreign(service, &path) {
        return Some("no service names another; call it through its contract".to_owned());
    }
    if layer != "store" && entity(&path) {
        return Some("entities stay in store/".to_owned());
    }
    let refused = match layer {
        "domain" => {
            let outside = [
                "postern_proto",
                "prost",
                "sea_orm",
                "sea_orm_migration",
                "tonic",
            ];
            matches!(path[0], "async" | "await")
                || (path.len() > 1 && outside.contains(&path[0]))
                || within(&path, "store")
                || within(&path, "rpc")
        }
        "store" => {
            (path.len() > 1 && ["postern_proto", "tonic"].contains(&path[0]))
                || within(&path, "rpc")
        }
        "rpc" => {
            (path.len() > 1 && ["sea_orm", "sea_orm_migration"].contains(&path[0]))
                || inside_store(&path)
        }
        _ => false,
    };
    refused.then(|| format!("{layer} may not name this"))
}

fn within(path: &[&str], layer: &str) -> bool {
    path.len() > 1 && path[0] == "crate" && path[1] == layer
}

/// Another service's crate, or the suite's.
fn foreign(service: &str, path: &[&str]) -> bool {
    if path.len() < 2 || !(path[0] == "postern" || path[0].starts_with("postern_")) {
        return false;
    }
    match path[0].strip_prefix("postern_") {
        Some("proto" | "shared") => false,
        Some("policy") => service != "messaging",
        Some(name) => name != service,
        None => true,
    }
}

/// A derive, attribute or module by which sea-orm entities are made.
fn entity(path: &[&str]) -> bool {
    let derives = ["DeriveActiveEnum", "DeriveEntityModel", "DeriveRelation"];
    path.last().is_some_and(|last| derives.contains(last))
        || path == ["sea_orm"]
        || (path.len() > 1 && path[0] == "sea_orm" && path[1] == "entity")
}

/// Something below `store`, where the types are capitalised and the submodules are not.
fn inside_store(path: &[&str]) -> bool {
    let rest = match path {
        ["crate", "store", rest @ ..] | ["store", rest @ ..] => rest,
        _ => return false,
    };
    rest.first().is_some_and(|name| {
        *name == "*" || (*name != "self" && name.starts_with(|c: char| c.is_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &str, text: &str) {
        assert_eq!(check(path, text).len(), 1, "`{text}` in `{path}`");
    }

    #[track_caller]
    fn allowed(path: &str, text: &str) {
        assert_eq!(check(path, text), Vec::<String>::new());
    }

    #[test]
    fn domain_is_pure() {
        for text in [
            "use postern_proto::graph::v1 as pb;",
            "use crate::store::Store;",
            "use crate::{error::Error, rpc};",
            "fn f() -> tonic::Status;",
            "use sea_orm::Value;",
            "async fn f() {}",
            "use super::super::store;",
        ] {
            refused("services/graph/src/domain/edge.rs", text);
        }
        refused("services/graph/src/domain.rs", "use super::store::Store;");
        allowed(
            "services/graph/src/domain.rs",
            "use crate::error::Error; // async, tonic::X",
        );
        allowed(
            "services/graph/src/domain/edge.rs",
            "use super::Edge; mod t { use super::*; }",
        );
    }

    #[test]
    fn store_knows_no_wire() {
        for text in [
            "use postern_proto::X;",
            "use tonic::Code;",
            "use crate::rpc;",
        ] {
            refused("services/settings/src/store/policies.rs", text);
        }
        allowed(
            "services/settings/src/store.rs",
            "use sea_orm::Value; use crate::domain::X;",
        );
        allowed(
            "services/settings/src/store/row.rs",
            "#[derive(DeriveEntityModel)] struct M;",
        );
    }

    #[test]
    fn rpc_knows_the_store_by_its_door() {
        for text in [
            "use sea_orm::EntityTrait;",
            "use crate::store::entity::Model;",
            "use crate::store::{Store, follows};",
            "use crate::store::*;",
            "store::follows::Entity::find()",
            "use super::super::store::follows;",
        ] {
            refused("services/graph/src/rpc/follow.rs", text);
        }
        let door = "use crate::store::{self, Store}; use tonic::Status; store::Store::new()";
        allowed("services/graph/src/rpc/follow.rs", door);
        allowed(
            "services/graph/src/rpc.rs",
            "use postern_proto::X; self.store.follow(a).await",
        );
    }

    #[test]
    fn entities_stay_in_the_store() {
        let file = "services/identity/src/lib.rs";
        refused(file, "#[derive(DeriveEntityModel)] struct Model;");
        refused(file, "#[sea_orm(table_name = \"accounts\")] struct Model;");
        refused(file, "use sea_orm::entity::prelude::*;");
        allowed(
            file,
            "use sea_orm::DatabaseConnection; pub use crate::store::migrations;",
        );
    }

    #[test]
    fn no_service_names_another() {
        refused("services/messaging/src/lib.rs", "use postern_graph::build;");
        refused("services/graph/src/lib.rs", "use postern_policy::decide;");
        refused("services/graph/src/config.rs", "postern::run()");
        allowed(
            "services/messaging/src/lib.rs",
            "use postern_policy::decide;",
        );
        allowed(
            "services/graph/src/main.rs",
            "postern_shared::run(postern_graph::Graph)",
        );
        allowed("services/suite/src/main.rs", "use postern_graph::build;");
    }

    #[test]
    fn problems_name_the_line() {
        let found = check("services/graph/src/store.rs", "//! x\n\nuse tonic::Code;\n");
        assert_eq!(
            found,
            ["services/graph/src/store.rs:3: `tonic::Code`: store may not name this"]
        );
    }
}
