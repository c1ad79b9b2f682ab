//! Every installer and every remover of what the panel manages runs twice; the second run changes nothing on the
//! server. A kind that is not here does not compile.

use domain::access::OwnedServer;
use domain::managed;
use wire::firewall::{Action, Protocol, RuleFields};
use wire::scheduler::{Frequency, Overlap, RunAs, TaskFields};
use wire::{ProgramId, ResourceKind, RuleId, SchedulerId, Status, TaskId};

use crate::host::Host;
use crate::panel::TestPanel;
use crate::programs;

/// On a provisioned server. What runs again is a record of a panel that could not note how its work ended.
pub async fn every_kind(host: &Host, panel: &TestPanel, server: &OwnedServer) {
    let (db, who) = (&panel.panel.db, &panel.who);
    for kind in ResourceKind::ALL {
        let look = what_it_touches(kind);
        let untouched = host.sh(look);
        let first = installed(kind, host, panel, server).await;
        let before = host.sh(look);
        assert_ne!(untouched, before, "{kind:?}: nothing was installed");
        forget_its_end(kind, panel, first).await;
        managed::retry(&panel.panel, who, server, kind, first)
            .await
            .unwrap();
        let status = settled(kind, panel, server, first).await;
        assert_eq!(status, Some(Status::Active), "{kind:?}");
        assert_eq!(before, host.sh(look), "{kind:?}: installed twice");

        for run in ["removed", "removed twice"] {
            let record = match run {
                "removed" => first,
                _ => failed(kind, panel, server).await,
            };
            managed::request_removal(db, who, server, kind, record)
                .await
                .unwrap();
            assert_eq!(settled(kind, panel, server, record).await, None, "{kind:?}");
            assert_eq!(untouched, host.sh(look), "{kind:?}: {run}");
        }
    }
}

/// One that does not run meanwhile, unless the year ends.
fn yearly() -> TaskFields {
    TaskFields {
        name: "Twice".into(),
        command: "echo \"it's 100%\"\n".into(),
        run_as: RunAs::App,
        frequency: Frequency::Custom,
        expression: "@yearly".into(),
        timeout: "300".into(),
        overlap: Overlap::Skip,
        notify: true,
    }
}

/// A shell line that shows all that the work of this kind may change.
fn what_it_touches(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::FirewallRule => {
            "ufw status numbered; sha256sum /etc/ufw/*.rules /etc/ufw/ufw.conf /etc/default/ufw"
        }
        ResourceKind::ScheduledTask => {
            "for folder in /etc/cron.d /usr/local/lib/brokeforge /var/lib/brokeforge/tasks; do
               [ ! -e $folder ] || find $folder -printf '%p %m %u %s %l\n' -type f -exec sha256sum {} + | sort
             done"
        }
        // What it leaves behind belongs to it as well: cron, and the user.
        ResourceKind::Scheduler => {
            "for folder in /etc/cron.d /usr/local/lib/brokeforge /var/lib/brokeforge/tasks; do
               [ ! -e $folder ] || find $folder -printf '%p %m %u %s %l\n' -type f -exec sha256sum {} + | sort
             done
             getent passwd brokeforge; id brokeforge; stat -c '%a %U' /home/brokeforge; dpkg -l cron curl | tail -n 2
             systemctl show cron -p Id -p InvocationID -p UnitFileState"
        }
        ResourceKind::Program => {
            "for folder in /etc/systemd/system /usr/local/lib/brokeforge /var/lib/brokeforge/programs; do
               [ ! -e $folder ] || find $folder -printf '%p %m %u %l\n' -type f -exec sha256sum {} + | sort
             done
             systemctl list-units --all --plain --no-legend 'brokeforge-program-*' | sort
             systemctl show 'brokeforge-program-*' -p Id -p InvocationID -p MainPID -p NRestarts"
        }
    }
}

async fn installed(
    kind: ResourceKind,
    host: &Host,
    panel: &TestPanel,
    server: &OwnedServer,
) -> i64 {
    match kind {
        ResourceKind::FirewallRule => {
            let fields = RuleFields {
                name: "Twice".into(),
                port: "7001".into(),
                protocol: Protocol::Tcp,
                source: String::new(),
                action: Action::Allow,
            };
            let rule = panel.add_rule(server, fields).await;
            assert_eq!(rule.status, Status::Active, "{:?}", rule.error_log);
            rule.id.0
        }
        ResourceKind::ScheduledTask => {
            let task = panel.add_task(server, yearly()).await;
            assert_eq!(task.status, Status::Active, "{:?}", task.error_log);
            task.id.0
        }
        ResourceKind::Program => {
            let program = programs::fields("Twice", "exec sleep 9000");
            let program = panel.add_program(server, program).await;
            assert_eq!(program.status, Status::Active, "{:?}", program.error_log);
            program.id.0
        }
        ResourceKind::Scheduler => {
            // Provisioning has left one.
            let before = panel.settled_scheduler(server).await.unwrap();
            panel.forget_scheduler(before.id).await;
            let one = panel.install_scheduler(server).await;
            assert_eq!(one.status, Status::Active, "{:?}", one.error_log);
            // All that it needs was there. What it takes away is what a panel that was killed leaves of its tasks.
            host.sh(
                "mkdir -p -m 700 /var/lib/brokeforge/tasks && : >/var/lib/brokeforge/tasks/.taken.Ab12Cd
                 mkdir -p -m 755 /usr/local/lib/brokeforge && : >/usr/local/lib/brokeforge/run-task",
            );
            one.id.0
        }
    }
}

/// Makes the record one whose work has failed, whatever is on the server.
async fn forget_its_end(kind: ResourceKind, panel: &TestPanel, record: i64) {
    match kind {
        ResourceKind::FirewallRule => panel.fail_rule(RuleId(record)).await,
        ResourceKind::ScheduledTask => panel.fail_task(TaskId(record)).await,
        ResourceKind::Program => panel.fail_program(ProgramId(record)).await,
        ResourceKind::Scheduler => panel.fail_scheduler(SchedulerId(record)).await,
    }
}

/// A record that says what was installed before.
async fn failed(kind: ResourceKind, panel: &TestPanel, server: &OwnedServer) -> i64 {
    match kind {
        ResourceKind::FirewallRule => {
            let rule = panel.insert_failed_rule(server, "7001", "", Action::Allow);
            rule.await.0
        }
        ResourceKind::ScheduledTask => panel.insert_failed_task(server, yearly()).await.0,
        ResourceKind::Program => {
            let program = programs::fields("Twice", "exec sleep 9000");
            panel.insert_failed_program(server, program).await.0
        }
        ResourceKind::Scheduler => panel.insert_failed_scheduler(server).await.0,
    }
}

/// Where the record stands once nothing is under way for it; `None` when it is gone.
async fn settled(
    kind: ResourceKind,
    panel: &TestPanel,
    server: &OwnedServer,
    id: i64,
) -> Option<Status> {
    match kind {
        ResourceKind::FirewallRule => {
            let rule = panel.settled(server, RuleId(id)).await;
            rule.map(|rule| rule.status)
        }
        ResourceKind::ScheduledTask => {
            let task = panel.settled_task(server, TaskId(id)).await;
            task.map(|task| task.status)
        }
        ResourceKind::Program => {
            let program = panel.settled_program(server, ProgramId(id)).await;
            program.map(|program| program.status)
        }
        ResourceKind::Scheduler => panel.settled_scheduler(server).await.map(|one| one.status),
    }
}
