#!/bin/sh
# Tries the image with podman or docker, as its users run it. Usage: smoke_test.sh ENGINE IMAGE
set -eu
engine=$1
image=$2
name=cardlatch-smoke-$$
volume=$name

say() { printf '%s\n' "smoke_test: $*" >&2; }
die() { say "FAILED: $*"; exit 1; }
# Nothing in it may need root, a writable system, a network or a privilege.
run() { "$engine" run --read-only --cap-drop=all --security-opt=no-new-privileges --network=none "$@"; }
cleanup() {
    "$engine" rm -f "$name" >/dev/null 2>&1 || true
    "$engine" volume rm -f "$volume" >/dev/null 2>&1 || true
}
trap cleanup EXIT

say "runs a command inside a stack, as a user that is not root, and passes its status on"
status=0
output=$(run --rm "$image" sh -c 'id -u; cardlatch status; cardlatch remove 0; cardlatch insert 0 witness; exit 42') || status=$?
[ "$status" = 42 ] || die "exit status $status: $output"
echo "$output" | grep -q '^10001$' || die "not the image's user: $output"
echo "$output" | grep -q 'present  piv' || die "no card: $output"

say "works for another user as well"
run --rm --user 4711:4712 -e CARDLATCH_CARDS="none witness" "$image" cardlatch status | grep -q '01 00  present  witness' ||
    die "another user, two readers"

say "serves its readers to another container through a volume"
serve() { run -d --name "$name" -v "$volume:/srv/cardlatch" -e CARDLATCH_CARDS=witness "$image" >/dev/null; }
# The client has the folder read-only, and another user.
client() {
    program=$1
    shift
    run --rm --user 4711:4712 -v "$volume:/srv/cardlatch:ro" -e TMPDIR=/tmp --tmpfs /tmp --entrypoint "$program" "$image" "$@"
}
await() {
    tries=0
    until "$engine" exec "$name" cardlatch status >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -le 300 ] || { "$engine" logs "$name" >&2; die "the server does not answer"; }
        sleep 0.1
    done
}
serve
await
client cardlatch lockcheck --only lock.second-client-waits || die "a PC/SC client in another container"
client cardlatch acquire 0 --within=5000 || die "control from another container"

say "says that it is healthy"
case $engine in
*podman) "$engine" healthcheck run "$name" >/dev/null || die "health check" ;;
*) "$engine" exec "$name" cardlatch status >/dev/null || die "health check" ;;
esac

say "starts again after it was killed, in the same volume"
"$engine" kill -s KILL "$name" >/dev/null
"$engine" rm -f "$name" >/dev/null
serve
await
client cardlatch acquire 0 --within=5000 || die "after a kill"
"$engine" stop "$name" >/dev/null

say "has no tools that build"
! run --rm --entrypoint sh "$image" -c 'command -v cc gcc g++ cmake make' || die "build tools in the image"
say "all passed; size $("$engine" image inspect --format '{{.Size}}' "$image") bytes"
