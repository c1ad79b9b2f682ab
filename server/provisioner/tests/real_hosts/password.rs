//! Letting the panel in with a password, as sshd, PAM and sudo of a real Debian see it.

use wire::authorize::SudoersDropIn;
use wire::operations::OperationResource;

use crate::host::Host;
use crate::panel::TestPanel;

const PASSWORD: &str = "it's a \"long\" one; id #";

#[tokio::test(flavor = "multi_thread")]
async fn a_sudo_user_on_another_port_of_debian_13_is_let_in_once_by_password_and_provisioned() {
    let Some(host) = Host::start("sudo-user", &["--release", "13", "--ssh-port", "2222"]) else {
        return;
    };
    host.sh("useradd --create-home --shell /bin/bash admin");
    set_password(&host, "admin", PASSWORD);
    let panel = TestPanel::start().await;
    let server = panel.add_without_key(&host, "2222", "admin").await;

    let refusal = panel.refusal(&server, "wrong").await;
    assert!(
        refusal.contains("refused the password for admin"),
        "{refusal}"
    );
    assert!(!host.holds("ls /home/admin/.ssh"));

    let refusal = panel.refusal(&server, PASSWORD).await;
    assert!(refusal.contains("admin may not use sudo"), "{refusal}");

    host.sh("usermod -aG sudo admin");
    let operation = panel.authorize(&server, PASSWORD).await;
    assert_eq!(
        operation.error,
        None,
        "{}",
        panel.output(operation.id).await
    );
    assert!(!panel.output(operation.id).await.contains("long"));
    let file = SudoersDropIn::of("admin").unwrap();
    assert_eq!(host.sh(&format!("cat {}", file.path)), file.content);
    assert_eq!(
        host.sh(&format!("stat -c '%a %U:%G' {}", file.path)),
        "440 root:root\n"
    );
    assert!(
        host.sh("visudo -c")
            .contains(&format!("{}: parsed OK", file.path))
    );
    assert_eq!(
        host.sh("ls -A /etc/sudoers.d | grep -c '^[.]' || true"),
        "0\n"
    );
    assert_eq!(host.sh("grep -c . /home/admin/.ssh/authorized_keys"), "1\n");
    assert_eq!(
        host.sh("stat -c '%a %U' /home/admin/.ssh /home/admin/.ssh/authorized_keys"),
        "700 admin\n600 admin\n"
    );
    // sudo writes down what it runs: the password is not in it.
    assert!(!host.holds("grep -rq 'long' /var/log"));

    panel.provision_well(&server).await;
    // The firewall leaves both ports of sshd open; `--ssh-port` adds one, and the panel came in by the other.
    let rules = host.sh("ufw status");
    for port in ["22/tcp", "2222/tcp"] {
        assert!(
            rules
                .lines()
                .any(|line| line.starts_with(&format!("{port} "))),
            "{rules}"
        );
    }
    for unit in ["nginx", "cron", "supervisor"] {
        assert!(
            host.holds(&format!("systemctl is-active --quiet {unit}")),
            "{unit}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debian_12_says_why_a_password_does_not_do_and_takes_it_by_the_other_way_too() {
    let Some(host) = Host::start("passwords", &["--user", "deploy"]) else {
        return;
    };
    set_password(&host, "root", PASSWORD);
    set_password(&host, "deploy", PASSWORD);

    // The right password; Debian's default is `PermitRootLogin prohibit-password`.
    let panel = TestPanel::start().await;
    let server = panel.add_without_key(&host, "22", "root").await;
    let refusal = panel.refusal(&server, PASSWORD).await;
    assert!(
        refusal.contains("root may not log in by password") && refusal.contains("the shown line"),
        "{refusal}"
    );

    let panel = TestPanel::start().await;
    let server = panel.add_without_key(&host, "22", "deploy").await;
    configure(
        &host,
        "PasswordAuthentication no\nKbdInteractiveAuthentication no",
    );
    let refusal = panel.refusal(&server, PASSWORD).await;
    assert!(
        refusal.contains("takes no passwords from deploy (it accepts: publickey)"),
        "{refusal}"
    );

    // Only PAM asks, and sudo asks for nothing: no file is written.
    configure(
        &host,
        "PasswordAuthentication no\nKbdInteractiveAuthentication yes",
    );
    let before = host.sh("ls -A /etc/sudoers.d; sha256sum /etc/sudoers.d/*");
    let operation = panel.authorize(&server, PASSWORD).await;
    assert_eq!(
        operation.error,
        None,
        "{}",
        panel.output(operation.id).await
    );
    assert_eq!(
        summary(&operation, "Allow sudo without a password"),
        "sudo asks for no password already; nothing was written"
    );
    assert_eq!(
        host.sh("ls -A /etc/sudoers.d; sha256sum /etc/sudoers.d/*"),
        before
    );

    // A machine without sudo.
    host.sh("userdel -rf deploy; useradd --create-home --shell /bin/dash deploy; chmod 000 /usr/bin/sudo; mv /usr/bin/sudo /usr/bin/sudo.away");
    set_password(&host, "deploy", PASSWORD);
    let panel = TestPanel::start().await;
    let server = panel.add_without_key(&host, "22", "deploy").await;
    let refusal = panel.refusal(&server, PASSWORD).await;
    assert!(refusal.contains("sudo is not installed"), "{refusal}");
}

fn set_password(host: &Host, user: &str, password: &str) {
    host.sh(&format!("chpasswd <<'END'\n{user}:{password}\nEND"));
}

fn configure(host: &Host, settings: &str) {
    host.sh(&format!(
        "printf '{settings}\\n' > /etc/ssh/sshd_config.d/05-test.conf && systemctl restart ssh"
    ));
}

fn summary<'a>(operation: &'a OperationResource, title: &str) -> &'a str {
    let step = operation.steps.iter().find(|step| step.title == title);
    step.unwrap().summary.as_deref().unwrap()
}
