//! Commands beside `serve`, one file each.

pub mod user;
