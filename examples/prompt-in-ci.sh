#!/usr/bin/env bash
# Tests an integration in CI without cost: the offline agent needs neither a model nor the network. Starts a server,
# sends a prompt, checks the answer, and stops the server.
#
#   bash examples/prompt-in-ci.sh          in a clone of this repository, after `npm run build`
set -euo pipefail
cd "$(dirname "$0")/.."

CODEBUDDY_HOME=$(mktemp -d)
export CODEBUDDY_HOME
PATH="$PWD/node_modules/.bin:$PATH"

node bin/codebuddy.js serve --port 0 >"$CODEBUDDY_HOME/serve.log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null && wait "$server" || true; rm -rf "$CODEBUDDY_HOME"' EXIT

# The server writes server.json when it is ready. If it cannot start, the log says why.
until [ -e "$CODEBUDDY_HOME/api/server.json" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$CODEBUDDY_HOME/serve.log" >&2; exit 1; }
  sleep 0.05
done

answer=$(node bin/codebuddy.js prompt --json 'list *.md')
echo "$answer"
grep -q README.md <<<"$answer"
