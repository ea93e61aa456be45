#!/bin/sh
# Plain shell: the script under test runs inside `cardlatch run`. Usage: vault_test.sh VAULT-PROGRAM
set -eu
export VAULT="$1"

exec cardlatch run --card filecard -- sh -eu -c '
mkfifo "$TMP_FIFO"
"$VAULT" "Cardlatch Virtual Reader 00 00" <"$TMP_FIFO" >"$TMP_FIFO.out" &
exec 3>"$TMP_FIFO"

echo 999999 >&3
until grep -q "wrong PIN" "$TMP_FIFO.out"; do sleep 0.05; done
cardlatch acquire 0 || { echo "FAILED: the lock was left behind" >&2; exit 1; }

cardlatch fault add wrong-sw sw=6581 ins=20 >/dev/null
echo 123456 >&3
until [ "$(grep -c "wrong PIN" "$TMP_FIFO.out")" = 2 ]; do sleep 0.05; done
cardlatch fault list --json | grep -q "\"struck\":1"
cardlatch acquire 0 || { echo "FAILED: the lock was left behind when the card failed" >&2; exit 1; }

echo 123456 >&3
exec 3>&-
wait
grep -q "^secret: The secret of the filecard.$" "$TMP_FIFO.out"
'
