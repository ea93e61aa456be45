#!/bin/sh
# The image's entrypoint without an image: the same script around the command of a build, in a folder of its own.
# Usage: entrypoint_test.sh FOLDER-OF-THE-COMMAND
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$1:$PATH"
TMPDIR=$(mktemp -d /tmp/cl-entry-XXXXXX)
export TMPDIR
server=
cleanup() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    rm -rf "$TMPDIR"
}
trap cleanup EXIT
die() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
entrypoint="$here/entrypoint.sh"

# A command runs inside, with its arguments as they are and its own exit status.
status=0
output=$(CARDLATCH_CARDS="none witness" CARDLATCH_READER_NAME="Front desk" "$entrypoint" \
    sh -c 'cardlatch status; echo "$1"; exit 42' sh "a  b") || status=$?
[ "$status" = 42 ] || die "exit status $status: $output"
echo "$output" | grep -q 'Front desk 00 00  empty' || die "first card: $output"
echo "$output" | grep -q 'Front desk 01 00  present  witness' || die "second card: $output"
echo "$output" | grep -q '^a  b$' || die "arguments: $output"

# Without one it serves: the links lead to a stack that clients outside can use, until a signal.
serve() {
    "$entrypoint" &
    server=$!
    tries=0
    until PCSCLITE_CSOCK_NAME="$TMPDIR/pcscd.comm" opensc-tool --atr 2>/dev/null | grep -q '^3b:'; do
        tries=$((tries + 1))
        [ $tries -le 300 ] || die "no card for a client outside"
        sleep 0.1
    done
}
serve
cardlatch acquire 0 --control "$TMPDIR/control" || die "control"
kill -TERM "$server"
status=0
wait "$server" || status=$?
[ "$status" = 143 ] || die "ended with $status"
server=

# What a killed one left does not disturb the next.
serve
kill -KILL "$server"
wait "$server" || true
serve
[ "$(find "$TMPDIR" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ] || die "the killed one's folder is still there"
kill -TERM "$server"
wait "$server" || true
server=
