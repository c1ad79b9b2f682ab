use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ssh::fake::{Answer, Cut, Run};
use ssh::{Error, Place, Stream};
use wire::Status;
use wire::diagnosis::Cause;
use wire::operations::OperationState;

use crate::panel::TestPanel;

pub fn is_rule(run: &Run) -> bool {
    run.script.text().contains("read -r new_action")
}

/// A rule's step that takes its time and prints this.
pub fn rule_prints(panel: &TestPanel, text: &str, takes: Duration) {
    let text = text.to_owned();
    panel.connector.remote.respond(move |run| {
        if is_rule(run) {
            Answer::stdout(&text).taking(takes)
        } else {
            // Nothing of the firewall waits to be confirmed.
            Answer::stdout("::fact rollback none\n")
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_connection_loses_and_doubles_no_output_and_is_no_failure() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let lines = (0..500).fold(String::new(), |lines, line| {
        lines + &format!("line {line}\n")
    });
    rule_prints(&panel, &lines, Duration::from_millis(50));
    for (cut, bytes) in [(1, 0), (2, 1), (3, 777), (4, 2000)] {
        panel.connector.remote.cut_at(cut, Cut::After(bytes));
    }
    let _worker = panel.start_worker();
    let (rule, operation) = panel.add_rule(&server, "8081").await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
    assert_eq!(panel.output(operation).await, lines);
    assert_eq!(ended.note, None);
    assert_eq!(
        panel.rule(&server, rule).await.unwrap().status,
        Status::Active
    );
    let begun = panel
        .connector
        .remote
        .runs()
        .iter()
        .filter(|run| is_rule(run))
        .count();
    assert_eq!(begun, 1, "attending again begins nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_before_the_step_began_begins_it_later() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "done\n", Duration::ZERO);
    panel.connector.remote.cut_at(1, Cut::BeforeItBegins);
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_for_a_while_is_waited_for_and_the_page_says_so() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "done\n", Duration::from_millis(500));
    // More than once: on a busy machine it may be there again before it is taken away below.
    for cut in 1..=2 {
        panel.connector.remote.cut_at(cut, Cut::After(0));
    }
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    // What is queued has a note as well.
    panel
        .until(operation, |it| {
            it.state == OperationState::Running && it.note.is_some()
        })
        .await;
    panel.connector.refuse(Some(Error::Refused {
        place: Place::new("203.0.113.7", 22),
    }));
    let waiting = panel
        .until(operation, |it| {
            it.note
                .as_ref()
                .is_some_and(|note| note.contains("refused"))
        })
        .await;
    assert_eq!(waiting.state, OperationState::Running);
    panel.connector.refuse(None);
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_that_was_cut_off_is_no_reason_to_give_a_running_step_up() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "done\n", Duration::from_millis(500));
    // More than once: on a busy machine it may be there again before it is taken away below.
    for cut in 1..=2 {
        panel.connector.remote.cut_at(cut, Cut::After(0));
    }
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    // What is queued has a note as well.
    panel
        .until(operation, |it| {
            it.state == OperationState::Running && it.note.is_some()
        })
        .await;
    panel.connector.refuse(Some(Error::NotSsh {
        place: Place::new("203.0.113.7", 22),
    }));
    panel
        .until(operation, |it| {
            let note = it.note.as_deref();
            note.is_some_and(|note| note.contains("not as an SSH server")) || it.state.is_over()
        })
        .await;
    panel.connector.refuse(None);
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_at_first_is_named_at_once() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel.connector.refuse(Some(Error::Refused {
        place: Place::new("203.0.113.7", 22),
    }));
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed);
    assert!(ended.error.unwrap().contains("refused the connection"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_a_reboot_swallowed_is_begun_anew() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    rule_prints(&panel, "once more\n", Duration::from_secs(2));
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    while panel.connector.remote.running_jobs() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panel.connector.remote.reboot();
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Succeeded, "{ended:#?}");
    assert_eq!(
        panel
            .connector
            .remote
            .runs()
            .iter()
            .filter(|run| is_rule(run))
            .count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_begun_anew_is_not_judged_by_what_its_lost_run_printed() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let begun = AtomicU32::new(0);
    panel.connector.remote.respond(move |run| {
        if !is_rule(run) {
            Answer::stdout("::fact rollback none\n")
        } else if begun.fetch_add(1, Ordering::Relaxed) == 0 {
            Answer::stdout("No space left on device\n").taking(Duration::from_mins(1))
        } else {
            Answer::code(1)
        }
    });
    panel.connector.remote.cut_at(1, Cut::After(1000));
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    while panel.output(operation).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panel.connector.remote.reboot();
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.state, OperationState::Failed, "{ended:#?}");
    let mut found = ended
        .steps
        .iter()
        .filter_map(|step| step.diagnosis.as_ref());
    assert_eq!(found.next().map(|found| found.kind), Some(Cause::Other));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_mebibyte_and_more_the_head_and_the_tail_are_kept_with_the_count_between() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    let line = "x".repeat(99) + "\n";
    let text = line.repeat(20_000) + "the end\n";
    rule_prints(&panel, &text, Duration::ZERO);
    for cut in 1..4 {
        panel.connector.remote.cut_at(cut, Cut::After(600_000));
    }
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    assert_eq!(
        panel.end_of(operation).await.state,
        OperationState::Succeeded
    );
    let mut output = String::new();
    let owned = domain::access::owned_operation(&panel.panel.db, &panel.who, operation)
        .await
        .unwrap();
    let mut after = 0;
    loop {
        let page = domain::operations::output(&panel.panel.db, &owned, after)
            .await
            .unwrap();
        let Some(last) = page.chunks.last() else {
            break;
        };
        after = last.id;
        output.extend(page.chunks.iter().map(|chunk| chunk.text.as_str()));
    }
    let note = output
        .lines()
        .find(|line| line.contains("bytes left out"))
        .unwrap();
    let left_out: usize = note
        .trim_start_matches('[')
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(output.len() - note.len() - 1 + left_out, text.len());
    assert!(output.ends_with("the end\n"));
    assert!(output.len() < 1100 * 1024, "{}", output.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_sentence_is_the_reason_after_a_cut_too() {
    let panel = TestPanel::new().await;
    let server = panel.server("web-1", "203.0.113.7").await;
    panel.connector.remote.respond(|run| {
        if is_rule(run) {
            Answer::code(1).and(
                Stream::Stdout,
                "::error It broke.\n::fact firewall_enabled no\nmore\nand more\n",
            )
        } else {
            Answer::code(0)
        }
    });
    panel.connector.remote.cut_at(1, Cut::After(50));
    let _worker = panel.start_worker();
    let (_, operation) = panel.add_rule(&server, "8081").await;
    let ended = panel.end_of(operation).await;
    assert_eq!(ended.error.as_deref(), Some("Add the rule: It broke."));
}
