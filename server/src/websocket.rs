//! One socket of one tab: it listens, asks for channels, and is cut when its session ends.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, http::StatusCode};
use domain::access::{Caller, SignedIn, may_subscribe};
use domain::bus::{Listener, Topic};
use domain::{Panel, sessions};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use wire::event::Channel;

use crate::broadcasting::{self, ACTIVITY_TIMEOUT, Request};
use crate::doorkeeper::is_own_origin;
use crate::router::AppState;

/// The key that the panel's own page connects with.
pub const APP_KEY: &str = "brokeforge";

const LONGEST_FRAME: usize = 16 * 1024;
const MOST_SUBSCRIPTIONS: usize = 200;
/// Ending a session cuts its sockets within 5 s.
const SESSION_CHECK: Duration = Duration::from_secs(3);
/// A socket that takes no bytes for this long is given up.
const LONGEST_SEND: Duration = Duration::from_secs(10);

/// Takes a connection at `/app/{key}`.
pub async fn connect(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_own_origin(&headers, &state.panel.public_url, true) {
        return (StatusCode::FORBIDDEN, "This page may not listen here.").into_response();
    }
    upgrade
        .max_message_size(LONGEST_FRAME)
        .max_frame_size(LONGEST_FRAME)
        .on_upgrade(move |socket| async move {
            let socket = Socket {
                socket,
                panel: state.panel,
            };
            socket.serve(&key, caller.signed_in).await;
        })
}

struct Socket {
    socket: WebSocket,
    panel: Panel,
}

/// The connection is over; nothing is left to say.
struct Gone;

impl Socket {
    async fn serve(mut self, key: &str, who: Option<SignedIn>) {
        let refusal = match (key == APP_KEY, &who) {
            (false, _) => Some((4001, "There is no application with this key.")),
            (true, None) => Some((4009, "Sign in first.")),
            (true, Some(_)) => None,
        };
        if let Some((code, message)) = refusal {
            let _ = self.close(code, message).await;
            return;
        }
        if let Some(who) = who {
            let _ = self.listen(&who).await;
        }
    }

    async fn listen(&mut self, who: &SignedIn) -> Result<(), Gone> {
        let socket_id = format!("{}.{}", rand::random::<u32>(), rand::random::<u32>());
        self.send(broadcasting::connection_established(&socket_id))
            .await?;
        let mut listener = self.panel.db.bus().listen();
        let mut channels: HashMap<Channel, Topic> = HashMap::new();
        let mut session_check = interval(SESSION_CHECK);
        session_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            tokio::select! {
                delivery = listener.next() => {
                    let Some(delivery) = delivery else { return Err(Gone) };
                    if listener.fell_behind() {
                        for channel in channels.keys() {
                            self.send(broadcasting::resync(*channel)).await?;
                        }
                    } else {
                        self.send(broadcasting::event(delivery.channel, &delivery.event)).await?;
                    }
                }
                message = self.socket.recv() => {
                    heard_at = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            self.answer(&text, who, &mut listener, &mut channels).await?;
                        }
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => {
                            return self.close(4200, "Send text.").await;
                        }
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                    }
                }
                _ = session_check.tick() => {
                    if matches!(sessions::still_lives(&self.panel.db, who.session()).await, Ok(false)) {
                        return self.close(4009, "The session has ended.").await;
                    }
                    self.drop_lost_channels(who, &mut listener, &mut channels).await?;
                    let silence = heard_at.elapsed().as_secs();
                    if silence > ACTIVITY_TIMEOUT * 3 {
                        return Err(Gone);
                    }
                    if silence > ACTIVITY_TIMEOUT {
                        self.send(broadcasting::ping()).await?;
                    }
                }
            }
        }
    }

    async fn answer(
        &mut self,
        text: &str,
        who: &SignedIn,
        listener: &mut Listener,
        channels: &mut HashMap<Channel, Topic>,
    ) -> Result<(), Gone> {
        match Request::parse(text) {
            Some(Request::Subscribe { channel: name }) => {
                let allowed = match name.parse::<Channel>() {
                    Ok(channel) if channels.len() < MOST_SUBSCRIPTIONS => {
                        match may_subscribe(&self.panel.db, who, channel).await {
                            Ok(true) => Some(channel),
                            Ok(false) => None,
                            Err(error) => {
                                tracing::error!(%error, "a subscription could not be decided");
                                None
                            }
                        }
                    }
                    Ok(_) | Err(_) => None,
                };
                let Some(channel) = allowed else {
                    return self.send(broadcasting::subscription_error(&name)).await;
                };
                let topic = Topic::of(channel, who.user());
                listener.join(topic);
                channels.insert(channel, topic);
                self.send(broadcasting::subscription_succeeded(channel))
                    .await
            }
            Some(Request::Unsubscribe { channel }) => {
                let left = channel
                    .parse()
                    .ok()
                    .and_then(|channel| channels.remove(&channel));
                if let Some(topic) = left {
                    listener.leave(topic);
                }
                Ok(())
            }
            Some(Request::Ping) => self.send(broadcasting::pong()).await,
            Some(Request::Pong) => Ok(()),
            Some(Request::Other) => {
                self.send(broadcasting::error(4301, "Client events are not taken."))
                    .await
            }
            None => {
                self.send(broadcasting::error(
                    4302,
                    "This is no message of the protocol.",
                ))
                .await
            }
        }
    }

    /// Ends subscriptions to what is no longer the subscriber's.
    async fn drop_lost_channels(
        &mut self,
        who: &SignedIn,
        listener: &mut Listener,
        channels: &mut HashMap<Channel, Topic>,
    ) -> Result<(), Gone> {
        for channel in channels.keys().copied().collect::<Vec<_>>() {
            if matches!(may_subscribe(&self.panel.db, who, channel).await, Ok(false)) {
                if let Some(topic) = channels.remove(&channel) {
                    listener.leave(topic);
                }
                self.send(broadcasting::subscription_error(&channel.to_string()))
                    .await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, text: String) -> Result<(), Gone> {
        match timeout(LONGEST_SEND, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        self.send(broadcasting::error(code, reason)).await?;
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        };
        let _ = timeout(LONGEST_SEND, self.socket.send(Message::Close(Some(frame)))).await;
        Err(Gone)
    }
}
