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

# The names in the first column of a section of the help; those of a group in it are indented twice.
column() { sed -n "/^$1:/,/^\$/s/^  \\(  \\)\\{0,1\\}\\([^ ][^ ]*\\).*/\\2/p"; }

subcommands=$("$command" --help | column Subcommands)
[ -n "$subcommands" ] || { echo "no subcommands in --help"; exit 1; }
# options WORD...: the subcommand's options are in all of them, and so are those of its own subcommands.
options() {
    for option in $("$command" "$@" --help | column Options | tr ',' '\n' | sed -n 's/^--//p'); do
        known "$* --$option" docs/man/cardlatch.1 "Fl -$option\\b"
        known "$* --$option" packaging/completions/cardlatch.bash "--$option\\b"
        known "$* --$option" packaging/completions/_cardlatch "--$option\\b"
        known "$* --$option" packaging/completions/cardlatch.fish "-l $option\\b"
    done
    for inner in $("$command" "$@" --help | column Subcommands); do
        known "$* $inner" docs/man/cardlatch.1 "\\b$inner\\b"
        known "$* $inner" packaging/completions/cardlatch.bash "\\b$inner\\b"
        known "$* $inner" packaging/completions/_cardlatch "'$inner:"
        known "$* $inner" packaging/completions/cardlatch.fish "-a $inner -d"
        options "$@" "$inner"
    done
}

for subcommand in $subcommands; do
    known "$subcommand" docs/man/cardlatch.1 "\\b$subcommand\\b"
    known "$subcommand" packaging/completions/cardlatch.bash "\\b$subcommand\\b"
    known "$subcommand" packaging/completions/_cardlatch "'$subcommand:"
    known "$subcommand" packaging/completions/cardlatch.fish "-a $subcommand -d"
    options "$subcommand"
done
exit $failed
