//! What an error of the database means for whoever asked: whether trying again may help, and when.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// Whether the same transaction may well succeed when it is tried again.
#[must_use]
pub fn is_conflict(error: &DbErr) -> bool {
    // PostgreSQL: serialization failure, deadlock. SQLite: BUSY, LOCKED, BUSY_SNAPSHOT.
    sql_code(error)
        .is_some_and(|code| matches!(code.as_str(), "40001" | "40P01" | "5" | "6" | "517"))
}

/// Whether the database cannot be reached at present, as against refusing what was asked.
#[must_use]
pub fn is_unavailable(error: &DbErr) -> bool {
    let Some(cause) = cause(error) else {
        return matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_));
    };
    match cause {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing(&code)),
        // What a server that is being stopped says half of.
        sqlx::Error::Protocol(_) => true,
        _ => matches!(error, DbErr::ConnectionAcquire(_)),
    }
}

/// Whether a connection was found dead: the server went away while the connection lay in the pool.
pub(super) fn is_dead_connection(error: &DbErr) -> bool {
    match cause(error) {
        Some(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => true,
        // 57P01 to 57P03: it was told that the server stops.
        Some(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| code.starts_with("57P0"))
        }
        _ => false,
    }
}

/// Codes of PostgreSQL, or of SQLite, for what may be over soon.
fn is_passing(code: &str) -> bool {
    // Class 08: connection. 57P01 to 57P03: the server is stopping or starting. 57014: the
    // statement took longer than it may. 25P03: the transaction stood still for too long. 25006: a
    // standby, during a failover. 53300: too many connections. 53400: a limit of the server.
    code.starts_with("08")
        || code.starts_with("57P0")
        || matches!(code, "57014" | "25P03" | "25006" | "53300" | "53400")
        || matches!(code, "40001" | "40P01" | "5" | "6" | "517")
}

fn cause(error: &DbErr) -> Option<&sqlx::Error> {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))
    | DbErr::Conn(RuntimeErr::SqlxError(cause))) = error
    else {
        return None;
    };
    Some(cause.as_ref())
}

fn sql_code(error: &DbErr) -> Option<String> {
    match cause(error)? {
        sqlx::Error::Database(error) => error.code().map(std::borrow::Cow::into_owned),
        _ => None,
    }
}
