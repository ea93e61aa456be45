#!/bin/sh
# Entrypoint of the image.
#   no arguments         serves the readers to whoever has the folder TMPDIR, until it is told to end
#   COMMAND [ARG...]     runs COMMAND inside a stack and exits with its status
# CARDLATCH_CARDS         cards, one reader each, separated by spaces: profiles, TOML files, none
# CARDLATCH_READER_NAME   name of the readers
# CARDLATCH_STATE         folder where cards keep their state
# CARDLATCH_LOG           file for pcscd's log, for instance /dev/stderr
set -eu

if [ "${1:-}" = --inside ]; then
    shift
    # The stack's folder is its owner's alone; here others are invited: whoever has the volume. The links are relative,
    # because the folder may lie elsewhere for them.
    folder=$(dirname "$CARDLATCH_CONTROL")
    chmod 0711 "$folder"
    for socket in pcscd.comm control; do
        chmod 0666 "$folder/$socket"
        ln -sfn "$(basename "$folder")/$socket" "$TMPDIR/$socket"
    done
    [ $# -gt 0 ] || set -- sleep infinity
    exec "$@"
fi

umask 022
# The command and its arguments go last; options are put before them, so they are collected from the back.
set -- -- "$0" --inside "$@"
[ -z "${CARDLATCH_LOG:-}" ] || set -- --log "$CARDLATCH_LOG" "$@"
[ -z "${CARDLATCH_STATE:-}" ] || set -- --state "$CARDLATCH_STATE" "$@"
[ -z "${CARDLATCH_READER_NAME:-}" ] || set -- --reader-name "$CARDLATCH_READER_NAME" "$@"
reversed=
for card in ${CARDLATCH_CARDS:-piv}; do
    reversed="$card $reversed"
done
for card in $reversed; do
    set -- --card "$card" "$@"
done
exec cardlatch run "$@"
