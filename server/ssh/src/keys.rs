use std::fmt;

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// The panel's own key for one server.
pub struct KeyPair {
    /// OpenSSH's PEM, not encrypted. It never leaves the panel.
    pub private_key: SecretString,
    /// `ssh-ed25519 AAAA... comment`: the line that goes to the server.
    pub public_line: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair")
            .field("public_line", &self.public_line)
            .finish_non_exhaustive()
    }
}

/// Makes an Ed25519 key. Of `comment`, only letters, digits and `@._-` are kept; the rest becomes `-`.
/// Fails only when the system has no randomness to give.
pub fn generate_key(comment: &str) -> std::io::Result<KeyPair> {
    let mut seed = Zeroizing::new([0_u8; 32]);
    getrandom::fill(seed.as_mut()).map_err(|error| std::io::Error::other(error.to_string()))?;
    let pair = KeypairData::from(Ed25519Keypair::from_seed(&seed));
    let key = PrivateKey::new(pair, plain_comment(comment)).map_err(std::io::Error::other)?;
    let pem = key
        .to_openssh(LineEnding::LF)
        .map_err(std::io::Error::other)?;
    let public_line = PublicKey::from(&key)
        .to_openssh()
        .map_err(std::io::Error::other)?;
    Ok(KeyPair {
        private_key: SecretString::from(pem.to_string()),
        public_line,
    })
}

fn plain_comment(comment: &str) -> String {
    const LONGEST: usize = 64;
    comment
        .chars()
        .take(LONGEST)
        .map(|c| {
            if c.is_ascii_alphanumeric() || "@._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_generated_key_is_an_openssh_key_with_its_public_line() {
        let pair = generate_key("brokeforge@web 1'; rm").unwrap();
        let private = PrivateKey::from_openssh(pair.private_key.expose_secret()).unwrap();
        let public = PublicKey::from_openssh(&pair.public_line).unwrap();
        assert_eq!(private.public_key().key_data(), public.key_data());
        assert!(pair.public_line.starts_with("ssh-ed25519 AAAA"));
        assert!(
            pair.public_line.ends_with(" brokeforge@web-1---rm"),
            "{}",
            pair.public_line
        );
    }

    #[test]
    fn two_keys_differ_and_a_key_does_not_print_its_private_half() {
        let (one, other) = (generate_key("a").unwrap(), generate_key("a").unwrap());
        assert_ne!(one.public_line, other.public_line);
        assert!(!format!("{one:?}").contains("PRIVATE"));
    }
}
