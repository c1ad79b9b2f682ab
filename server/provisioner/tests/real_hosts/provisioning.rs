use std::time::Duration;

use domain::access::OwnedServer;
use wire::provisioning::{Part, Php, ProvisionChoices, Software};

use crate::host::Host;
use crate::panel::TestPanel;

#[tokio::test(flavor = "multi_thread")]
async fn all_parts_are_provisioned_a_second_run_changes_nothing_and_a_third_mends_what_broke() {
    let Some(host) = Host::start("plain", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    assert_eq!(panel.software(&server).await.php_offered, ["8.2"]);

    let all = ProvisionChoices {
        php: Php::Own,
        parts: Part::ALL.into(),
    };
    let server = panel.provision_well_with(&server, all.clone()).await;
    for unit in [
        "nginx",
        "php8.2-fpm",
        "cron",
        "supervisor",
        "mariadb",
        "postgresql@15-main",
        "redis-server",
    ] {
        assert!(
            host.holds(&format!("systemctl is-active --quiet {unit}")),
            "{unit}"
        );
    }
    let rules = host.sh("ufw status verbose");
    assert!(
        rules.contains("Default: deny (incoming), allow (outgoing)"),
        "{rules}"
    );
    for port in ["22/tcp", "80/tcp", "443/tcp"] {
        assert!(rules.contains(port), "{rules}");
    }
    assert!(
        host.holds(
            "passwd -S brokeforge | grep -q ' L ' && ! runuser -u brokeforge -- sudo -n true"
        )
    );
    assert!(!host.holds("ls /etc/systemd/system/brokeforge-firewall-rollback.service"));
    let beyond = host.sh(
        "ss -Htln '( sport = :3306 or sport = :5432 or sport = :6379 )' | awk '{ print $4 }' | grep -v '^127\\.\\|^\\[::1\\]' || true",
    );
    assert_eq!(beyond, "");
    assert_eq!(
        host.sh("cd / && runuser -u postgres -- psql -XAtc 'show server_encoding'")
            .trim(),
        "UTF8"
    );

    let software = panel.software(&server).await;
    assert_eq!(software.chosen, all.fields());
    for (which, command) in [
        (Software::Php, "php8.2 -r 'echo PHP_VERSION;'"),
        (
            Software::MariaDb,
            "mariadb -BNe 'select version()' | cut -d - -f 1",
        ),
        (
            Software::PostgreSql,
            "cd / && runuser -u postgres -- psql -XAtc 'show server_version' | cut -d ' ' -f 1",
        ),
        (
            Software::Redis,
            "redis-cli info server | sed -n 's/^redis_version:\\([0-9.]*\\).*/\\1/p'",
        ),
        (Software::Node, "node --version | tr -d v"),
        (Software::Nginx, "nginx -v 2>&1 | cut -d / -f 2"),
    ] {
        assert_eq!(
            software.installed[&which],
            host.sh(command).trim(),
            "{which:?}"
        );
    }

    let before = host.fingerprint();
    let server = panel.provision_well(&server).await;
    assert_same(&before, &host.fingerprint());

    nginx_reads_its_files_anew_also_after_a_kill_in_between(&host, &panel, &server).await;

    // MariaDB is not asked for any more: it is left alone, neither mended nor taken away.
    host.sh("systemctl stop nginx redis-server; ufw --force disable; \
         DEBIAN_FRONTEND=noninteractive apt-get purge -y -q php8.2-fpm");
    let fewer = ProvisionChoices {
        parts: [Part::PostgreSql, Part::Redis].into(),
        ..all
    };
    let server = panel.provision_well_with(&server, fewer).await;
    for unit in ["nginx", "php8.2-fpm", "redis-server", "mariadb"] {
        assert!(
            host.holds(&format!("systemctl is-active --quiet {unit}")),
            "{unit}"
        );
    }
    assert!(host.holds("ufw status | grep -q '^Status: active'"));
    assert_eq!(
        without_invocations(&before),
        without_invocations(&host.fingerprint())
    );
    let left = panel.software(&server).await.installed;
    assert!(left.contains_key(&Software::MariaDb), "{left:?}");
}

/// The step is killed with the new configuration in place and nginx not told of it.
async fn nginx_reads_its_files_anew_also_after_a_kill_in_between(
    host: &Host,
    panel: &TestPanel,
    server: &OwnedServer,
) {
    host.sh(
        "sed -i 's/    index index.html/    add_header X-Old yes;\\n    index index.html/' /etc/nginx/sites-available/brokeforge-default && \
         systemctl reload nginx",
    );
    // nginx says that it reads anew before it has.
    let answers_as_before = "for _ in 1 2 3 4 5 6 7 8 9 10; do curl -sI http://127.0.0.1/ | grep -q '^X-Old' && exit 0; sleep 0.3; done; exit 1";
    assert!(host.holds(answers_as_before));
    host.sh(
        "printf '%s\\n' '#!/bin/sh' 'case \"$*\" in \"reload nginx.service\") kill -9 $PPID; sleep 60 ;; esac' \
         'exec /usr/bin/systemctl \"$@\"' >/usr/local/bin/systemctl && chmod 755 /usr/local/bin/systemctl",
    );
    let killed = panel.provision_with(server, None).await;
    assert!(killed.error.unwrap().starts_with("nginx: "));
    assert!(host.holds(answers_as_before));
    assert!(!host.holds("grep -q X-Old /etc/nginx/sites-available/brokeforge-default"));
    host.sh("rm /usr/local/bin/systemctl");
    panel.provision_well(server).await;
    // Workers of before may finish what they were asked.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!host.holds(answers_as_before));
    assert!(!host.holds("ls /var/lib/brokeforge/nginx-reload"));
}

fn assert_same(before: &str, after: &str) {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let gone: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "gone: {gone:#?}\nnew: {new:#?}"
    );
}

/// A mended service has been started anew, and nothing else may differ.
fn without_invocations(fingerprint: &str) -> Vec<&str> {
    fingerprint
        .lines()
        .filter(|line| !line.starts_with("InvocationID="))
        .collect()
}
