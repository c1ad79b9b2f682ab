//! Every operation there is, with the n-th call to the database or to the server failed, for every n until one run has
//! fewer calls than that. Each time the end must be legal and say why, nothing may wait for an operation that is not
//! there, and a retry must succeed.

mod bench;
mod clicks;
mod database;
mod kinds;
mod records;
mod remote;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;
use wire::operations::{OperationKind, OperationState};

use self::bench::{Bench, Fault};
use self::kinds::Subject;

/// Panels that work off the points at the same time: most of a run is waiting.
const LANES: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_fails_at_any_call_leaves_nothing_stuck_and_nothing_untrue() {
    over_all_kinds(&[Fault::Database]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_at_any_call_leaves_nothing_stuck_and_nothing_untrue() {
    over_all_kinds(&remote::Fault::ALL.map(Fault::Remote)).await;
}

async fn over_all_kinds(faults: &[Fault]) {
    let rows = kinds::all()
        .into_iter()
        .flat_map(|kind| faults.iter().map(move |fault| Row::new(kind, *fault)));
    let rows: Arc<Vec<Row>> = Arc::new(rows.collect());
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        lanes.spawn(work_off(Arc::clone(&rows)));
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap();
    }
    for row in rows.iter() {
        let failed = row.failed.load(Ordering::Relaxed);
        assert!(
            failed > 3,
            "{:?}, {:?}: only {failed} points were failed",
            row.kind,
            row.fault
        );
    }
}

/// The points of one kind of operation and one kind of fault.
struct Row {
    kind: OperationKind,
    fault: Fault,
    next: AtomicUsize,
    failed: AtomicUsize,
    is_done: AtomicBool,
}

impl Row {
    fn new(kind: OperationKind, fault: Fault) -> Self {
        Self {
            kind,
            fault,
            next: AtomicUsize::new(1),
            failed: AtomicUsize::new(0),
            is_done: AtomicBool::new(false),
        }
    }
}

/// Takes points from the common rows, each up to one that is beyond the last call.
async fn work_off(rows: Arc<Vec<Row>>) {
    let bench = Bench::new().await;
    bench.work();
    for row in rows.iter() {
        while !row.is_done.load(Ordering::Relaxed) {
            let n = row.next.fetch_add(1, Ordering::Relaxed);
            assert!(n < 5000, "no end of the calls of {:?}", row.kind);
            if one_point(&bench, row.kind, row.fault, n).await {
                row.failed.fetch_add(1, Ordering::Relaxed);
            } else {
                row.is_done.store(true, Ordering::Relaxed);
            }
        }
    }
    bench.check_transitions().await;
}

/// Whether there was an `n`-th call.
async fn one_point(bench: &Bench, kind: OperationKind, fault: Fault, n: usize) -> bool {
    let point = format!("{kind:?}, {fault:?} {n}");
    let subject = Subject::prepare(bench, kind).await;
    let before = subject.standing(bench).await;
    bench.arm(fault, n).await;
    let mut asked = subject.request(bench).await;
    if asked.is_err() {
        assert!(bench.has_failed(), "{point}: {asked:?}");
        let after = subject.standing(bench).await;
        assert_eq!(
            after, before,
            "{point}: a request that failed left something behind"
        );
        let first = asked;
        asked = subject.request(bench).await;
        assert!(asked.is_ok(), "{point}: {first:?}, then {asked:?}");
    }
    expect(asked, &point);
    subject.ended(bench, &point).await;
    let has_failed = bench.disarm();
    let standing = subject.standing(bench).await;
    standing.check(kind, &point);
    if standing.state() == Some(OperationState::Succeeded) {
        subject.check_output(bench, &point).await;
    } else {
        assert!(has_failed, "{point}: {standing:#?}");
        expect(subject.retry(bench, &standing).await, &point);
        subject.ended(bench, &point).await;
        let again = subject.standing(bench).await;
        assert_eq!(
            again.state(),
            Some(OperationState::Succeeded),
            "{point}: {again:#?}"
        );
        again.check(kind, &point);
    }
    assert_eq!(
        bench.reconcile().await,
        0,
        "{point}: something waited for nothing"
    );
    has_failed
}

fn expect<T>(result: Result<T, impl Debug>, point: &str) -> T {
    result.unwrap_or_else(|error| panic!("{point}: {error:?}"))
}
