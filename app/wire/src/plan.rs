//! What work does on its server, before it is asked for and as it was done: the same words for both.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::firewall::RuleFields;
use crate::programs::{ProgramAct, ProgramFields};
use crate::provisioning::ProvisionFields;
use crate::scheduler::TaskFields;
use crate::{ProgramId, RuleId, ServerId, TaskId};

/// Asks what would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewInput {
    pub server_id: ServerId,
    pub work: PreviewWork,
}

/// Work as its form has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PreviewWork {
    /// Without choices, by those of the last time.
    Provision {
        choices: Option<ProvisionFields>,
    },
    Reboot {},
    AddRule {
        rule: RuleFields,
    },
    ChangeRule {
        rule_id: RuleId,
        rule: RuleFields,
    },
    RemoveRule {
        rule_id: RuleId,
    },
    AddTask {
        task: TaskFields,
    },
    ChangeTask {
        task_id: TaskId,
        task: TaskFields,
    },
    RemoveTask {
        task_id: TaskId,
    },
    InstallScheduler {},
    RemoveScheduler {},
    AddProgram {
        program: ProgramFields,
    },
    ChangeProgram {
        program_id: ProgramId,
        program: ProgramFields,
    },
    ControlProgram {
        program_id: ProgramId,
        act: ProgramAct,
    },
    RemoveProgram {
        program_id: ProgramId,
    },
}

/// The steps of an operation as one shell script in its pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanResource {
    /// What it is for, and where it is to be run.
    pub head: String,
    /// Functions that several steps use.
    pub shared: String,
    pub steps: Vec<PlannedStep>,
}

/// One step of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    pub title: String,
    /// Its own part, with what it reads.
    pub script: String,
}

impl PlanResource {
    /// All of it, complete and ready to run.
    pub fn script(&self) -> String {
        let mut script = self.head.clone();
        if !self.shared.is_empty() {
            script += "\n# Functions that the steps share.\n";
            script += &self.shared;
        }
        for (place, step) in self.steps.iter().enumerate() {
            let _ = write!(script, "\n# {}. {}\n{}", place + 1, step.title, step.script);
        }
        script
    }
}
