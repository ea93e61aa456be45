#!/bin/sh
# One consumer of an installed Cardlatch: it has to find the bugs planted in the sample application, and to pass without them.
# Usage: check.sh build|boost|google|c|pytest|shell|pkgconfig BUILD-FOLDER CMAKE
set -eu
what=$1
build=$2
cmake=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$build/consumers
stage=$work/stage
out=$work/build
export PATH="$stage/bin:$PATH"
libraries=$(dirname "$(find "$stage" -name libcardlatch.so 2>/dev/null | head -1)" 2>/dev/null || true)
# As installed means: nothing of the build tree. The staged libraries are not where the loader looks.
export LD_LIBRARY_PATH="$libraries"

# finds SENTENCE COMMAND...: the command has to fail and to say why.
finds() {
    sentence=$1
    shift
    if output=$("$@" 2>&1); then
        echo "$* passed, although the bug is there"
        exit 1
    fi
    case $output in
    *"$sentence"*) echo "found, as it should be: $sentence" ;;
    *) echo "$* failed, but not by finding the bug: $output"; exit 1 ;;
    esac
}

case $what in
build)
    rm -rf "$work"
    "$cmake" --install "$build" --prefix "$stage" >/dev/null
    "$cmake" -S "$here" -B "$out" -G Ninja -DCMAKE_PREFIX_PATH="$stage" -DCMAKE_BUILD_TYPE=Debug
    "$cmake" --build "$out"
    ;;
boost | google)
    finds "another client got the card" "$out/${what}_no_lock"
    finds "the lock was left behind" "$out/${what}_lock_left"
    "$out/${what}_fixed"
    ;;
c)
    finds "another client got the card" cardlatch run --card filecard -- "$out/c_no_lock"
    finds "the lock was left behind" cardlatch run --card filecard -- "$out/c_lock_left"
    cardlatch run --card filecard -- "$out/c_fixed"
    ;;
pytest)
    export PYTHONPATH="$stage/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1
    pytest() { VAULT="$out/vault_$1_program" /usr/bin/python3 -m pytest -q -p no:cacheprovider "$here/pytest"; }
    finds "the lock was left behind" pytest lock_left
    pytest fixed
    # Inside a stack the fixture uses that one.
    VAULT="$out/vault_fixed_program" cardlatch run --card filecard -- /usr/bin/python3 -m pytest -q -p no:cacheprovider "$here/pytest"
    ;;
shell)
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    export TMP_FIFO="$folder/pins"
    finds "the lock was left behind" sh "$here/shell/vault_test.sh" "$out/vault_lock_left_program"
    rm -f "$TMP_FIFO"
    sh "$here/shell/vault_test.sh" "$out/vault_fixed_program"
    ;;
pkgconfig)
    export PKG_CONFIG_PATH="$libraries/pkgconfig"
    flags=$(pkg-config --cflags --libs cardlatch-control libpcsclite)
    cc "$here/c/vault_test.c" "$here/sample/vault.c" -o "$work/by_pkgconfig" $flags
    cardlatch run --card filecard -- "$work/by_pkgconfig"
    printf '#include <cardlatch/scardssp.h>\n#include <cardlatch/harness/test_stack.hpp>\nint main() { return 0; }\n' |
        c++ -std=c++20 -x c++ - -o "$work/harness_by_pkgconfig" $(pkg-config --cflags --libs cardlatch-harness)
    "$work/harness_by_pkgconfig"
    ;;
*)
    echo "no consumer $what"
    exit 2
    ;;
esac
