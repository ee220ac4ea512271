//! The data rules, asked of the engine itself: one schema that PostgreSQL, SQLite and the
//! distributed engines that speak PostgreSQL can hold, because every table has a home.

mod ask;

use postern_shared::{db::Db, run::Service, testing};

use ask::{Index, Schema};

/// Every table and its home key: what it would be distributed by. A new table is added here.
const HOMES: &[(&str, &str)] = &[
    ("account", "user_id"),
    ("attempts_refused", "sender_id"),
    ("conversation", "conversation_id"),
    ("follower", "followee_id"),
    ("friend", "owner_id"),
    // One row is one reservation: unique everywhere because the handle itself is the home.
    ("handle", "handle"),
    ("mailbox", "user_id"),
    ("message", "conversation_id"),
    ("outbox", "shard"),
    ("outbox_shard", "shard"),
    ("overrun", "sender_id"),
    ("participant", "user_id"),
    ("policy_version", "user_id"),
    // Found by its hash alone.
    ("refresh_token", "token_hash"),
    ("refusal", "sender_id"),
    ("relation", "owner_id"),
    ("session", "user_id"),
    ("settings", "user_id"),
    ("stranger_text", "sender_id"),
    ("user_event", "user_id"),
];

/// Tables of the migrations themselves, which no service's data is in.
const OF_MIGRATIONS: [&str; 2] = ["migration_lock", "seaql_migrations"];

/// Column types that mean the same on every engine, as each calls them.
const TYPES: [&str; 7] = [
    "bigint", "blob", "boolean", "bytea", "text", "uuid", "varchar",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_service_keeps_the_data_rules() {
    let mut problems = Vec::new();
    let mut tables = Vec::new();
    for service in postern::services() {
        let schema = schema_of(&service, &[]).await;
        problems.extend(check(&schema));
        tables.extend(schema.tables.into_iter().map(|table| table.name));
    }
    for (table, _) in HOMES {
        if !tables.iter().any(|found| found == table) {
            problems.push(format!("`{table}` has a home here and exists nowhere"));
        }
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// What breaks a rule on every engine, and what is said of it.
const BREAKS: &[(&str, &str)] = &[
    (
        "CREATE TABLE stray (user_id bigint PRIMARY KEY)",
        "`stray` has no home",
    ),
    (
        "DROP TABLE settings; CREATE TABLE settings (user_id bigint)",
        "no primary key",
    ),
    (
        "DROP TABLE settings; CREATE TABLE settings (n bigint, user_id bigint, \
            PRIMARY KEY (n, user_id))",
        "begins with `n`",
    ),
    (
        "CREATE UNIQUE INDEX u ON settings (version, user_id)",
        "begins with `version`",
    ),
    (
        "CREATE TABLE outbox (shard bigint PRIMARY KEY, n bigint REFERENCES outbox (shard))",
        "foreign key",
    ),
    (
        "CREATE TABLE outbox (shard bigint PRIMARY KEY, at timestamp)",
        "`at` is a `timestamp",
    ),
    (
        "CREATE TABLE outbox (shard bigint PRIMARY KEY, n integer)",
        "`n` is a `integer`",
    ),
];
/// On PostgreSQL alone.
const BREAKS_POSTGRES: &[(&str, &str)] = &[
    ("CREATE SEQUENCE s", "sequence `s`"),
    (
        "CREATE TABLE outbox (shard bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",
        "`shard` is made by the engine",
    ),
    (
        "CREATE TABLE outbox (shard bigint PRIMARY KEY, \
            n bigint GENERATED ALWAYS AS (shard + 1) STORED)",
        "`n` is made by the engine",
    ),
    ("CREATE TYPE e AS ENUM ('a')", "enum `e`"),
    (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER t BEFORE INSERT ON settings EXECUTE FUNCTION f()",
        "trigger `t`",
    ),
];
/// On SQLite alone.
const BREAKS_SQLITE: &[(&str, &str)] = &[
    (
        "CREATE TRIGGER t BEFORE INSERT ON settings BEGIN SELECT 1; END",
        "trigger `t`",
    ),
    (
        "CREATE TABLE outbox (shard integer PRIMARY KEY AUTOINCREMENT)",
        "sequence",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_rule_is_found() {
    let own = if testing::on_postgres() {
        BREAKS_POSTGRES
    } else {
        BREAKS_SQLITE
    };
    for (sql, expected) in BREAKS.iter().chain(own) {
        let schema = schema_of(&postern_settings::service(), &[sql]).await;
        let problems = check(&schema);
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "{sql}: {problems:?}"
        );
    }
}

async fn schema_of(service: &Service, more: &[&str]) -> Schema {
    let (_guard, db) = testing::database(service.name, service.migrations).await;
    for sql in more {
        // What the service made of this name goes first.
        if let Some(table) = sql.strip_prefix("CREATE TABLE ") {
            let name = table.split(' ').next().unwrap();
            ask::run(&db, &format!("DROP TABLE IF EXISTS {name}")).await;
        }
        for statement in split(sql) {
            ask::run(&db, statement).await;
        }
    }
    read(&db).await
}

/// Statements one after another; what makes a trigger keeps the semicolons of its body.
fn split(sql: &str) -> Vec<&str> {
    match sql.split_once("END'; ") {
        Some((function, _)) => {
            let (function, trigger) = sql.split_at(function.len() + "END'; ".len());
            vec![function.trim_end_matches("; "), trigger]
        }
        None if sql.contains("BEGIN") => vec![sql],
        None => sql.split("; ").collect(),
    }
}

async fn read(db: &Db) -> Schema {
    let mut schema = ask::schema(db).await;
    let ours = |name: &str| !OF_MIGRATIONS.contains(&name);
    schema.tables.retain(|table| ours(&table.name));
    schema
}

/// Every broken rule.
fn check(schema: &Schema) -> Vec<String> {
    let mut problems = schema.forbidden.clone();
    for table in &schema.tables {
        let name = &table.name;
        let Some((_, home)) = HOMES.iter().find(|(known, _)| known == name) else {
            problems.push(format!(
                "`{name}` has no home: say in tests/it/schema.rs what it is"
            ));
            continue;
        };
        if !table.indexes.iter().any(|index| index.primary) {
            problems.push(format!("`{name}` has no primary key"));
        }
        for Index {
            name: index,
            unique,
            columns,
            ..
        } in &table.indexes
        {
            let first = columns.first().map_or("an expression", String::as_str);
            if *unique && first != *home {
                problems.push(format!(
                    "`{index}` of `{name}` is unique and begins with `{first}`, not with its home \
                     `{home}`: no distributed engine can keep it"
                ));
            }
        }
        for (column, kind) in &table.columns {
            if !TYPES.contains(&kind.as_str()) {
                problems.push(format!("`{name}`: `{column}` is a `{kind}`"));
            }
        }
    }
    problems
}
