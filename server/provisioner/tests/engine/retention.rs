//! What is too old is taken away, and nothing else.

use domain::access::{self, OwnedServer};
use domain::entities::{invitation, operation, operation_output, session};
use domain::operations;
use domain::retention::{DEAD_SESSIONS_MS, OUTPUT_MS, OUTPUT_OF_LAST, ROWS_AT_ONCE, prune};
use sea_orm::{ActiveValue::NotSet, EntityTrait, PaginatorTrait, Set};
use wire::OperationId;

use crate::panel::TestPanel;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// An operation of this age that has ended, with so many pieces of output.
async fn ended(panel: &TestPanel, server: &OwnedServer, age_ms: i64, pieces: u64) -> i64 {
    let mut tx = panel.panel.db.begin().await.unwrap();
    let at = tx.at().0 - age_ms;
    let row = operation::ActiveModel {
        id: NotSet,
        server_id: Set(server.id().0),
        verb: Set("provision".into()),
        resource_kind: Set(None),
        resource_id: Set(None),
        title: Set("Provision web-1".into()),
        requested_by: Set(panel.who.user().0),
        state: Set("succeeded".into()),
        prior_status: Set(None),
        payload: Set(None),
        error: Set(None),
        lease_owner: Set(None),
        lease_until: Set(None),
        fence: Set(0),
        attempts: Set(0),
        cancel_requested_by: Set(None),
        note: Set(None),
        created_at: Set(at),
        started_at: Set(Some(at)),
        ended_at: Set(Some(at)),
    };
    let row = tx.insert(row).await.unwrap();
    for _ in 0..pieces {
        tx.insert(operation_output::ActiveModel {
            id: NotSet,
            operation_id: Set(row.id),
            step: Set(0),
            text: Set("line\n".into()),
        })
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    row.id
}

async fn pieces(panel: &TestPanel, operation: i64) -> usize {
    let all = operation_output::Entity::find()
        .all(panel.panel.db.reads())
        .await
        .unwrap();
    all.iter()
        .filter(|piece| piece.operation_id == operation)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_of_old_operations_goes_but_that_of_each_servers_last_ones_stays() {
    let panel = TestPanel::new().await;
    let busy = panel.server("web-1", "203.0.113.7").await;
    let quiet = panel.server("web-2", "203.0.113.8").await;
    let of_quiet = ended(&panel, &quiet, 3 * OUTPUT_MS, 1).await;
    // More than one transaction takes.
    let old = ended(&panel, &busy, OUTPUT_MS + HOUR_MS, 2 * ROWS_AT_ONCE + 1).await;
    let young = ended(&panel, &busy, OUTPUT_MS - HOUR_MS, 1).await;
    let mut last = Vec::new();
    for _ in 0..OUTPUT_OF_LAST {
        last.push(ended(&panel, &busy, 2 * OUTPUT_MS, 1).await);
    }
    let db = &panel.panel.db;
    assert_eq!(prune(db).await.unwrap(), 2 * ROWS_AT_ONCE + 1);
    assert_eq!(pieces(&panel, old).await, 0);
    for kept in last.into_iter().chain([of_quiet, young]) {
        assert_eq!(pieces(&panel, kept).await, 1);
    }
    let operations = operation::Entity::find().count(db.reads()).await.unwrap();
    assert_eq!(operations, OUTPUT_OF_LAST + 3, "the operations stay");
    assert_eq!(prune(db).await.unwrap(), 0);
    // Whoever opens one is told why nothing stands there.
    for (operation, gone) in [(old, true), (of_quiet, false), (young, false)] {
        let id = OperationId(operation);
        let owned = access::owned_operation(db, &panel.who, id).await.unwrap();
        let page = operations::output(db, &owned, 0).await.unwrap();
        assert_eq!(page.pruned, gone, "{id:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_invitations_that_are_long_over_go() {
    let panel = TestPanel::new().await;
    let db = &panel.panel.db;
    let mut tx = db.begin().await.unwrap();
    let at = tx.at().0;
    let user = panel.who.user().0;
    let (far, idle) = (at + 30 * DAY_MS, 14 * DAY_MS);
    for (name, seen_at, expires_at) in [
        ("alive", at, far),
        ("just over", at, at - DAY_MS),
        ("just idle", at - idle - DAY_MS, far),
        ("long over", at, at - DEAD_SESSIONS_MS - HOUR_MS),
        ("long idle", at - idle - DEAD_SESSIONS_MS - HOUR_MS, far),
    ] {
        tx.insert(session::ActiveModel {
            id: NotSet,
            token_hash: Set(name.into()),
            user_id: Set(user),
            peer: Set("127.0.0.1".into()),
            user_agent: Set(String::new()),
            created_at: Set(0),
            seen_at: Set(seen_at),
            expires_at: Set(expires_at),
        })
        .await
        .unwrap();
    }
    for (name, expires_at) in [("old", at - 31 * DAY_MS), ("told", at - 29 * DAY_MS)] {
        tx.insert(invitation::ActiveModel {
            id: NotSet,
            email: Set("bob@example.com".into()),
            token_hash: Set(name.into()),
            invited_by: Set(user),
            created_at: Set(0),
            expires_at: Set(expires_at),
            used_at: Set(None),
            revoked_at: Set(None),
        })
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(prune(db).await.unwrap(), 3);
    let left = session::Entity::find().all(db.reads()).await.unwrap();
    let left: Vec<_> = left.iter().map(|row| row.token_hash.as_str()).collect();
    for name in ["alive", "just over", "just idle"] {
        assert!(left.contains(&name), "{left:?}");
    }
    assert_eq!(left.len(), 4, "{left:?}, the caller's own among them");
    let left = invitation::Entity::find().all(db.reads()).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].token_hash, "told");
}
