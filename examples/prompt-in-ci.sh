#!/usr/bin/env bash
# An integration built and tested in CI at no cost: the offline agent needs no model and no network.
# Starts a server of its own, sends one prompt, checks the answer, stops.
#
#   bash examples/prompt-in-ci.sh          in a clone of this repository, after `npm start` has been run once
set -euo pipefail
cd "$(dirname "$0")/.."

CODEBUDDY_HOME=$(mktemp -d)
export CODEBUDDY_HOME
PATH="$PWD/node_modules/.bin:$PATH"

node bin/codebuddy.js serve --port 0 >"$CODEBUDDY_HOME/serve.log" 2>&1 &
server=$!
trap 'kill "$server"; wait "$server" || true; rm -rf "$CODEBUDDY_HOME"' EXIT

# server.json appears when the server answers.
for _ in $(seq 100); do
  [ -e "$CODEBUDDY_HOME/api/server.json" ] && break
  sleep 0.05
done

answer=$(node bin/codebuddy.js prompt --json 'list *.md')
echo "$answer"
grep -q README.md <<<"$answer"
