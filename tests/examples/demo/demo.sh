#!/bin/sh
# The demonstration: `./dev demo` runs it with the build folder as argument. Every step is checked; a failed check ends it.
set -eu

if [ "${1:-}" != --inside ]; then
    build=$1
    export DEMO_CLIENT="$build/examples/demo_client" DEMO_COMMAND="$build/bin/cardlatch"
    exec "$DEMO_COMMAND" run --card filecard --reader-name "Demo Reader" -- sh "$0" --inside
fi

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
step=0
title() { step=$((step + 1)); printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"; }
check() { if [ "$1" = "$2" ]; then printf '  ok: %s\n' "$3"; else printf '  FAILED: %s (%s, not %s)\n' "$3" "$1" "$2"; exit 1; fi; }

reader='Demo Reader 00 00'
# Two clients A and B in MODE, which begin together a moment after both are connected: contend MODE ROUNDS STEPS
contend() {
    DEMO_GO=$(awk '{print $1 + 0.3}' /proc/uptime)
    export DEMO_GO
    "$DEMO_CLIENT" "$1" A 1 "$reader" "$2" "$3" & a=$!
    "$DEMO_CLIENT" "$1" B 2 "$reader" "$2" "$3" & b=$!
    wait "$a"
    wait "$b"
}
report() { status=0; "$DEMO_CLIENT" report witness 0 "$reader" 0 0 || status=$?; }

printf '%s' "$bold"
cat <<EOF
Cardlatch: smart card software, tested without smart cards
EOF
printf '%s' "$plain"
cat <<EOF
This runs inside \`cardlatch run\`: a pcscd of its own, with a virtual reader and a software card in it. No hardware, no
root, no system daemon. Nothing below knows that the card is not real.
EOF
"$DEMO_COMMAND" status

DEMO_START=$(awk '{print $1}' /proc/uptime)
export DEMO_START

title 'Two programs use the card at the same time, without a lock'
contend nolock 4 5
report
check "$status" 3 'their command sequences got mixed up, and the card has seen it'

title 'The same two programs, each sequence between LockSCard and UnlockSCard'
contend lock 3 5
report
check "$status" 0 'while one holds the card, nobody else gets a command through'

title 'The program that holds the card is killed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
DEMO_GO=0
mkfifo "$folder/a" "$folder/b"
"$DEMO_CLIENT" waiter B 2 "$reader" 1 2 >"$folder/b" & b=$!
exec 4<"$folder/b"
read -r line <&4 # B is connected
"$DEMO_CLIENT" hold A 1 "$reader" 0 0 >"$folder/a" & a=$!
exec 3<"$folder/a"
until_line() { # until_line DESCRIPTOR TEXT: shows a client's lines until one of them holds TEXT
    while IFS= read -r line <&"$1"; do
        printf '%s\n' "$line"
        case $line in *"$2"*) return 0 ;; esac
    done
    return 1
}
until_line 3 'in the middle'
kill -USR1 "$b" # B may begin
until_line 4 'LockSCard ...'
kill -9 "$a"
awk -v start="$DEMO_START" '{printf "  %7.3f s  A: killed (SIGKILL) while it holds the card\n", $1 - start}' /proc/uptime
until_line 4 UnlockSCard
exec 3<&- 4<&-
wait "$a" 2>/dev/null || true
status=0; wait "$b" || status=$?
check "$status" 0 'the lock went with its holder; the other one was told of the reset and has the card'
report
check "$status" 0 'the card saw a sequence broken off, but none mixed up'

title 'A program that never heard of Cardlatch: opensc-tool, opensc-explorer'
atr=$(opensc-tool --reader "$reader" --atr)
printf '  ATR %s\n' "$atr"
check "${atr%%:*}" 3b 'opensc-tool reads the ATR'
printf 'cd 5000\ncat 5001\nquit\n' | opensc-explorer --reader "$reader" 2>/dev/null | grep '^0' | head -n 3 | sed 's/^/  /' >"$folder/text"
cat "$folder/text"
check "$(grep -c 'Hello from Cardl' "$folder/text")" 1 'opensc-explorer reads a file on the card'

printf '\n%sThat was the real pcscd and real clients.%s Yours: %s run -- YOUR-COMMAND\n' "$bold" "$plain" "$DEMO_COMMAND"
