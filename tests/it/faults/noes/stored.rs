//! What the databases hold, read beside the services: nothing that an API could hide.

use postern_shared::{db::Db, run::Service};
use sea_orm::{ConnectionTrait as _, QueryResult, Statement, Value};
use tokio::sync::Mutex;

use super::acts::No;
use crate::suite::{Home, Person};

/// The stored messages of a suite.
pub struct Stored {
    /// One at a time: another connection to a server costs more than all that is asked here.
    messages: Mutex<Db>,
    /// Those who raise fences.
    owners: [Db; 3],
}

/// What stood when a "no" was acknowledged: of one sender whom it is about.
pub struct Mark {
    sender: Person,
    /// Whose change it was, as the columns of a message name them.
    side: &'static str,
    fences: [i64; 3],
    pub last_seq: i64,
}

impl Stored {
    pub async fn of(home: &Home) -> Self {
        let open = async |service: Service| home.database(&service).await;
        Self {
            messages: Mutex::new(open(postern_messaging::service()).await),
            owners: [
                open(postern_graph::service()).await,
                open(postern_settings::service()).await,
                open(postern_identity::service()).await,
            ],
        }
    }

    /// The number of the newest message that a sender has written: all of theirs are in one
    /// conversation, in which nobody else writes.
    pub async fn last_seq(&self, sender: &Person) -> i64 {
        let sql = "SELECT COALESCE(MAX(seq), 0) AS number FROM message WHERE sender_id = $1";
        number(&self.ask(sql, vec![sender.id.uuid().into()]).await)
    }

    /// What a sender has written, in order: the ids of the messages.
    pub async fn ids(&self, sender: &Person) -> Vec<String> {
        let sql = "SELECT client_message_id FROM message WHERE sender_id = $1 ORDER BY seq";
        let rows = self.ask(sql, vec![sender.id.uuid().into()]).await;
        let id = |row: QueryResult| row.try_get("", "client_message_id").unwrap();
        rows.into_iter().map(id).collect()
    }

    /// Notes what stands now.
    pub async fn mark(&self, no: No, recipient: &Person, sender: &Person) -> Mark {
        let (side, whose) = match no {
            No::Suspend => ("sender", sender),
            No::Block | No::Unfollow | No::Nobody | No::Leave => ("recipient", recipient),
        };
        let sql = "SELECT fence_graph, fence_settings, fence_identity FROM mailbox \
                   WHERE user_id = $1";
        let rows = self.ask(sql, vec![whose.id.uuid().into()]).await;
        let columns = ["fence_graph", "fence_settings", "fence_identity"];
        Mark {
            sender: sender.clone(),
            side,
            fences: columns.map(|column| rows[0].try_get("", column).unwrap()),
            last_seq: self.last_seq(sender).await,
        }
    }

    /// How many messages have come since that were decided before.
    pub async fn decided_before(&self, mark: &Mark) -> i64 {
        let side = mark.side;
        let sql = format!(
            "SELECT COUNT(*) AS number FROM message WHERE sender_id = $1 AND seq > $2 \
             AND ({side}_graph_version < $3 OR {side}_settings_version < $4 \
             OR {side}_identity_version < $5)"
        );
        let [graph, settings, identity] = mark.fences.map(Value::from);
        let (sender, last) = (mark.sender.id.uuid().into(), mark.last_seq.into());
        let values = vec![sender, last, graph, settings, identity];
        number(&self.ask(&sql, values).await)
    }

    /// How many changes are on their way to messaging, or to graph.
    pub async fn under_way(&self) -> i64 {
        let mut all = 0;
        for owner in &self.owners {
            let sql = "SELECT COUNT(*) AS number FROM fence_task";
            all += number(&rows(owner, sql, vec![]).await);
        }
        all
    }

    async fn ask(&self, sql: &str, values: Vec<Value>) -> Vec<QueryResult> {
        rows(&*self.messages.lock().await, sql, values).await
    }
}

fn number(rows: &[QueryResult]) -> i64 {
    rows[0].try_get("", "number").unwrap()
}

async fn rows(db: &Db, sql: &str, values: Vec<Value>) -> Vec<QueryResult> {
    let ask = Statement::from_sql_and_values(db.backend(), sql, values);
    db.reader().query_all_raw(ask).await.unwrap()
}
