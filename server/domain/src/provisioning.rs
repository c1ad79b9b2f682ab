//! What a server is provisioned with: what there is to choose from, what was chosen, what was found.

use std::collections::BTreeMap;

use sea_orm::EntityTrait;
use secrecy::SecretString;
use wire::provisioning::{
    PhpVersion, ProvisionChoices, ProvisionFields, Software, SoftwareResource,
};

use crate::db::Tx;
use crate::entities::server;
use crate::{Error, Panel};

/// What the choices of an operation are.
///
/// # Errors
/// When they cannot be read.
pub fn choices(payload: Option<&str>) -> Result<ProvisionChoices, Error> {
    // Operations that were queued before there was anything to choose have none.
    payload.map_or_else(|| Ok(ProvisionChoices::default()), read)
}

/// Notes what a script found of some software; `-` says that it is not there.
///
/// # Errors
/// When what was noted before cannot be read.
pub fn note_installed(
    server: &mut server::Model,
    software: Software,
    version: &str,
) -> Result<(), Error> {
    let mut installed = installed(server)?;
    let version: String = version.trim().chars().take(LONGEST_VERSION).collect();
    if version.is_empty() || version == "-" {
        installed.remove(&software);
    } else {
        installed.insert(software, version);
    }
    server.installed = Some(serde_json::to_string(&installed).map_err(unwritable)?);
    Ok(())
}

/// Notes which versions of PHP a server offers; what is no version is left out.
pub fn note_php_offered(server: &mut server::Model, words: &str) {
    let versions: Vec<_> = words
        .split(' ')
        .filter(|word| PhpVersion::parse(word).is_ok())
        .take(MOST_VERSIONS)
        .collect();
    server.php_offered = (!versions.is_empty()).then(|| versions.join(" "));
}

/// What the page shows of it.
pub(crate) fn software(server: &server::Model) -> Result<SoftwareResource, Error> {
    let php_offered: Vec<String> = server
        .php_offered
        .iter()
        .flat_map(|words| words.split(' '))
        .map(str::to_owned)
        .collect();
    let chosen = match &server.provision_choices {
        Some(choices) => read(choices)?,
        None => ProvisionChoices::default(),
    };
    Ok(SoftwareResource {
        chosen: chosen.fields(),
        php_offered,
        installed: installed(server)?,
    })
}

/// Keeps the choices for the next time, and returns them as an operation carries them.
pub(crate) async fn choose(
    tx: &mut Tx,
    id: i64,
    choices: Option<ProvisionChoices>,
) -> Result<String, Error> {
    let row = server::Entity::find_by_id(id)
        .one(tx.reads())
        .await?
        .ok_or(Error::Known(wire::ApiError::NotFound))?;
    let Some(choices) = choices else {
        return match row.provision_choices {
            Some(choices) => Ok(choices),
            None => write(&ProvisionChoices::default()),
        };
    };
    let choices = write(&choices)?;
    tx.update(&row, |row| row.provision_choices = Some(choices.clone()))
        .await?;
    Ok(choices)
}

/// Asks a server, once, what it has to choose from. That it does not tell is no failure: then it is
/// provisioned with what its distribution installs by itself.
pub(crate) async fn survey(
    panel: &Panel,
    server: &server::Model,
    key: SecretString,
) -> Result<(), Error> {
    if server.php_offered.is_some() {
        return Ok(());
    }
    let survey = match panel.prober.survey(server, key).await {
        Ok(survey) => survey,
        Err(reason) => {
            tracing::warn!(
                server = server.id,
                reason,
                "a server did not tell what it offers"
            );
            return Ok(());
        }
    };
    let mut tx = panel.db.begin().await?;
    let row = server::Entity::find_by_id(server.id)
        .one(tx.reads())
        .await?;
    if let Some(row) = row {
        tx.update(&row, |row| {
            note_php_offered(row, &survey.php_offered);
            if row.os.is_none() {
                row.os = survey.os;
            }
        })
        .await?;
    }
    tx.commit().await
}

const LONGEST_VERSION: usize = 60;
const MOST_VERSIONS: usize = 12;

fn installed(server: &server::Model) -> Result<BTreeMap<Software, String>, Error> {
    match &server.installed {
        Some(json) => serde_json::from_str(json).map_err(|_| Error::Corrupt {
            what: "installed software",
            word: json.clone(),
        }),
        None => Ok(BTreeMap::new()),
    }
}

fn read(json: &str) -> Result<ProvisionChoices, Error> {
    let corrupt = || Error::Corrupt {
        what: "choices",
        word: json.to_owned(),
    };
    let fields: ProvisionFields = serde_json::from_str(json).map_err(|_| corrupt())?;
    ProvisionChoices::parse(&fields).map_err(|_| corrupt())
}

fn write(choices: &ProvisionChoices) -> Result<String, Error> {
    serde_json::to_string(&choices.fields()).map_err(unwritable)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "map_err hands the error over"
)]
fn unwritable(error: serde_json::Error) -> Error {
    Error::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use wire::provisioning::Php;

    use super::*;

    #[test]
    fn operations_from_before_there_were_choices_get_the_distributions_php() {
        let choices = choices(None).expect("defaults");
        assert_eq!(choices.php, Php::Own);
        assert!(choices.parts.is_empty());
        assert!(super::choices(Some("{}")).is_err());
    }
}
