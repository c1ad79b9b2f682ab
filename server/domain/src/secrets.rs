//! Secrets at rest: sealed with a key file that lies outside the database, and bound to their
//! table, row and column, so that a ciphertext moved elsewhere does not open.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::Error;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals and opens. Cannot print its key.
#[derive(Clone)]
pub struct Secrets(Arc<XChaCha20Poly1305>);

/// Where a secret lives.
#[derive(Clone, Copy)]
pub struct Place {
    pub table: &'static str,
    pub row: i64,
    pub column: &'static str,
}

impl Secrets {
    /// Makes the key file of a new panel, readable by its user alone.
    ///
    /// # Errors
    /// When a file is there already or cannot be written.
    pub fn create(file: &Path) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::rng().fill_bytes(&mut *key);
        let failed = |error| Error::Secret(format!("cannot make {}: {error}", file.display()));
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .map_err(failed)?;
        out.write_all(STANDARD.encode(*key).as_bytes())
            .map_err(failed)?;
        out.sync_all().map_err(failed)?;
        Self::from_key(&*key)
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// A sentence when it is missing, is no key, or can be read by others.
    pub fn open_file(file: &Path) -> Result<Self, Error> {
        refuse_open_file(file)?;
        let text =
            Zeroizing::new(fs::read_to_string(file).map_err(|error| cannot_read(file, &error))?);
        let key = Zeroizing::new(STANDARD.decode(text.trim()).unwrap_or_default());
        if key.len() != KEY_BYTES {
            return Err(Error::Secret(format!(
                "{} is not a key: it must hold {KEY_BYTES} bytes in base64.",
                file.display()
            )));
        }
        Self::from_key(&key)
    }

    fn from_key(key: &[u8]) -> Result<Self, Error> {
        let cipher = XChaCha20Poly1305::new_from_slice(key)
            .map_err(|_| Error::Secret("the key has a wrong length".to_owned()))?;
        Ok(Self(Arc::new(cipher)))
    }

    /// Seals a secret for its place, as base64 of nonce and ciphertext.
    ///
    /// # Errors
    /// When it is too long for the cipher (256 GiB).
    pub fn seal(&self, place: Place, secret: &SecretString) -> Result<String, Error> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let bound = place.to_string();
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: bound.as_bytes(),
        };
        let sealed = self
            .0
            .encrypt(XNonce::from_slice(&nonce), payload)
            .map_err(|_| Error::Secret("sealing failed".to_owned()))?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens what was sealed for the same place with the same key.
    ///
    /// # Errors
    /// When key, place or ciphertext are not the ones it was sealed with.
    pub fn open(&self, place: Place, sealed: &str) -> Result<SecretString, Error> {
        let wrong = || Error::Secret(format!("{place} does not open with this key file"));
        let bytes = STANDARD.decode(sealed).map_err(|_| wrong())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(wrong)?;
        let bound = place.to_string();
        let payload = Payload {
            msg: sealed,
            aad: bound.as_bytes(),
        };
        let plain = self
            .0
            .decrypt(XNonce::from_slice(nonce), payload)
            .map_err(|_| wrong())?;
        String::from_utf8(plain)
            .map(SecretString::from)
            .map_err(|_| wrong())
    }
}

/// Who can read the key can open every server's SSH key, so nobody else on the machine may.
fn refuse_open_file(file: &Path) -> Result<(), Error> {
    let mode = fs::metadata(file)
        .map_err(|error| cannot_read(file, &error))?
        .permissions()
        .mode()
        & 0o777;
    let for_others = mode % 0o100;
    if for_others == 0 {
        return Ok(());
    }
    Err(Error::Secret(format!(
        "the key file {0} is open to others on this machine (mode {mode:04o}). Close it with \
         `chmod 600 {0}`; if somebody else may have read it, replace the servers' keys.",
        file.display()
    )))
}

fn cannot_read(file: &Path, error: &std::io::Error) -> Error {
    let advice = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "The database was made with a key; without it no server's SSH key can be opened. Put \
             the file back."
        }
        _ => "It must belong to the user that runs the panel.",
    };
    Error::Secret(format!(
        "cannot read the key file {}: {error}. {advice}",
        file.display()
    ))
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.table, self.row, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        table: "servers",
        row: 5,
        column: "sealed_private_key",
    };

    fn fresh() -> (tempfile::TempDir, Secrets) {
        let folder = tempfile::tempdir().expect("a folder");
        let secrets = Secrets::create(&folder.path().join("key")).expect("a key");
        (folder, secrets)
    }

    #[test]
    fn a_secret_opens_where_it_was_sealed_and_nowhere_else() {
        let (folder, secrets) = fresh();
        let sealed = secrets
            .seal(PLACE, &SecretString::from("hush"))
            .expect("seals");
        let again = Secrets::open_file(&folder.path().join("key")).expect("the same key");
        assert_eq!(
            again.open(PLACE, &sealed).expect("opens").expose_secret(),
            "hush"
        );
        assert!(secrets.open(Place { row: 6, ..PLACE }, &sealed).is_err());
        let column = "public_key";
        assert!(secrets.open(Place { column, ..PLACE }, &sealed).is_err());
        assert!(
            secrets
                .open(
                    Place {
                        table: "users",
                        ..PLACE
                    },
                    &sealed
                )
                .is_err()
        );
        assert!(fresh().1.open(PLACE, &sealed).is_err());
    }

    #[test]
    fn garbage_is_refused_and_does_not_panic() {
        let (_folder, secrets) = fresh();
        for garbage in ["", "AAAA", "not base64", &STANDARD.encode([0; 40])] {
            assert!(secrets.open(PLACE, garbage).is_err());
        }
    }

    #[test]
    fn a_key_file_is_never_overwritten_and_must_hold_a_key() {
        let (folder, _secrets) = fresh();
        let file = folder.path().join("key");
        assert!(Secrets::create(&file).is_err());
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode));
        for open in [0o640, 0o604, 0o644, 0o660] {
            mode(open).expect("a mode");
            let refused = Secrets::open_file(&file).err().expect("is refused");
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        for closed in [0o600, 0o400] {
            mode(closed).expect("a mode");
            assert!(Secrets::open_file(&file).is_ok(), "{closed:o}");
        }
        mode(0o600).expect("a mode");
        fs::write(&file, "c2hvcnQ=").expect("writes");
        assert!(Secrets::open_file(&file).is_err());
        assert!(Secrets::open_file(&folder.path().join("none")).is_err());
    }
}
