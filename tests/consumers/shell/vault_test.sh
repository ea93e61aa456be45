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

echo 123456 >&3
exec 3>&-
wait
grep -q "^secret: The secret of the filecard.$" "$TMP_FIFO.out"
'
