//! What a server may do to the panel: show a host key, and nothing else.

use std::sync::{Arc, OnceLock};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, Names, cipher, mac};

use crate::error::foreign_text;
use crate::host_keys::PinnedHostKey;

/// What the guard saw that ended the connection, or will explain its end. The first finding stands.
#[derive(Debug)]
pub(crate) enum Finding {
    /// The server's host key, which we came only to see.
    HostKey(PinnedHostKey),
    /// A key other than the pinned one.
    OtherHostKey(PinnedHostKey),
    /// Open to the Terrapin attack.
    Insecure,
    /// The connection ended: why.
    Ended(String),
}

pub(crate) enum Trust {
    /// Stop as soon as the host key is known.
    Look,
    Only(PinnedHostKey),
}

pub(crate) struct Guard {
    trust: Trust,
    finding: Arc<OnceLock<Finding>>,
}

impl Guard {
    pub(crate) fn new(trust: Trust, finding: Arc<OnceLock<Finding>>) -> Self {
        Self { trust, finding }
    }

    fn found(&self, finding: Finding) {
        // A later finding is a consequence of the first.
        let _ = self.finding.set(finding);
    }
}

impl Handler for Guard {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let shown = PinnedHostKey::of(&shown.public_key()).map_err(|_| russh::Error::UnknownKey)?;
        match &self.trust {
            Trust::Look => self.found(Finding::HostKey(shown)),
            Trust::Only(pinned) if *pinned == shown => return Ok(true),
            Trust::Only(_) => self.found(Finding::OtherHostKey(shown)),
        }
        Ok(false)
    }

    /// Terrapin drops packets at the start of the encrypted stream; chacha20-poly1305 and encrypt-then-MAC
    /// do not notice unless both sides speak "strict kex".
    async fn kex_done(
        &mut self,
        _shared_secret: Option<&[u8]>,
        names: &Names,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        let encrypt_then_mac = [mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM];
        let exposed = names.cipher == cipher::CHACHA20_POLY1305
            || names.cipher != cipher::AES_256_GCM
                && (encrypt_then_mac.contains(&names.client_mac)
                    || encrypt_then_mac.contains(&names.server_mac));
        if exposed && !names.strict_kex() {
            self.found(Finding::Insecure);
            return Err(russh::Error::Kex);
        }
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.found(Finding::Ended(format!(
                    "it said: {}",
                    foreign_text(&info.message)
                )));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.found(Finding::Ended(foreign_text(&error.to_string())));
                Err(error)
            }
        }
    }

    // The library accepts these by default. A dropped handle refuses: a server has no business opening
    // anything towards the panel.

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _refused: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }
}
