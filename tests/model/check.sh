#!/bin/sh
# check.sh FOLDER: checks the models, and that each of their mutations fails. Works in FOLDER.
set -eu
models=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

# verify MODEL [MACRO]: leaves the verifier's report in ./report.
verify() {
    rm -f pan pan.* ./*.trail
    spin ${2:+"-D$2"} -a "$models/$1.pml" >spin.log || { cat spin.log; exit 1; }
    cc -O2 -w -DSAFETY -DCOLLAPSE -DMEMLIM=1024 -o pan pan.c
    ./pan -m100000 >report
}

# check MODEL MUTATION...
check() {
    model=$1
    shift
    verify "$model"
    grep -q 'errors: 0' report || { cat report; echo "$model: the algorithm fails"; exit 1; }
    ! grep -q 'error: max search depth too small\|out of memory' report || { cat report; exit 1; }
    echo "$model: no error in $(sed -n 's/^ *\([0-9e+.]*\) states, stored.*/\1/p' report) states"
    for mutation in "$@"; do
        verify "$model" "$mutation"
        if grep -q 'errors: 0' report; then
            echo "$model: the model does not see that $mutation is wrong"
            exit 1
        fi
        echo "$model: $mutation fails: $(sed -n 's/^pan:[0-9]*: *//p' report | head -1)"
    done
}

check turnstile NO_UNDO GIVE_UNHELD GIVE_EARLY BARGING OVERTAKE KEEP_PLACE
check bell RING_ONCE NO_SILENCE BELIEVE_BELL CHECK_EARLY
