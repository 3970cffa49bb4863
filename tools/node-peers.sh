#!/bin/sh
# Installs the node peers of the tests as their lock file says; without npm it says what will be skipped.
set -eu
cd "$(dirname "$0")/../tests/peers/node" 2>/dev/null || exit 0
[ -e package.json ] || exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm here: the tests of the node-smpp peer will be skipped"
    [ "${CI:-}" != true ] || exit 1
    exit 0
fi
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund --silent
