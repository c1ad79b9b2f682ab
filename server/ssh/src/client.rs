use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::connection::Connection;
use crate::host_keys::PinnedHostKey;
use crate::{Connector, Error, Reach, Remote};

/// Where and as whom to log in, and what to expect there.
#[derive(Clone)]
pub struct Target {
    /// The server's id in the panel: connections are kept by it.
    pub server: i64,
    /// A name or an IP address, without brackets.
    pub address: String,
    pub port: u16,
    pub user: String,
    pub host_key: PinnedHostKey,
    /// OpenSSH's PEM, as [`crate::generate_key`] makes it.
    pub private_key: SecretString,
}

impl Target {
    /// Whether a connection made for one serves the other.
    fn same_login(&self, other: &Self) -> bool {
        self.address == other.address
            && self.port == other.port
            && self.user == other.user
            && self.host_key == other.host_key
            && self.private_key.expose_secret() == other.private_key.expose_secret()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("server", &self.server)
            .field("address", &self.address)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("host_key", &self.host_key)
            .finish_non_exhaustive()
    }
}

/// The SSH client: one connection per server, shared by everything that runs there. A stock sshd refuses a
/// third of 30 logins at once, and more than ten sessions on one connection.
pub struct Client {
    reach: Reach,
    slots: Mutex<HashMap<i64, Slot>>,
}

/// The lock is held while connecting, so that callers at once share one login.
type Slot = Arc<tokio::sync::Mutex<Option<Kept>>>;

struct Kept {
    target: Target,
    connection: Arc<Connection>,
}

impl Client {
    pub fn new(reach: Reach) -> Self {
        Self {
            reach,
            slots: Mutex::default(),
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<i64, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Connector for Client {
    async fn connect(&self, target: &Target) -> Result<Arc<dyn Remote>, Error> {
        let slot = Arc::clone(self.slots().entry(target.server).or_default());
        let mut kept = slot.lock().await;
        if let Some(kept) = kept.as_ref()
            && kept.connection.is_alive()
            && kept.target.same_login(target)
        {
            return Ok(Arc::clone(&kept.connection) as Arc<dyn Remote>);
        }
        *kept = None;
        let connection = Arc::new(Connection::log_in(&self.reach, target).await?);
        *kept = Some(Kept {
            target: target.clone(),
            connection: Arc::clone(&connection),
        });
        Ok(connection)
    }

    async fn connect_with_password(
        &self,
        target: &Target,
        password: &SecretString,
    ) -> Result<Arc<dyn Remote>, Error> {
        let connection = Connection::log_in_with_password(&self.reach, target, password).await?;
        Ok(Arc::new(connection))
    }

    async fn forget(&self, server: i64) {
        self.slots().remove(&server);
    }
}
