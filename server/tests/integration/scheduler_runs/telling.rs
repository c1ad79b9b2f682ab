//! What is told of runs: those that failed, those that did not come, and a cron that died.

use super::*;

#[tokio::test]
async fn the_first_failure_after_a_success_is_told_once_and_only_to_those_who_want_it() {
    let world = World::new().await;
    let hour = 3_600_000;
    for (place, state) in [
        (0, RunState::Succeeded),
        (1, RunState::Failed),
        (2, RunState::TimedOut),
        (3, RunState::Skipped),
        (4, RunState::Failed),
        (5, RunState::Succeeded),
        (6, RunState::Lost),
    ] {
        world
            .record(report(state, 1_798_761_600_000 + place * hour))
            .await;
    }
    assert_eq!(world.failures_told().await, 2);
    let db = &world.app.panel.db;
    let row = world.row().await;
    let mut tx = db.begin().await.unwrap();
    tx.update(&row, |row| row.notify = false).await.unwrap();
    tx.commit().await.unwrap();
    for (place, state) in [(7, RunState::Succeeded), (8, RunState::Failed)] {
        world
            .record(report(state, 1_798_761_600_000 + place * hour))
            .await;
    }
    assert_eq!(world.failures_told().await, 2);
}

#[tokio::test]
async fn a_run_by_hand_is_told_of_by_its_operation_alone_and_a_stopped_one_by_none() {
    let world = World::new().await;
    let hour = 3_600_000;
    for (place, state, trigger) in [
        (0, RunState::Failed, Trigger::Panel),
        (1, RunState::Stopped, Trigger::Panel),
        (2, RunState::Lost, Trigger::Panel),
    ] {
        let run = report(state, 1_798_761_600_000 + place * hour);
        world.record(RunReport { trigger, ..run }).await;
    }
    assert_eq!(world.failures_told().await, 0);
    // What failed by hand is no reason to keep quiet about cron.
    world
        .record(report(RunState::Failed, 1_798_761_600_000 + 3 * hour))
        .await;
    assert_eq!(world.failures_told().await, 1);
    // That it works by hand is one to tell of the next failure.
    let by_hand = RunReport {
        trigger: Trigger::Panel,
        ..report(RunState::Succeeded, 1_798_761_600_000 + 4 * hour)
    };
    world.record(by_hand).await;
    world
        .record(report(RunState::Failed, 1_798_761_600_000 + 5 * hour))
        .await;
    assert_eq!(world.failures_told().await, 2);
}

#[tokio::test]
async fn what_went_wrong_is_told_to_the_owner_at_once_and_to_nobody_else() {
    let world = World::new().await;
    let other = world.app.other_owner().await;
    let (mut owner, mut stranger) = (
        world.app.listen_as(&world.owner),
        world.app.listen_as(&other),
    );
    world
        .record(report(RunState::Failed, 1_798_761_600_000))
        .await;
    let Some(Some(Heard::Event(delivery))) = owner.next().now_or_never() else {
        panic!("the owner was not told");
    };
    let Event::Alerted { alert, .. } = &*delivery.event else {
        panic!("{:?}", delivery.event);
    };
    assert_eq!(alert.sentence, "Scheduled task Backup failed: exit code 1");
    assert_eq!(alert.server_id, world.server);
    assert!(stranger.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_run_that_did_not_come_is_told_once_and_the_next_one_takes_that_back() {
    let world = World::new().await;
    // Every five minutes, and it is a quarter past midnight.
    let midnight = 1_798_761_600_000;
    let minute = 60_000;
    // By the panel's clock, which is another one in this test; what is due goes by the server's.
    world.active_since(domain::db::now().0 - 60 * minute).await;
    let at = |minutes: i64| Found {
        clock: Some(Timestamp(midnight + minutes * minute)),
        time_zone: Some("UTC".into()),
        scheduler_running: Some(true),
        is_all: true,
    };
    world
        .record_with(vec![report(RunState::Succeeded, midnight)], Some(at(4)))
        .await;
    assert_eq!(world.row().await.missed_at, None);
    // One that waits for the end of the run before has not come either.
    let long = RunReport {
        trigger: Trigger::Panel,
        ..report(RunState::Running, midnight + minute)
    };
    world.record_with(vec![long.clone()], Some(at(15))).await;
    assert_eq!(world.row().await.missed_at, None);
    world
        .record(RunReport {
            state: RunState::Succeeded,
            ..long
        })
        .await;
    // What is not collected yet is not missed.
    let partly = Found {
        is_all: false,
        ..at(15)
    };
    world.record_with(Vec::new(), Some(partly)).await;
    assert_eq!(world.row().await.missed_at, None);
    for minutes in [15, 16] {
        world.record_with(Vec::new(), Some(at(minutes))).await;
        assert_eq!(world.row().await.missed_at, Some(midnight + 10 * minute));
    }
    let missed = |it: &&String| it.contains("did not run on");
    assert_eq!(world.sentences().await.iter().filter(missed).count(), 1);
    let late = report(RunState::Succeeded, midnight + 15 * minute);
    world.record_with(vec![late], Some(at(18))).await;
    assert_eq!(world.row().await.missed_at, None);
}

#[tokio::test]
async fn a_cron_that_died_is_told_and_a_clock_that_is_off_is_shown() {
    let world = World::new().await;
    let found = |running: bool, ahead: i64| Found {
        clock: Some(Timestamp(domain::db::now().0 + ahead * 1000)),
        time_zone: Some("not/a zone".into()),
        scheduler_running: Some(running),
        is_all: false,
    };
    world.record_with(Vec::new(), Some(found(true, 0))).await;
    world
        .record_with(Vec::new(), Some(found(false, 3_600)))
        .await;
    let input = json!({ "server_id": world.server });
    let path = "/api/scheduler/show";
    let shown = world.app.call(Some(&world.owner), path, input).await.body;
    assert_eq!(shown["is_running"], false);
    assert_eq!(shown["time_zone"], Value::Null);
    assert!(
        (3_598..=3_600).contains(&shown["clock_ahead"].as_i64().unwrap()),
        "{shown}"
    );
    let died = |it: &String| it.starts_with("Cron does not run");
    assert!(world.sentences().await.iter().any(died));
}
