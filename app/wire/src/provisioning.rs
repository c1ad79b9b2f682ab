//! Provisioning: what is chosen before it starts, what it will do, and what it left on the server.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::FieldErrors;
use crate::{ApiError, ServerId};

/// Asks for a provisioning; without choices it is done as it was chosen last.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionInput {
    pub server_id: ServerId,
    #[serde(default)]
    pub choices: Option<ProvisionFields>,
}

/// What is chosen, as the form sends it and the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionFields {
    /// `own`, `none` or a version like `8.2`.
    pub php: String,
    pub parts: BTreeSet<Part>,
}

/// Checked choices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvisionChoices {
    pub php: Php,
    pub parts: BTreeSet<Part>,
}

impl ProvisionChoices {
    /// # Errors
    /// A sentence for each field that cannot be used.
    pub fn parse(fields: &ProvisionFields) -> Result<Self, ApiError> {
        let mut errors = FieldErrors::default();
        match errors.take("php", Php::parse(&fields.php)) {
            Some(php) => Ok(Self {
                php,
                parts: fields.parts.clone(),
            }),
            None => Err(errors.into_error()),
        }
    }

    pub fn fields(&self) -> ProvisionFields {
        ProvisionFields {
            php: self.php.to_string(),
            parts: self.parts.clone(),
        }
    }

    /// What will be done, in order.
    pub fn steps(&self) -> Vec<ProvisionStep> {
        use ProvisionStep as Step;
        let mut steps = vec![
            Step::Connect,
            Step::Check,
            Step::Prepare,
            Step::AppUser,
            Step::Firewall,
        ];
        match self.php {
            Php::Own | Php::Version(_) => steps.push(Step::Php),
            Php::None => {}
        }
        steps.extend([Step::Nginx, Step::Scheduler, Step::Supervisor]);
        steps.extend(self.parts.iter().copied().map(Step::Part));
        steps.push(Step::Verify);
        steps
    }
}

/// Which PHP to install.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Php {
    /// The one that the distribution itself would install.
    #[default]
    Own,
    Version(PhpVersion),
    None,
}

impl Php {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(word: &str) -> Result<Self, String> {
        match word {
            "own" => Ok(Self::Own),
            "none" => Ok(Self::None),
            version => PhpVersion::parse(version).map(Self::Version),
        }
    }
}

/// The word on the wire and in the database.
impl fmt::Display for Php {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Version(version) => f.write_str(version.as_str()),
            Self::None => f.write_str("none"),
        }
    }
}

/// `8.2`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhpVersion(String);

impl PhpVersion {
    /// # Errors
    /// A sentence for the field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_number = |part: &str| {
            (1..=2).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && (part == "0" || !part.starts_with('0'))
        };
        match text.split_once('.') {
            Some((major, minor)) if is_number(major) && is_number(minor) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err("Choose a version like 8.2, or none.".to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What may be installed beside the web server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    #[serde(rename = "mariadb")]
    MariaDb,
    #[serde(rename = "postgresql")]
    PostgreSql,
    Redis,
    Node,
}

impl Part {
    pub const ALL: [Self; 4] = [Self::MariaDb, Self::PostgreSql, Self::Redis, Self::Node];

    /// The word in scripts and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::PostgreSql => "postgresql",
            Self::Redis => "redis",
            Self::Node => "node",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::PostgreSql => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Node => "Node.js",
        }
    }

    /// What it is, in a few words.
    pub fn what(self) -> &'static str {
        match self {
            Self::MariaDb => "database that speaks MySQL",
            Self::PostgreSql => "database",
            Self::Redis => "cache and queue",
            Self::Node => "JavaScript, with npm",
        }
    }
}

/// A step of provisioning, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProvisionStep {
    Connect,
    Check,
    Prepare,
    AppUser,
    Firewall,
    Php,
    Nginx,
    Scheduler,
    Supervisor,
    Part(Part),
    Verify,
}

