//! How other programs come to the channels. The key names this panel and is public; the secret never leaves it and
//! signs what a session may hear. Both are made at the first start.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use rand::RngCore;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, Set};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use wire::SessionId;
use wire::event::Channel;

use crate::access::SignedIn;
use crate::db::{Db, Tx};
use crate::entities::setting;
use crate::secrets::{Place, Secrets};
use crate::{Error, sessions};

const KEY: &str = "broadcasting_key";
const SECRET: &str = "broadcasting_secret";
const PLACE: Place = Place {
    table: "settings",
    row: 0,
    column: SECRET,
};

/// What the Pusher protocol calls an app: key and secret. It cannot print its secret.
#[derive(Clone, Debug)]
pub struct App {
    key: Arc<str>,
    signer: Hmac<Sha256>,
}

impl App {
    /// Opens key and secret, making both for a new panel.
    ///
    /// # Errors
    /// When the secret does not open with the key file, or the database does not answer.
    pub async fn at_start(db: &Db, secrets: &Secrets) -> Result<Self, Error> {
        if let Some(app) = find(db.reads(), secrets).await? {
            return Ok(app);
        }
        let mut key = [0; 10];
        rand::rng().fill_bytes(&mut key);
        let (key, secret) = (hex::encode(key), sessions::random_token());
        let mut tx = db.begin().await?;
        // Another panel on a shared database may have been quicker.
        if let Some(app) = find(tx.reads(), secrets).await? {
            return Ok(app);
        }
        set(&mut tx, KEY, key.clone()).await?;
        set(&mut tx, SECRET, secrets.seal(PLACE, &secret)?).await?;
        tx.commit().await?;
        Self::new(key, &secret)
    }

    fn new(key: String, secret: &SecretString) -> Result<Self, Error> {
        let signer = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.expose_secret().as_bytes())
            .map_err(|_| {
            Error::Secret("the broadcasting secret has a wrong length".to_owned())
        })?;
        Ok(Self {
            key: key.into(),
            signer,
        })
    }

    /// The public name, as in `/app/{key}`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The `auth` with which a socket may subscribe, for as long as the session lives: `key:session.signature`.
    /// Clients pass on whatever stands behind the colon.
    pub fn sign(&self, socket_id: &str, channel: Channel, who: &SignedIn) -> String {
        let session = who.session();
        let signature = self.mac(socket_id, channel, session).finalize();
        let signature = hex::encode(signature.into_bytes());
        format!("{}:{session}.{signature}", self.key)
    }

    /// The session that an `auth` was made for, if it was made here for this socket and this channel.
    pub fn session_of(&self, auth: &str, socket_id: &str, channel: Channel) -> Option<SessionId> {
        let (key, signed) = auth.split_once(':')?;
        let (session, signature) = signed.split_once('.')?;
        let session = session.parse().ok()?;
        let signature = hex::decode(signature).ok()?;
        let mac = self.mac(socket_id, channel, session);
        (key == &*self.key && mac.verify_slice(&signature).is_ok()).then_some(session)
    }

    /// Over the protocol's own words, `socket_id:channel`, and the session: one that has ended must not
    /// open a channel, and a socket of one session takes no signature of another.
    fn mac(&self, socket_id: &str, channel: Channel, session: SessionId) -> Hmac<Sha256> {
        let mut mac = self.signer.clone();
        mac.update(format!("{socket_id}:{channel}:{session}").as_bytes());
        mac
    }
}

/// Opens the secret, if there is one, and forgets it at once.
pub(crate) async fn opens(conn: &DatabaseConnection, secrets: &Secrets) -> Result<(), Error> {
    find(conn, secrets).await.map(drop)
}

async fn find(conn: &impl ConnectionTrait, secrets: &Secrets) -> Result<Option<App>, Error> {
    let key = setting::Entity::find_by_id(KEY).one(conn).await?;
    let secret = setting::Entity::find_by_id(SECRET).one(conn).await?;
    let (Some(key), Some(secret)) = (key, secret) else {
        return Ok(None);
    };
    App::new(key.value, &secrets.open(PLACE, &secret.value)?).map(Some)
}

async fn set(tx: &mut Tx, name: &str, value: String) -> Result<(), Error> {
    tx.insert(setting::ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value),
    })
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use wire::accounts::{AccountResource, Role};
    use wire::{ServerId, UserId};

    use super::*;

    const KEY: &str = "0123456789abcdef0123";

    fn app(secret: &str) -> App {
        App::new(KEY.to_owned(), &SecretString::from(secret)).expect("is a secret")
    }

    fn session(id: i64) -> SignedIn {
        SignedIn {
            account: AccountResource {
                id: UserId(1),
                name: "Ada".into(),
                email: "ada@example.com".into(),
                role: Role::Member,
            },
            session: SessionId(id),
        }
    }

    #[test]
    fn a_signature_opens_one_channel_on_one_socket_and_names_its_session() {
        let (app, foreign) = (app("hush"), app("another"));
        let channel = Channel::Server(ServerId(5));
        let auth = app.sign("12.34", channel, &session(9));
        assert_eq!(app.session_of(&auth, "12.34", channel), Some(SessionId(9)));
        assert_eq!(app.session_of(&auth, "12.35", channel), None);
        let other = Channel::Server(ServerId(6));
        assert_eq!(app.session_of(&auth, "12.34", other), None);
        let moved = auth.replace(":9.", ":8.");
        assert_eq!(app.session_of(&moved, "12.34", channel), None);
        assert_eq!(foreign.session_of(&auth, "12.34", channel), None);
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let (app, channel) = (app("hush"), Channel::Servers);
        let good = app.sign("1.2", channel, &session(9));
        for bad in [
            "",
            ":",
            &format!("{KEY}:"),
            &format!("{KEY}:9."),
            &format!("{KEY}:9.00"),
            &good[..good.len() - 2],
            &format!("{good}00"),
            &good.replace(KEY, "another"),
        ] {
            assert_eq!(app.session_of(bad, "1.2", channel), None, "{bad}");
        }
    }

    #[test]
    fn the_secret_does_not_print() {
        assert!(!format!("{:?}", app("hush")).contains("hush"));
    }
}
