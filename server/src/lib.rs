//! The process: configuration, HTTP, WebSocket, workers.

pub mod broadcasting;
pub mod commands;
pub mod config;
pub mod doorkeeper;
pub mod router;
pub mod start;
pub mod websocket;