impl ProvisionStep {
    /// As it stands over the step while it runs.
    pub fn title(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Check => "Check the system",
            Self::Prepare => "Prepare",
            Self::AppUser => "App user",
            Self::Firewall => "Firewall",
            Self::Php => "PHP",
            Self::Nginx => "nginx",
            Self::Scheduler => "Scheduler",
            Self::Supervisor => "Supervisor",
            Self::Part(part) => part.title(),
            Self::Verify => "Verify",
        }
    }

    /// What it will do, in one line; `own` is the distribution's own PHP, once that is known.
    pub fn what(self, php: &Php, own: Option<&str>) -> String {
        match self {
            Self::Connect => "Logs in and becomes root.".to_owned(),
            Self::Check => "Looks at release, architecture, disk, memory and clock.".to_owned(),
            Self::Prepare => "Refreshes the package lists, installs the base packages.".to_owned(),
            Self::AppUser => "Makes the user brokeforge: no password, no sudo.".to_owned(),
            Self::Firewall => "Closes every port except SSH, 80 and 443 (ufw).".to_owned(),
            Self::Php => {
                let version = match (php, own) {
                    (Php::Version(version), _) => format!("PHP {}", version.as_str()),
                    (Php::Own | Php::None, Some(own)) => format!("PHP {own}"),
                    (Php::Own | Php::None, None) => "the distribution's PHP".to_owned(),
                };
                format!("Installs {version} with FPM and the usual extensions.")
            }
            Self::Nginx => "Installs the web server with a default site on port 80.".to_owned(),
            Self::Scheduler => "Installs cron.".to_owned(),
            Self::Supervisor => {
                "Installs supervisor, for programs that you set up on the server yourself."
                    .to_owned()
            }
            Self::Part(Part::Node) => "Installs Node.js and npm.".to_owned(),
            Self::Part(part @ (Part::MariaDb | Part::PostgreSql | Part::Redis)) => format!(
                "Installs {}, reachable from this server only.",
                part.title()
            ),
            Self::Verify => "Asks each of them for an answer, and port 80 from outside.".to_owned(),
        }
    }
}

/// Software that a server was found to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Software {
    Nginx,
    Php,
    #[serde(rename = "mariadb")]
    MariaDb,
    #[serde(rename = "postgresql")]
    PostgreSql,
    Redis,
    Node,
    Supervisor,
}

impl Software {
    pub const ALL: [Self; 7] = [
        Self::Nginx,
        Self::Php,
        Self::MariaDb,
        Self::PostgreSql,
        Self::Redis,
        Self::Node,
        Self::Supervisor,
    ];

    /// The word in scripts and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Php => "php",
            Self::MariaDb => "mariadb",
            Self::PostgreSql => "postgresql",
            Self::Redis => "redis",
            Self::Node => "node",
            Self::Supervisor => "supervisor",
        }
    }

    /// The software of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|software| software.as_str() == word)
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Php => "PHP",
            Self::MariaDb => Part::MariaDb.title(),
            Self::PostgreSql => Part::PostgreSql.title(),
            Self::Redis => Part::Redis.title(),
            Self::Node => Part::Node.title(),
            Self::Supervisor => "supervisor",
        }
    }
}

/// What the page needs to know before and after a provisioning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoftwareResource {
    /// As chosen last; the defaults where nothing was chosen yet.
    pub chosen: ProvisionFields,
    /// The distribution's own version first; empty while that is not known.
    pub php_offered: Vec<String>,
    /// What the latest provisioning found, with versions.
    pub installed: BTreeMap<Software, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_php_are_two_numbers_and_nothing_else() {
        for text in [
            "",
            "8",
            "8.",
            ".2",
            "8.2.1",
            "8.2 ",
            " 8.2",
            "8.2;id",
            "08.2",
            "8.02",
            "8.222",
            "-8.2",
            "8,2",
            "Own",
            "\u{0668}.2",
            "8.2\n",
        ] {
            assert!(Php::parse(text).is_err(), "{text:?} passed");
        }
        for text in ["own", "none", "8.2", "8.10", "7.0"] {
            assert_eq!(Php::parse(text).map(|php| php.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn words_are_the_same_on_the_wire_in_scripts_and_in_the_database() {
        for part in Part::ALL {
            let json = serde_json::to_string(&part).expect("a word");
            assert_eq!(json, format!("\"{}\"", part.as_str()));
            assert!(Software::parse(part.as_str()).is_some_and(|it| it.title() == part.title()));
        }
        for software in Software::ALL {
            let json = serde_json::to_string(&software).expect("a word");
            assert_eq!(json, format!("\"{}\"", software.as_str()));
            assert_eq!(Software::parse(software.as_str()), Some(software));
        }
    }

    #[test]
    fn unknown_choices_are_refused() {
        for json in [
            r#"{"php":"8.2","parts":["mysql"]}"#,
            r#"{"php":"8.2","parts":[],"status":"active"}"#,
            r#"{"php":"8.2"}"#,
        ] {
            assert!(
                serde_json::from_str::<ProvisionFields>(json).is_err(),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_not_chosen_is_no_step() {
        let titles = |choices: &ProvisionChoices| -> Vec<_> {
            let steps = choices.steps();
            steps.into_iter().map(ProvisionStep::title).collect()
        };
        let plain = titles(&ProvisionChoices::default());
        assert!(plain.contains(&"PHP") && !plain.contains(&"Redis"));
        let chosen = titles(&ProvisionChoices {
            php: Php::None,
            parts: [Part::Redis].into(),
        });
        assert!(!chosen.contains(&"PHP") && chosen.contains(&"Redis"));
    }
}
