use domain::servers;
use wire::servers::Connection;
use wire::servers::edit::AcceptHostKeyInput;

use crate::host::Host;
use crate::panel::TestPanel;

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_rebooted_and_what_did_not_start_is_named_and_a_new_host_key_ends_the_wait() {
    let Some(host) = Host::start("reboot", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    host.sh(
        "printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n[Install]\\nWantedBy=multi-user.target\\n' \
         > /etc/systemd/system/broken-thing.service && systemctl enable --quiet broken-thing.service",
    );
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = host.sh(boot);

    let reboot = async || {
        let id = servers::request_reboot(&panel.panel.db, &panel.who, &server)
            .await
            .unwrap();
        panel.end_of(id).await
    };
    let operation = reboot().await;
    assert_eq!(
        operation.error,
        None,
        "{}",
        panel.output(operation.id).await
    );
    assert_ne!(before, host.sh(boot));
    let summary = operation.steps[1].summary.as_deref().unwrap_or_default();
    assert!(
        summary.starts_with("running again, kernel ")
            && summary.ends_with("failed units: broken-thing.service"),
        "{summary}"
    );
    let server = panel.reload(&server).await;
    let shown = servers::show(&panel.panel, &server).await.unwrap();
    assert_eq!(shown.summary.connection, Connection::Connected);
    assert_eq!(shown.reboot_required, Some(false));

    // Another host key after the boot: somebody has to decide, and nobody waits for ten minutes.
    host.sh("rm /etc/ssh/ssh_host_*_key* && ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key");
    let operation = reboot().await;
    let error = operation.error.unwrap();
    assert!(error.contains("has changed"), "{error}");
    let server = panel.reload(&server).await;
    let shown = servers::show(&panel.panel, &server).await.unwrap();
    assert_eq!(shown.summary.connection, Connection::HostKeyChanged);
    let input = AcceptHostKeyInput {
        server_id: server.id(),
        host_key: shown.found_host_key.unwrap().host_key,
        confirm_name: "web-1".into(),
    };
    servers::accept_host_key(&panel.panel, &panel.who, &server, &input)
        .await
        .unwrap();
    let server = panel.reload(&server).await;
    let checked = servers::check(&panel.panel, &panel.who, &server).await;
    assert_eq!(checked.unwrap().connection, Connection::Connected);
}
