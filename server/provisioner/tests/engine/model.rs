//! Whatever users, panels and servers do, in whatever order: every record stands where a small model of the lifecycle
//! says, after each thing that happens. `world`: the real thing, a panel with its worker and a server.

mod world;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use wire::{OperationId, Status};

use self::world::World;

/// What happens. The numbers choose a record, round and round.
#[derive(Clone, Copy, Debug)]
enum Event {
    Add,
    Change(usize),
    Remove(usize),
    Retry(usize),
    Cancel(usize),
    /// A worker does all there is to do.
    Work,
    /// The same; the first thing that it begins on the server fails there.
    WorkThatFails,
    /// A panel starts, begins what is next, and is killed in the middle of it.
    Crash,
    /// A hand in the database ends an operation past its record.
    Lose(usize),
    Reconcile,
}

fn event() -> impl Strategy<Value = Event> {
    let record = 0..3_usize;
    prop_oneof![
        3 => Just(Event::Add),
        2 => record.clone().prop_map(Event::Change),
        3 => record.clone().prop_map(Event::Remove),
        2 => record.clone().prop_map(Event::Retry),
        2 => record.clone().prop_map(Event::Cancel),
        3 => Just(Event::Work),
        2 => Just(Event::WorkThatFails),
        2 => Just(Event::Crash),
        1 => record.prop_map(Event::Lose),
        1 => Just(Event::Reconcile),
    ]
}

/// The model of a record.
#[derive(Clone, Debug)]
struct Record {
    id: i64,
    status: Status,
    has_reason: bool,
    work: Option<Work>,
}

/// The model of an operation under way.
#[derive(Clone, Debug)]
struct Work {
    id: i64,
    verb: Verb,
    prior: Option<Status>,
    /// Claimed and left behind by a panel that is gone.
    left_behind: bool,
    claims: usize,
    cancelled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Install,
    Change,
    Remove,
}

/// How an operation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    /// Set aside: nobody knows how it ended on the server.
    Unknown,
    Cancelled,
}

/// Claims without anything done in between, after which an operation is stopped and set aside.
const MOST_CLAIMS: usize = 3;

#[test]
fn records_go_the_way_of_the_model_whatever_happens() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut config = Config {
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 40;
    }
    let ran = TestRunner::new(config).run(&vec(event(), 1..16), |events| {
        runtime.block_on(async { World::new().await.play(&events).await })
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

/// What a run of the test above found once.
#[tokio::test(flavor = "multi_thread")]
async fn found_before_three_crashes_in_a_row() {
    let events = [Event::Add, Event::Crash, Event::Crash, Event::Crash];
    World::new().await.play(&events).await.unwrap();
}

/// What a worker takes next: what was left behind, or else the oldest.
fn next(records: &mut [Record]) -> Option<&mut Record> {
    let under_way = records.iter_mut().filter(|record| record.work.is_some());
    under_way.min_by_key(|record| {
        let work = record.work.as_ref().unwrap();
        (!work.left_behind, work.id)
    })
}

impl Work {
    fn new(operation: OperationId, verb: Verb, prior: Option<Status>) -> Self {
        Self {
            id: operation.0,
            verb,
            prior,
            left_behind: false,
            claims: 0,
            cancelled: false,
        }
    }

    fn is_hopeless(&self) -> bool {
        self.left_behind && self.claims >= MOST_CLAIMS
    }
}

impl Record {
    fn begin(&mut self, work: Work, status: Status) {
        self.work = Some(work);
        self.status = status;
        self.has_reason = false;
    }

    fn end(&mut self, end: End) {
        let work = self.work.take().unwrap();
        let back = work.prior.unwrap_or(Status::Failed);
        match (work.verb, end) {
            (Verb::Install | Verb::Change, End::Succeeded) => {
                (self.status, self.has_reason) = (Status::Active, false);
            }
            // Gone: nothing is left to compare.
            (Verb::Remove, End::Succeeded) => self.id = 0,
            (Verb::Install | Verb::Change | Verb::Remove, End::Unknown) => {
                (self.status, self.has_reason) = (Status::Failed, true);
            }
            (Verb::Install | Verb::Change | Verb::Remove, End::Failed) => {
                (self.status, self.has_reason) = (back, true);
            }
            (Verb::Install | Verb::Change | Verb::Remove, End::Cancelled) => {
                (self.status, self.has_reason) = (back, back == Status::Failed);
            }
        }
    }

    fn lost(&mut self, prior: Option<Status>) {
        (self.status, self.has_reason) = (prior.unwrap_or(Status::Failed), true);
    }

    /// Nothing to find where everything has its operation.
    fn reconcile(&self) {
        assert_eq!(self.status.is_transitional(), self.work.is_some());
    }

    fn is_gone(&self) -> bool {
        self.id == 0
    }
}
