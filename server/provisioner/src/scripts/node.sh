install_packages nodejs npm
version=$(node_version || true)
[ -n "$version" ] || fail 'node does not tell its version. Run node --version on the server to see why, then retry.'
summary "Node.js $version with npm $(npm --version)"
