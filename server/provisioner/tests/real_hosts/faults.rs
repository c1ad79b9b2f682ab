//! What goes wrong with packages on real servers: each fault is made for real, names itself, and a
//! retry works once its cause is gone.

use std::time::{Duration, Instant};

use domain::access::OwnedServer;
use wire::diagnosis::{Cause, Diagnosis};
use wire::operations::StepStatus;
use wire::provisioning::{Part, Php, PhpVersion, ProvisionChoices};

use crate::host::Host;
use crate::panel::TestPanel;

#[tokio::test(flavor = "multi_thread")]
async fn on_debian_12_every_fault_of_packages_names_itself_and_a_retry_works() {
    let Some(host) = Host::start("faults", &[]) else {
        return;
    };
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    every_fault(&host, &panel, &server).await;

    let server = panel
        .provision_well_with(&server, ProvisionChoices::default())
        .await;
    assert!(host.holds("curl -s -o /dev/null http://127.0.0.1/ && [ -z \"$(dpkg --audit)\" ]"));
    assert_eq!(panel.software(&server).await.php_offered, ["8.2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_debian_13_too_with_sshd_on_another_port_beside_22_and_first_without_php() {
    let Some(host) = Host::start("trixie", &["--release", "13"]) else {
        return;
    };
    host.sh("printf 'Port 22\\nPort 2222\\n' > /etc/ssh/sshd_config.d/ports.conf && systemctl restart ssh");
    let panel = TestPanel::start().await;
    let server = panel.add(&host).await;
    every_fault(&host, &panel, &server).await;

    let without_php = ProvisionChoices {
        php: Php::None,
        parts: [Part::Redis].into(),
    };
    let server = panel.provision_well_with(&server, without_php).await;
    assert!(host.sh("ufw status").contains("2222/tcp"));
    let firewall = domain::firewall::show(&panel.panel.db, &server)
        .await
        .unwrap();
    assert_eq!(firewall.base_ports, [22, 2222, 80, 443]);
    assert!(!host.holds("dpkg-query -W 'php8*-fpm'"));
    host.sh("echo '<?php echo 6 * 7;' > /var/www/brokeforge-default/x.php");
    let answer = host.sh("curl -s -w ' %{http_code}' http://127.0.0.1/x.php");
    assert!(
        !answer.contains("<?php") && answer.ends_with(" 404"),
        "{answer}"
    );

    let with_php = ProvisionChoices {
        php: version("8.4"),
        parts: [].into(),
    };
    panel.provision_well_with(&server, with_php).await;
    assert_eq!(host.sh("curl -s http://127.0.0.1/x.php"), "42");
}

async fn every_fault(host: &Host, panel: &TestPanel, server: &OwnedServer) {
    let at = Faults {
        host,
        panel,
        server,
    };
    at.a_held_lock_is_waited_for_by_name_and_a_version_that_is_not_offered_is_refused()
        .await;
    at.a_mirror_that_refuses().await;
    at.a_mirror_that_never_answers().await;
    at.a_name_that_does_not_resolve().await;
    at.sources_without_packages().await;
    at.a_full_disk().await;
    at.a_dpkg_that_is_killed_while_it_unpacks().await;
    at.a_port_that_somebody_else_has().await;
}

struct Faults<'a> {
    host: &'a Host,
    panel: &'a TestPanel,
    server: &'a OwnedServer,
}

impl Faults<'_> {
    async fn a_held_lock_is_waited_for_by_name_and_a_version_that_is_not_offered_is_refused(&self) {
        // apt's locks are fcntl locks; flock(1) would take another kind that apt does not see.
        self.host.sh(
            "systemd-run --quiet --unit=holder perl -MFcntl -e 'open F, \"+>>\", \"/var/lib/dpkg/lock-frontend\"; \
             $lock = pack(\"s s l! l! l!\", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $lock) or die $!; sleep 12' && sleep 1",
        );
        let wished = ProvisionChoices {
            php: version("7.1"),
            parts: [].into(),
        };
        let (diagnosis, output) = self.fails_with(Some(wished)).await;
        assert!(output.contains("Waiting for perl (process "), "{output}");
        assert_eq!(diagnosis.kind, Cause::PackageNotFound);
        let own = &self.panel.software(self.server).await.php_offered[0];
        assert!(
            diagnosis
                .sentence
                .contains(&format!("offer no PHP 7.1; they offer {own}.")),
            "{}",
            diagnosis.sentence
        );
    }

    async fn a_mirror_that_refuses(&self) {
        self.apt_proxy("http://127.0.0.1:9");
        let chosen = Some(ProvisionChoices::default());
        let (diagnosis, _) = self.fails_with(chosen).await;
        assert_eq!(diagnosis.kind, Cause::MirrorUnreachable);
        assert!(
            diagnosis.sentence.contains("deb.debian.org")
                && diagnosis.sentence.contains("Connection refused"),
            "{}",
            diagnosis.sentence
        );
    }

    async fn a_mirror_that_never_answers(&self) {
        // A neighbour that exists only in the table: what is sent there is never answered.
        self.host
            .sh("ip neigh replace 10.213.0.250 lladdr 02:00:00:00:00:01 dev eth0 nud permanent");
        self.apt_proxy("http://10.213.0.250:3142");
        let started = Instant::now();
        let (diagnosis, _) = self.fails().await;
        assert_eq!(diagnosis.kind, Cause::MirrorUnreachable);
        // Two attempts of 20 s; apt by itself would try for minutes.
        let took = started.elapsed();
        assert!(took < Duration::from_mins(2), "{took:?}");
    }

    async fn a_name_that_does_not_resolve(&self) {
        self.apt_proxy("false");
        let (diagnosis, _) = self.fails().await;
        assert_eq!(diagnosis.kind, Cause::NameNotResolved);
        assert!(
            diagnosis.sentence.contains("deb.debian.org"),
            "{}",
            diagnosis.sentence
        );
        self.host
            .sh("cp /root/90host-mirror /etc/apt/apt.conf.d/90host-mirror");
    }

    async fn sources_without_packages(&self) {
        self.host
            .sh("mv /etc/apt/sources.list /root/sources.list && : > /etc/apt/sources.list");
        let (diagnosis, _) = self.fails().await;
        assert_eq!(diagnosis.kind, Cause::PackageNotFound);
        assert!(
            diagnosis.sentence.contains("offer no PHP"),
            "{}",
            diagnosis.sentence
        );
        self.host
            .sh("mv /root/sources.list /etc/apt/sources.list && touch /etc/apt/sources.list");
    }

    async fn a_full_disk(&self) {
        self.host.sh(
            "mount -t tmpfs -o size=512k none /var/cache/apt/archives && mkdir /var/cache/apt/archives/partial",
        );
        let (diagnosis, _) = self.fails().await;
        assert_eq!(diagnosis.kind, Cause::DiskFull);
        assert!(
            diagnosis.sentence.contains("/var/cache/apt/archives"),
            "{}",
            diagnosis.sentence
        );
        self.host.sh("umount /var/cache/apt/archives");
    }

    async fn a_dpkg_that_is_killed_while_it_unpacks(&self) {
        // dpkg notes in a journal that it has begun to unpack a package, before it does.
        self.host.sh(
            "systemd-run --quiet --unit=killer sh -c 'until grep -qsh half-installed /var/lib/dpkg/updates/*; do :; done; \
             kill -9 $(pidof dpkg)'",
        );
        let (diagnosis, output) = self.fails().await;
        assert_eq!(diagnosis.kind, Cause::OutOfMemory, "{output}");
        let audit = self.host.sh("dpkg --audit");
        assert!(!audit.is_empty(), "dpkg was not killed half-way:\n{output}");
    }

    async fn a_port_that_somebody_else_has(&self) {
        self.host.sh(
            "systemd-run --quiet --unit=squatter perl -MIO::Socket::INET -e \
             'our $taken = IO::Socket::INET->new(Listen => 1, LocalPort => 80) or die $!; sleep' && sleep 1",
        );
        // Without PHP, which comes before nginx and would stay installed.
        let choices = ProvisionChoices {
            php: Php::None,
            parts: [].into(),
        };
        let (diagnosis, output) = self.fails_with(Some(choices)).await;
        assert_eq!(diagnosis.kind, Cause::PortInUse, "{output}");
        let words = diagnosis.in_words();
        assert!(
            words.starts_with("Port 80 is taken by perl (process ")
                && words.ends_with("Stop it or move it to another port, then retry."),
            "{words}"
        );
        self.host.sh("systemctl stop squatter");
    }

    /// Provisions as chosen last, which must fail on the server; returns why, and the output.
    async fn fails(&self) -> (Diagnosis, String) {
        self.fails_with(None).await
    }

    async fn fails_with(&self, choices: Option<ProvisionChoices>) -> (Diagnosis, String) {
        let operation = self.panel.provision_with(self.server, choices).await;
        let output = self.panel.output(operation.id).await;
        let failed = operation
            .steps
            .iter()
            .find(|step| step.status == StepStatus::Failed);
        let diagnosis = failed.and_then(|step| step.diagnosis.clone());
        let diagnosis = diagnosis.unwrap_or_else(|| panic!("{:?}\n{output}", operation.error));
        assert!(
            operation
                .error
                .is_some_and(|error| error.contains(&diagnosis.sentence))
        );
        (diagnosis, output)
    }

    /// Sends apt another way; the right one is kept beside.
    fn apt_proxy(&self, proxy: &str) {
        self.host.sh(&format!(
            "[ -e /root/90host-mirror ] || cp /etc/apt/apt.conf.d/90host-mirror /root; \
             sed 's#Proxy \"[^\"]*\"#Proxy \"{proxy}\"#' /root/90host-mirror > /etc/apt/apt.conf.d/90host-mirror"
        ));
    }
}

fn version(text: &str) -> Php {
    Php::Version(PhpVersion::parse(text).unwrap())
}
