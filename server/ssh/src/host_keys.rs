use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

use crate::dial;
use crate::handler::{Finding, Guard, Trust};
use crate::{Error, Place, Reach};

/// A server's public host key, as confirmed by the user. Reads and prints as `ssh-ed25519 AAAA...`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PinnedHostKey {
    algorithm: String,
    key: String,
    fingerprint: String,
}

impl PinnedHostKey {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256` and the like.
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// The key in base64, as it stands in a `known_hosts` file.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// `SHA256:...`, as `ssh-keygen -lf` prints it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) fn of(key: &PublicKey) -> Result<Self, InvalidHostKey> {
        let algorithm = key.algorithm();
        if !accepted_algorithms().contains(&algorithm) {
            return Err(InvalidHostKey);
        }
        let line = PublicKey::from(key.key_data().clone())
            .to_openssh()
            .map_err(|_| InvalidHostKey)?;
        let key_base64 = line.split(' ').nth(1).ok_or(InvalidHostKey)?;
        Ok(Self {
            algorithm: algorithm.as_str().to_owned(),
            key: key_base64.to_owned(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        })
    }

    pub(crate) fn russh_algorithm(&self) -> Option<Algorithm> {
        accepted_algorithms()
            .into_iter()
            .find(|accepted| accepted.as_str() == self.algorithm)
    }
}

impl FromStr for PinnedHostKey {
    type Err = InvalidHostKey;

    fn from_str(line: &str) -> Result<Self, InvalidHostKey> {
        PublicKey::from_openssh(line.trim())
            .map_err(|_| InvalidHostKey)
            .and_then(|key| Self::of(&key))
    }
}

impl fmt::Display for PinnedHostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.key)
    }
}

impl fmt::Debug for PinnedHostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.fingerprint)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 or ECDSA host key in OpenSSH's form (`ssh-ed25519 AAAA...`)")]
pub struct InvalidHostKey;

/// Asks a server for its host key, without logging in. Ends within 10 s.
pub async fn fetch_host_key(
    reach: &Reach,
    address: &str,
    port: u16,
) -> Result<PinnedHostKey, Error> {
    fetch(reach, address, port, &accepted_algorithms()).await
}

/// Asks a server for its host key of the pinned one's type; only if it has none of that type, for any other.
/// A server with several keys would else show its best one, which need not be the pinned one. Ends within 10 s.
pub async fn fetch_host_key_like(
    reach: &Reach,
    pinned: &PinnedHostKey,
    address: &str,
    port: u16,
) -> Result<PinnedHostKey, Error> {
    let mut algorithms = accepted_algorithms();
    algorithms.sort_by_key(|algorithm| algorithm.as_str() != pinned.algorithm);
    fetch(reach, address, port, &algorithms).await
}

async fn fetch(
    reach: &Reach,
    address: &str,
    port: u16,
    algorithms: &[Algorithm],
) -> Result<PinnedHostKey, Error> {
    let place = Place::new(address, port);
    let finding = Arc::new(OnceLock::new());
    let guard = Guard::new(Trust::Look, Arc::clone(&finding));
    let outcome = dial::open(reach, address, &place, algorithms, guard).await;
    match (finding.get(), outcome) {
        (Some(Finding::HostKey(key)), _) => Ok(key.clone()),
        (_, Err(error)) => Err(error),
        (_, Ok(_)) => Err(Error::Protocol {
            place,
            reason: "it showed no host key".into(),
        }),
    }
}

/// What the panel accepts, best first. RSA is missing on purpose: the library's RSA code has timing leaks
/// (RUSTSEC-2023-0071) and is not compiled in.
pub(crate) fn accepted_algorithms() -> Vec<Algorithm> {
    vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        },
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        },
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP521,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

    #[test]
    fn a_host_key_reads_and_prints_the_same() {
        let key: PinnedHostKey = format!("{LINE} root@host\n").parse().unwrap();
        assert_eq!(key.to_string(), LINE);
        assert_eq!(key.algorithm(), "ssh-ed25519");
        // Printed by ssh-keygen -lf for the same key (GitHub's published one).
        assert_eq!(
            key.fingerprint(),
            "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
        );
    }

    #[test]
    fn rsa_and_nonsense_are_no_host_keys() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDd";
        for line in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 !!!!",
            rsa,
            "ssh-ed25519 AAAA AAAA",
        ] {
            assert_eq!(line.parse::<PinnedHostKey>(), Err(InvalidHostKey), "{line}");
        }
    }
}
