//! A real SQLite database whose n-th call fails: a statement is interrupted while it runs, a commit is refused by the
//! database's own hook. Both are what a full disk does: SQLite takes the whole transaction back by itself.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::db::sqlite_options;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{Sqlite, SqlitePool};
use sea_orm::{Database, DatabaseConnection};

/// No statement of the panel takes fewer instructions than this, and no BEGIN or COMMIT as many.
const INSTRUCTIONS: i32 = 8;
const READERS: u32 = 4;

pub struct FailingDatabase {
    pub reads: DatabaseConnection,
    pub writes: DatabaseConnection,
    calls: Arc<Calls>,
}

/// Which call is to fail. Statements are counted when they end, commits when they begin.
#[derive(Default)]
struct Calls {
    seen: AtomicUsize,
    /// 0 for none.
    due: AtomicUsize,
    failed: AtomicUsize,
}

impl FailingDatabase {
    pub async fn open(file: &Path) -> Self {
        let calls = Arc::new(Calls::default());
        let mut writes = Database::connect(sqlite_options(file, 1)).await.unwrap();
        let mut reads = Database::connect(sqlite_options(file, READERS))
            .await
            .unwrap();
        for connection in [&mut writes, &mut reads] {
            let calls = Arc::clone(&calls);
            connection.set_metric_callback(move |_| {
                calls.seen.fetch_add(1, Ordering::SeqCst);
            });
        }
        Self {
            reads,
            writes,
            calls,
        }
    }

    /// From now on the `n`-th call fails, once.
    pub async fn arm(&self, n: usize) {
        // Each time, as a connection that failed may have been replaced.
        self.hook(self.writes.get_sqlite_connection_pool(), 1).await;
        self.hook(self.reads.get_sqlite_connection_pool(), READERS)
            .await;
        self.calls.seen.store(0, Ordering::SeqCst);
        self.calls.failed.store(0, Ordering::SeqCst);
        self.calls.due.store(n, Ordering::SeqCst);
    }

    pub fn disarm(&self) {
        self.calls.due.store(0, Ordering::SeqCst);
        self.calls.failed.store(0, Ordering::SeqCst);
    }

    pub fn has_failed(&self) -> bool {
        self.calls.failed.load(Ordering::SeqCst) != 0
    }

    async fn hook(&self, pool: &SqlitePool, connections: u32) {
        let mut held: Vec<PoolConnection<Sqlite>> = Vec::new();
        for _ in 0..connections {
            held.push(pool.acquire().await.unwrap());
        }
        for connection in &mut held {
            let mut handle = connection.lock_handle().await.unwrap();
            let calls = Arc::clone(&self.calls);
            handle.set_progress_handler(INSTRUCTIONS, move || {
                !calls.is_due(calls.seen.load(Ordering::SeqCst) + 1)
            });
            let calls = Arc::clone(&self.calls);
            handle.set_commit_hook(move || {
                !calls.is_due(calls.seen.fetch_add(1, Ordering::SeqCst) + 1)
            });
        }
    }
}

impl Calls {
    /// True once: for the call that is due, or for the next one when that one was too short to be met.
    fn is_due(&self, call: usize) -> bool {
        let due = self.due.load(Ordering::SeqCst);
        let is_due = due != 0
            && due <= call
            && self
                .due
                .compare_exchange(due, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
        if is_due {
            self.failed.store(1, Ordering::SeqCst);
        }
        is_due
    }
}
