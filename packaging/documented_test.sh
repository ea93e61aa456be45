#!/bin/sh
# Every subcommand and option that --help shows is in the man page and in the completions. Usage: documented_test.sh CARDLATCH
set -eu
command=$1
root=$(cd "$(dirname "$0")/.." && pwd)
failed=0

# known WORD FILE PATTERN
known() {
    grep -q -e "$3" "$root/$2" || {
        echo "$1 is not in $2"
        failed=1
    }
}

# The names in the first column of a section of the help.
column() { sed -n "/^$1:/,/^\$/s/^  \\([^ ]*\\).*/\\1/p"; }

subcommands=$("$command" --help | column Subcommands)
[ -n "$subcommands" ] || { echo "no subcommands in --help"; exit 1; }
for subcommand in $subcommands; do
    known "$subcommand" docs/man/cardlatch.1 "\\b$subcommand\\b"
    known "$subcommand" packaging/completions/cardlatch.bash "\\b$subcommand\\b"
    known "$subcommand" packaging/completions/_cardlatch "'$subcommand:"
    known "$subcommand" packaging/completions/cardlatch.fish "-a $subcommand -d"
    options=$("$command" "$subcommand" --help | column Options | tr ',' '\n' | sed -n 's/^--//p')
    for option in $options; do
        known "$subcommand --$option" docs/man/cardlatch.1 "Fl -$option\\b"
        known "$subcommand --$option" packaging/completions/cardlatch.bash "--$option\\b"
        known "$subcommand --$option" packaging/completions/_cardlatch "--$option\\b"
        known "$subcommand --$option" packaging/completions/cardlatch.fish "-l $option\\b"
    done
done
exit $failed
