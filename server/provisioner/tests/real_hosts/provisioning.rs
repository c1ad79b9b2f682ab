use crate::host::Host;
use crate::panel::TestPanel;

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_host_is_provisioned_a_second_run_changes_nothing_and_a_third_mends_what_broke() {
    let Some(host) = Host::start("plain", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;

    let server = panel.provision_well(&server).await;
    for unit in ["nginx", "php8.2-fpm", "cron", "supervisor"] {
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

    let before = host.fingerprint();
    let server = panel.provision_well(&server).await;
    assert_same(&before, &host.fingerprint());

    host.sh("systemctl stop nginx; ufw --force disable; DEBIAN_FRONTEND=noninteractive apt-get purge -y -q php8.2-fpm");
    panel.provision_well(&server).await;
    for unit in ["nginx", "php8.2-fpm"] {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_13_with_sshd_on_another_port_beside_22_is_provisioned() {
    let Some(host) = Host::start("trixie", &["--release", "13"]) else {
        return;
    };
    host.sh("printf 'Port 22\\nPort 2222\\n' > /etc/ssh/sshd_config.d/ports.conf && systemctl restart ssh");
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    panel.provision_well(&server).await;
    assert!(host.sh("ufw status").contains("2222/tcp"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_package_lock_is_waited_for_and_its_holder_is_named() {
    let Some(host) = Host::start("locked", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    // apt's locks are fcntl locks; flock(1) would take another kind that apt does not see.
    host.sh(
        "systemd-run --quiet --unit=holder perl -MFcntl -e 'open F, \"+>>\", \"/var/lib/dpkg/lock-frontend\"; \
         $lock = pack(\"s s l! l! l!\", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die $!; sleep 12' && sleep 1",
    );
    let operation = panel.provision(&server).await;
    let output = panel.output(operation.id).await;
    assert!(output.contains("Waiting for perl (process "), "{output}");
    assert_eq!(operation.error, None, "{output}");
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
