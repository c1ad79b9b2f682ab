//! How the processes of programs stand, as the panel sees them, and what they print.

use super::*;

#[tokio::test]
async fn processes_are_seen_without_anybody_asking_and_a_look_that_finds_the_same_is_no_news() {
    let world = World::new().await;
    world.app.connector.remote.respond(|run| {
        let handle = String::from_utf8_lossy(&run.stdin).trim().to_owned();
        let script = run.script.text();
        Said::stdout(&if script.contains("::process $handle") {
            format!(
                "::process {handle} 1 active running 4711 1798761600 2 killed KILL 1798761590000\n\
                 ::fact looked yes\n"
            )
        } else {
            "::fact program_installed yes\n".to_owned()
        })
    });
    let id = world.active().await;
    let seen = |it: &Value| it["processes"][0]["state"] == "running";
    let shown = world.until(seen).await;
    assert_eq!(shown["processes"][0]["pid"], 4711);
    assert_eq!(shown["processes"][0]["restarts"], 2);
    assert_eq!(shown["processes"][0]["last_end"], "signal KILL");

    let mut listener = world.app.panel.db.bus().listen();
    listener.join(Topic::Server(world.server));
    let same = vec![ProcessReport {
        pid: Some(4711),
        restarts: 2,
        last_end: Some("signal KILL".to_owned()),
        last_end_at: Some(Timestamp(1_798_761_590_000)),
        ..process(1, ProcessState::Running)
    }];
    let look = async |processes: Vec<ProcessReport>| {
        let reports = [(ProgramId(id), processes)];
        domain::programs::record(&world.app.panel.db, world.server, &reports)
            .await
            .unwrap();
    };
    look(same.clone()).await;
    assert!(
        listener.next().now_or_never().is_none(),
        "the same is no news"
    );
    let mut other = same;
    other[0].pid = Some(4712);
    look(other).await;
    assert!(listener.next().now_or_never().is_some());
    // The second of two was taken away.
    look(vec![
        process(1, ProcessState::Running),
        process(2, ProcessState::Running),
    ])
    .await;
    look(vec![process(1, ProcessState::Running)]).await;
    let shown = world.until(seen).await;
    assert_eq!(shown["processes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_program_that_gave_up_is_told_to_its_owner_once_and_one_that_was_stopped_is_not() {
    let world = World::new().await;
    let id = ProgramId(world.active().await);
    let other = world.app.other_owner().await;
    let (mut owner, mut stranger) = (
        world.app.listen_as(&world.owner),
        world.app.listen_as(&other),
    );
    record(&world.app, world.server, id, ProcessState::Running).await;
    for _ in 0..2 {
        record(&world.app, world.server, id, ProcessState::Failed).await;
    }
    let Some(Some(Heard::Event(delivery))) = owner.next().now_or_never() else {
        panic!("the owner was not told");
    };
    let Event::Alerted { alert, .. } = &*delivery.event else {
        panic!("{:?}", delivery.event);
    };
    assert_eq!(
        alert.sentence,
        "Background program Worker does not stay up and is not started again: process 1, exit code 3"
    );
    assert_eq!(alert.page, AlertPage::Programs);
    assert!(owner.next().now_or_never().is_none(), "told twice");
    assert!(stranger.next().now_or_never().is_none());
    world.obey();
    world.control("stop", id.0).await;
    world.until(|program| program["status"] == "paused").await;
    record(&world.app, world.server, id, ProcessState::Stopped).await;
    record(&world.app, world.server, id, ProcessState::Failed).await;
    let told = audit_entry::Entity::find()
        .filter(audit_entry::Column::Sentence.contains("does not stay up"))
        .all(world.app.panel.db.reads())
        .await
        .unwrap();
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn the_log_is_asked_of_the_server_and_its_text_is_made_fit_for_a_page() {
    let world = World::new().await;
    let id = world.active().await;
    world.app.connector.remote.respond(|run| {
        Said::stdout(if run.script.text().contains("journalctl --quiet --no-pager") {
            "{\"__REALTIME_TIMESTAMP\":\"1798761600000000\",\"MESSAGE\":\"one \\u001b]0;x\\u0007<b>\",\
             \"_SYSTEMD_UNIT\":\"brokeforge-program-0@2.service\"}\n"
        } else {
            ""
        })
    });
    let input = json!({ "server_id": world.server, "program_id": id });
    let path = "/api/programs/log";
    let log = world
        .app
        .call(Some(&world.owner), path, input.clone())
        .await;
    assert_eq!(
        log.body["lines"],
        json!([{ "at": 1_798_761_600_000_i64, "process": 2, "is_about_it": false, "text": "one <b>" }])
    );
    world.app.connector.remote.respond(|_| Said::code(1));
    let refused = world.app.call(Some(&world.owner), path, input).await;
    assert_eq!(refused.status, StatusCode::BAD_GATEWAY, "{}", refused.body);
}
