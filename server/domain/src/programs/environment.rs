//! Variables of a program. Their values are sealed in the record, in the payload of an operation, and open only on the way to
//! a server.

use secrecy::{ExposeSecret, SecretString};
use wire::ApiError;
use wire::programs::NewVariable;

use crate::Error;
use crate::secrets::{Place, Secrets};

/// A variable with its value, which does not print.
#[derive(Clone, Debug)]
pub struct Variable {
    pub name: String,
    pub value: SecretString,
}

/// Gives those that keep their value the value they have.
pub(super) fn resolve(
    new: Vec<NewVariable>,
    present: &[Variable],
) -> Result<Vec<Variable>, ApiError> {
    let resolved = new.into_iter().map(|NewVariable { name, value }| {
        let value = match value {
            Some(value) => SecretString::from(value.expose()),
            None => present
                .iter()
                .find(|variable| variable.name == name)
                .map(|variable| variable.value.clone())
                .ok_or_else(|| ApiError::field("environment", format!("Give {name} a value.")))?,
        };
        Ok(Variable { name, value })
    });
    resolved.collect()
}

/// One a line.
pub(super) fn names(environment: &[Variable]) -> String {
    let names: Vec<_> = environment.iter().map(|it| it.name.as_str()).collect();
    names.join("\n")
}

/// The order counts as well: it is what the form shows.
pub(super) fn is_same(one: &[Variable], other: &[Variable]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            one.name == other.name && one.value.expose_secret() == other.value.expose_secret()
        })
}

pub(super) fn seal(
    secrets: &Secrets,
    program: i64,
    environment: &[Variable],
) -> Result<String, Error> {
    let pairs: Vec<_> = environment
        .iter()
        .map(|it| (it.name.as_str(), it.value.expose_secret()))
        .collect();
    let text = serde_json::to_string(&pairs)
        .map_err(|error| Error::Internal(format!("environment: {error}")))?;
    secrets.seal(place(program), &SecretString::from(text))
}

pub(super) fn open(secrets: &Secrets, program: i64, sealed: &str) -> Result<Vec<Variable>, Error> {
    let text = secrets.open(place(program), sealed)?;
    let pairs: Vec<(String, String)> = serde_json::from_str(text.expose_secret())
        .map_err(|_| Error::Secret(format!("{} holds no environment", place(program))))?;
    let variables = pairs.into_iter().map(|(name, value)| Variable {
        name,
        value: SecretString::from(value),
    });
    Ok(variables.collect())
}

fn place(program: i64) -> Place {
    Place {
        table: "programs",
        row: program,
        column: "sealed_environment",
    }
}

#[cfg(test)]
mod tests {
    use wire::programs::SecretText;

    use super::*;

    fn variable(name: &str, value: &str) -> Variable {
        Variable {
            name: name.into(),
            value: SecretString::from(value),
        }
    }

    #[test]
    fn an_environment_opens_for_its_own_program_alone_and_does_not_print() {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::create(&folder.path().join("key")).expect("a key");
        let environment = [variable("A", "canary\n'\"$"), variable("B", "")];
        let sealed = seal(&secrets, 5, &environment).expect("seals");
        assert!(!sealed.contains("canary") && !format!("{environment:?}").contains("canary"));
        let opened = open(&secrets, 5, &sealed).expect("opens");
        assert!(is_same(&opened, &environment));
        assert!(open(&secrets, 6, &sealed).is_err());
    }

    #[test]
    fn what_keeps_its_value_needs_one() {
        let present = [variable("A", "old"), variable("B", "gone")];
        let new = |name: &str, value: Option<&str>| NewVariable {
            name: name.into(),
            value: value.map(SecretText::new),
        };
        let wanted = vec![new("C", Some("new")), new("A", None)];
        let resolved = resolve(wanted, &present).expect("is one");
        let expected = [variable("C", "new"), variable("A", "old")];
        assert!(is_same(&resolved, &expected));
        let error = resolve(vec![new("D", None)], &present).expect_err("has none");
        assert_eq!(error.for_field("environment"), Some("Give D a value."));
    }
}
