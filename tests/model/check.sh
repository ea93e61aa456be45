#!/bin/sh
# check.sh FOLDER: checks turnstile.pml, and that each of its mutations fails. Works in FOLDER.
set -eu
model=$(cd "$(dirname "$0")" && pwd)/turnstile.pml
mkdir -p "$1"
cd "$1"

# verify [MACRO]: leaves the verifier's report in ./report.
verify() {
    rm -f pan pan.* ./*.trail
    spin ${1:+"-D$1"} -a "$model" >spin.log || { cat spin.log; exit 1; }
    cc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1024 -o pan pan.c
    ./pan -m100000 >report
}

verify
grep -q 'errors: 0' report || { cat report; echo "turnstile: the algorithm fails"; exit 1; }
! grep -q 'error: max search depth too small\|out of memory' report || { cat report; exit 1; }
echo "turnstile: no error in $(sed -n 's/^ *\([0-9e+.]*\) states, stored.*/\1/p' report) states"

for mutation in NO_UNDO GIVE_UNHELD GIVE_EARLY BARGING; do
    verify "$mutation"
    if grep -q 'errors: 0' report; then
        echo "turnstile: the model does not see that $mutation is wrong"
        exit 1
    fi
    echo "turnstile: $mutation fails: $(sed -n 's/^pan:[0-9]*: *//p' report | head -1)"
done
