//! What an engine says of its tables.

use std::collections::BTreeMap;

use postern_shared::db::Db;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, QueryResult, Statement};

/// A database's tables, and what of it no engine of ours may be asked for.
#[derive(Debug, Default)]
pub struct Schema {
    pub tables: Vec<Table>,
    pub forbidden: Vec<String>,
}

#[derive(Debug)]
pub struct Table {
    pub name: String,
    /// Each with its type.
    pub columns: Vec<(String, String)>,
    pub indexes: Vec<Index>,
}

#[derive(Debug)]
pub struct Index {
    pub name: String,
    pub primary: bool,
    pub unique: bool,
    pub columns: Vec<String>,
}

pub async fn run(db: &Db, sql: &str) {
    let done: Result<(), DbErr> = db
        .write(|tx| async move {
            tx.execute_unprepared(sql).await?;
            Ok(())
        })
        .await;
    done.unwrap();
}

pub async fn schema(db: &Db) -> Schema {
    match db.backend() {
        DbBackend::Sqlite => of_sqlite(db).await,
        _ => of_postgres(db).await,
    }
}

/// Rows of text: every column of these questions is cast to it.
async fn rows<const N: usize>(db: &Db, sql: &str) -> Vec<[String; N]> {
    let sql = Statement::from_sql_and_values(db.backend(), sql, []);
    let rows = db.reader().query_all_raw(sql).await.unwrap();
    let cell = |row: &QueryResult, at: usize| {
        let value: Option<String> = row.try_get_by_index(at).unwrap();
        value.unwrap_or_default()
    };
    rows.iter()
        .map(|row| std::array::from_fn(|at| cell(row, at)))
        .collect()
}

/// What a question finds, each said to be forbidden.
async fn forbid(db: &Db, schema: &mut Schema, what: &str, sql: &str) {
    let found = rows::<1>(db, sql).await;
    let found = found.into_iter().map(|[name]| format!("{what} `{name}`"));
    schema.forbidden.extend(found);
}

async fn of_postgres(db: &Db) -> Schema {
    let mut schema = Schema::default();
    for (what, sql) in [
        (
            "sequence",
            "SELECT sequencename::text FROM pg_sequences WHERE schemaname = 'public'",
        ),
        (
            "trigger",
            "SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal",
        ),
        (
            "enum",
            "SELECT DISTINCT t.typname::text FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid",
        ),
        (
            "foreign key",
            "SELECT conname::text FROM pg_constraint WHERE contype = 'f'",
        ),
        (
            "view",
            "SELECT relname::text FROM pg_class WHERE relkind IN ('v', 'm')
                AND relnamespace = 'public'::regnamespace",
        ),
    ] {
        forbid(db, &mut schema, what, sql).await;
    }
    let made = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c
        WHERE c.table_schema = 'public' AND (c.is_identity = 'YES' OR c.is_generated = 'ALWAYS')";
    for [table, column] in rows::<2>(db, made).await {
        let problem = format!("`{table}`: `{column}` is made by the engine");
        schema.forbidden.push(problem);
    }
    let columns = "SELECT c.relname::text, a.attname::text,
            replace(format_type(a.atttypid, NULL), 'character varying', 'varchar')
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
            AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY c.relname, a.attnum";
    let indexes = "SELECT t.relname::text, i.relname::text, x.indisprimary::text,
            x.indisunique::text, a.attname::text
        FROM pg_index x
        JOIN pg_class i ON i.oid = x.indexrelid
        JOIN pg_class t ON t.oid = x.indrelid
        CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k(attnum, place)
        LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
        WHERE t.relnamespace = 'public'::regnamespace
        ORDER BY i.relname, k.place";
    schema.tables = tables(rows(db, columns).await, rows(db, indexes).await);
    schema
}

async fn of_sqlite(db: &Db) -> Schema {
    let mut schema = Schema::default();
    for (what, sql) in [
        (
            "sequence",
            "SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'",
        ),
        (
            "trigger",
            "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        ),
        ("view", "SELECT name FROM sqlite_master WHERE type = 'view'"),
        (
            "foreign key",
            "SELECT m.name FROM sqlite_master m, pragma_foreign_key_list(m.name)
                WHERE m.type = 'table'",
        ),
    ] {
        forbid(db, &mut schema, what, sql).await;
    }
    let columns = "SELECT m.name, c.name, lower(c.type)
        FROM sqlite_master m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid";
    let indexes = "SELECT m.name, i.name,
            CASE i.origin WHEN 'pk' THEN 'true' ELSE 'false' END,
            CASE i.\"unique\" WHEN 1 THEN 'true' ELSE 'false' END, c.name
        FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
        WHERE m.type = 'table' ORDER BY i.name, c.seqno";
    let mut indexes = rows(db, indexes).await;
    // A primary key that is the row's own number has no index.
    let own = "SELECT m.name, m.name || ' rowid', 'true', 'true', c.name
        FROM sqlite_master m, pragma_table_info(m.name) c
        WHERE m.type = 'table' AND c.pk = 1 AND lower(c.type) = 'integer'";
    indexes.extend(rows(db, own).await);
    schema.tables = tables(rows(db, columns).await, indexes);
    schema
}

/// Puts together rows of (table, column, type) and of (table, index, primary, unique, column).
fn tables(columns: Vec<[String; 3]>, indexes: Vec<[String; 5]>) -> Vec<Table> {
    let mut found: BTreeMap<String, Table> = BTreeMap::new();
    let table = |name: &str| Table {
        name: name.to_owned(),
        columns: Vec::new(),
        indexes: Vec::new(),
    };
    for [name, column, kind] in columns {
        let entry = found.entry(name.clone()).or_insert_with(|| table(&name));
        entry.columns.push((column, kind));
    }
    for [name, index, primary, unique, column] in indexes {
        let entry = found.entry(name.clone()).or_insert_with(|| table(&name));
        match entry.indexes.iter_mut().find(|known| known.name == index) {
            Some(known) => known.columns.push(column),
            None => entry.indexes.push(Index {
                name: index,
                primary: primary == "true",
                unique: unique == "true",
                columns: vec![column],
            }),
        }
    }
    found.into_values().collect()
}
