//! The process: configuration, HTTP, WebSocket, workers.

#[cfg(feature = "bench")]
pub mod bench;
pub mod broadcasting;
pub mod callbacks;
pub mod commands;
pub mod config;
pub mod data_folder;
pub mod database;
pub mod doorkeeper;
pub mod hardening;
pub mod proxies;
pub mod router;
pub mod schema;
pub mod start;
pub mod websocket;
