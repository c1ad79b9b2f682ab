//! Who may call what. A server function that is not named here is not reachable.

/// Who may use a route or a server function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Anybody, signed in or not.
    Public,
    /// Anybody who holds the setup token, while no account exists.
    SetupOnly,
    /// Anybody who holds the token of an invitation.
    Invited,
    /// A server that holds the token of one of its tasks; it counts for that task alone.
    TaskToken,
    /// A living session; what belongs to somebody else is not found.
    SignedIn,
    /// A living session of an administrator; to others it is not found.
    Administrator,
}

/// Every server function by its path.
pub const SERVER_FUNCTIONS: &[(&str, Policy)] = &[
    ("/api/accounts/change_password", Policy::SignedIn),
    ("/api/accounts/list", Policy::Administrator),
    ("/api/accounts/remove", Policy::Administrator),
    ("/api/accounts/setup", Policy::SetupOnly),
    ("/api/accounts/show", Policy::SignedIn),
    ("/api/accounts/sign_in", Policy::Public),
    ("/api/accounts/sign_out", Policy::SignedIn),
    ("/api/accounts/update", Policy::SignedIn),
    ("/api/accounts/visitor", Policy::Public),
    ("/api/broadcasting/show", Policy::SignedIn),
    ("/api/firewall/create", Policy::SignedIn),
    ("/api/firewall/show", Policy::SignedIn),
    ("/api/firewall/update", Policy::SignedIn),
    ("/api/invitations/accept", Policy::Invited),
    ("/api/invitations/create", Policy::Administrator),
    ("/api/invitations/list", Policy::Administrator),
    ("/api/invitations/revoke", Policy::Administrator),
    ("/api/invitations/show", Policy::Invited),
    ("/api/lifecycle/remove", Policy::SignedIn),
    ("/api/lifecycle/retry", Policy::SignedIn),
    ("/api/operations/cancel", Policy::SignedIn),
    ("/api/operations/list", Policy::SignedIn),
    ("/api/operations/output", Policy::SignedIn),
    ("/api/operations/plan", Policy::SignedIn),
    ("/api/operations/preview", Policy::SignedIn),
    ("/api/operations/retry", Policy::SignedIn),
    ("/api/operations/show", Policy::SignedIn),
    ("/api/programs/control", Policy::SignedIn),
    ("/api/programs/create", Policy::SignedIn),
    ("/api/programs/log", Policy::SignedIn),
    ("/api/programs/program", Policy::SignedIn),
    ("/api/programs/show", Policy::SignedIn),
    ("/api/programs/update", Policy::SignedIn),
    ("/api/scheduler/create", Policy::SignedIn),
    ("/api/scheduler/install", Policy::SignedIn),
    ("/api/scheduler/next", Policy::SignedIn),
    ("/api/scheduler/pause", Policy::SignedIn),
    ("/api/scheduler/repair", Policy::SignedIn),
    ("/api/scheduler/resume", Policy::SignedIn),
    ("/api/scheduler/run", Policy::SignedIn),
    ("/api/scheduler/run_output", Policy::SignedIn),
    ("/api/scheduler/runs", Policy::SignedIn),
    ("/api/scheduler/show", Policy::SignedIn),
    ("/api/scheduler/task", Policy::SignedIn),
    ("/api/scheduler/update", Policy::SignedIn),
    ("/api/servers/accept_host_key", Policy::SignedIn),
    ("/api/servers/authorize", Policy::SignedIn),
    ("/api/servers/check", Policy::SignedIn),
    ("/api/servers/create", Policy::SignedIn),
    ("/api/servers/host_key", Policy::SignedIn),
    ("/api/servers/list", Policy::SignedIn),
    ("/api/servers/provision", Policy::SignedIn),
    ("/api/servers/reboot", Policy::SignedIn),
    ("/api/servers/remove", Policy::SignedIn),
    ("/api/servers/show", Policy::SignedIn),
    ("/api/servers/update", Policy::SignedIn),
    ("/api/sessions/end_everywhere", Policy::SignedIn),
    ("/api/sessions/end_others", Policy::SignedIn),
    ("/api/sessions/list", Policy::SignedIn),
    ("/api/sessions/revoke", Policy::SignedIn),
];

/// The policy of a server function's path; `None` for a path that is none.
pub fn policy_of(path: &str) -> Option<Policy> {
    SERVER_FUNCTIONS
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, policy)| *policy)
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_server_function_stands_in_the_table_and_nothing_else_does() {
        let registered: BTreeSet<String> = leptos::server_fn::axum::server_fn_paths()
            .map(|(path, _)| path.to_owned())
            .collect();
        let named: BTreeSet<String> = SERVER_FUNCTIONS
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .collect();
        assert_eq!(registered, named);
        assert_eq!(
            named.len(),
            SERVER_FUNCTIONS.len(),
            "a path stands in the table twice"
        );
    }
}
