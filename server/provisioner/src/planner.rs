//! The one way from work to its steps, for the page before it is asked for and for the worker that does it.

use domain::Planner;
use domain::planner::{ShownStep, Work};

use crate::plan::Plan;
use crate::provisioning::{self, ProvisionInput};
use crate::scheduler::{self, installation};
use crate::{firewall, programs, reboot};

/// The plans of this crate.
pub struct Plans;

impl Planner for Plans {
    fn preview(&self, work: &Work) -> Vec<ShownStep> {
        let steps = plan(work).steps;
        steps
            .iter()
            .map(|step| ShownStep {
                title: step.title.to_owned(),
                script: step.as_text(),
            })
            .collect()
    }
}

/// The steps that some work takes now.
pub fn plan(work: &Work) -> Plan {
    match work {
        Work::Provision(choices) => provisioning::plan(&ProvisionInput {
            panel_time_unix: domain::db::now().0 / 1000,
            choices: choices.clone(),
        }),
        Work::Reboot { mark } => reboot::plan(mark),
        Work::AddRule(rule) => firewall::install(rule),
        Work::ChangeRule { old, new } => firewall::change(old, new),
        Work::RemoveRule(rule) => firewall::remove(rule),
        Work::AddTask(task) => scheduler::install(task),
        Work::ChangeTask(task) => scheduler::change(task),
        Work::RemoveTask(handle) => scheduler::remove(handle),
        Work::RunTask(handle) => scheduler::run_now(handle),
        Work::AddProgram(program) => programs::install(program),
        Work::ChangeProgram(program) => programs::change(program),
        Work::RestartProgram(program) => programs::restart(program),
        Work::RemoveProgram(handle) => programs::remove(handle),
        Work::InstallScheduler => installation::install(),
        Work::RemoveScheduler => installation::remove(),
    }
}
