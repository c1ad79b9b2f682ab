//! What a call needs at hand.

use std::sync::Arc;

use crate::broadcasting::App;
use crate::limits::Limits;
use crate::secrets::Secrets;
use crate::{Db, Planner, Prober};

/// The panel, cheap to clone.
#[derive(Clone)]
pub struct Panel {
    pub db: Db,
    /// What other programs connect to the channels with.
    pub app: App,
    pub prober: Arc<dyn Prober>,
    pub planner: Arc<dyn Planner>,
    pub secrets: Secrets,
    pub limits: Arc<Limits>,
    /// `http://127.0.0.1:3000`; for origin checks, cookies and links.
    pub public_url: Arc<str>,
}
