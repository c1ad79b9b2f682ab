use std::net::TcpStream;
use std::time::{Duration, Instant};

use domain::access::OwnedServer;
use wire::firewall::{Action, Protocol, RuleFields};
use wire::operations::OperationState;
use wire::plan::PreviewWork;
use wire::{ResourceKind, Status};

use crate::host::Host;
use crate::panel::{TestPanel, is_active};
use crate::twice;

fn fields(name: &str, port: &str, source: &str, action: Action) -> RuleFields {
    RuleFields {
        name: name.into(),
        port: port.into(),
        protocol: Protocol::Tcp,
        source: source.into(),
        action,
    }
}

fn reaches(host: &Host, port: u16) -> bool {
    TcpStream::connect_timeout(
        &format!("{}:{port}", host.address).parse().unwrap(),
        Duration::from_secs(2),
    )
    .is_ok()
}

/// A host with a firewall; PHP and the like are not waited for.
async fn with_firewall(name: &str) -> Option<(Host, TestPanel, OwnedServer)> {
    let host = Host::start(name, &[])?;
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    let server = panel.provision_well(&server).await;
    host.sh("systemd-run --quiet --unit=listener python3 -m http.server 8081 --bind 0.0.0.0");
    Some((host, panel, server))
}

/// What the page shows before a rule is added does the same when a person runs it on the server, twice.
async fn by_hand(host: &Host, panel: &TestPanel, server: &OwnedServer) {
    let rule = fields("By hand", "8181", "", Action::Allow);
    let work = PreviewWork::AddRule { rule };
    let plan = domain::planner::preview(&panel.panel, &panel.who, server, &work)
        .await
        .unwrap();
    let script = plan.script();
    host.sh(&format!(
        "cat > /root/rule.sh <<'END_OF_COPY'\n{script}END_OF_COPY"
    ));
    for shell in ["bash", "sh"] {
        let printed = host.sh(&format!(
            "{shell} -n /root/rule.sh && {shell} /root/rule.sh"
        ));
        assert!(
            printed.contains("::summary allow 8181/tcp from anywhere"),
            "{printed}"
        );
    }
    assert!(host.sh("ufw status").contains("8181/tcp"));
    assert!(!host.holds("[ -e /var/lib/brokeforge/firewall-rollback/pending ]"));
    host.sh("ufw --force delete allow in proto tcp from any to any port 8181");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_open_close_and_deny_in_front_and_running_twice_changes_nothing() {
    let Some((host, panel, server)) = with_firewall("rules").await else {
        return;
    };
    assert!(!reaches(&host, 8081));

    let open = panel
        .add_rule(&server, fields("Open", "8081", "", Action::Allow))
        .await;
    assert!(is_active(&open));
    assert!(reaches(&host, 8081));

    // The panel's own address as the hosts see it.
    let deny = panel
        .add_rule(
            &server,
            fields("But not me", "8081", "10.213.0.1", Action::Deny),
        )
        .await;
    assert!(is_active(&deny));
    assert!(!reaches(&host, 8081), "a deny behind an allow does nothing");

    by_hand(&host, &panel, &server).await;

    let before = host.sh("ufw status numbered; sha256sum /etc/ufw/*.rules");
    let range = RuleFields {
        protocol: Protocol::Any,
        ..fields("Range", "3000:3005", "2001:db8::/32", Action::Allow)
    };
    let range = panel.add_rule(&server, range).await;
    assert!(is_active(&range));
    let with_range = host.sh("ufw status");
    assert!(
        with_range.contains("3000:3005/tcp") && with_range.contains("3000:3005/udp"),
        "{with_range}"
    );
    domain::managed::request_removal(
        &panel.panel.db,
        &panel.who,
        &server,
        ResourceKind::FirewallRule,
        range.id.0,
    )
    .await
    .unwrap();
    assert!(panel.settled(&server, range.id).await.is_none());
    assert_eq!(
        before,
        host.sh("ufw status numbered; sha256sum /etc/ufw/*.rules")
    );

    // Behind the panel's back: what is gone already is removed without complaint.
    host.sh("ufw --force delete deny in proto tcp from 10.213.0.1 to any port 8081");
    domain::managed::request_removal(
        &panel.panel.db,
        &panel.who,
        &server,
        ResourceKind::FirewallRule,
        deny.id.0,
    )
    .await
    .unwrap();
    assert!(panel.settled(&server, deny.id).await.is_none());
    assert!(reaches(&host, 8081));
    twice::every_kind(&host, &panel, &server).await;
    a_cancellation_at_any_moment_tells_what_is_so(&host, &panel, &server).await;
}

/// Cancelled before the change is made, and before, while and after it is confirmed.
async fn a_cancellation_at_any_moment_tells_what_is_so(
    host: &Host,
    panel: &TestPanel,
    server: &OwnedServer,
) {
    let mut ends = Vec::new();
    let delays = [0, 100, 200, 400, 800, 1600].map(Some);
    for (round, delay) in [None].into_iter().chain(delays).enumerate() {
        let port = format!("{}", 9001 + round);
        let (id, operation) = panel
            .begin_rule(server, fields("Maybe", &port, "", Action::Allow))
            .await;
        let is_there = format!("grep -q ' {port} 0.0.0.0/0 any 0.0.0.0/0 in' /etc/ufw/user.rules");
        if let Some(delay) = delay {
            for _ in 0..300 {
                if host.holds(&is_there) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        panel.cancel(operation).await;
        let ended = panel.end_of(operation).await;
        let rule = panel.settled(server, id).await.unwrap();
        assert_eq!(
            host.holds(&is_there),
            ended.state == OperationState::Succeeded,
            "{delay:?} ms: {ended:#?}"
        );
        assert_eq!(
            rule.status == Status::Active,
            ended.state == OperationState::Succeeded
        );
        assert!(host.holds("[ ! -d /var/lib/brokeforge/firewall-rollback/pending ]"));
        ends.push(ended.state);
    }
    assert!(ends.contains(&OperationState::Cancelled), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_cuts_the_panel_off_is_gone_within_90_seconds_also_after_a_reboot() {
    let Some((host, panel, server)) = with_firewall("cut").await else {
        return;
    };
    let before = host.sh("cat /etc/ufw/user.rules");
    // The panel refuses such a rule, so it goes into the database past every check.
    let id = panel
        .insert_failed_rule(&server, "22", "10.213.0.1", Action::Deny)
        .await;
    for reboot in [false, true] {
        let started = Instant::now();
        domain::managed::retry(
            &panel.panel,
            &panel.who,
            &server,
            ResourceKind::FirewallRule,
            id.0,
        )
        .await
        .unwrap();
        if reboot {
            while !host.holds("ufw status | grep -q 'DENY.*10.213.0.1'") {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            host.reboot();
        }
        let rule = panel.settled(&server, id).await.unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(90), "{took:?}");
        let reason = rule.error_log.unwrap();
        assert!(reason.contains("cut the panel off"), "{reason}");
        assert_eq!(before, host.sh("cat /etc/ufw/user.rules"));
        assert!(host.holds("ufw status | grep -q '^Status: active'"));
    }
}
