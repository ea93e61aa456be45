#!/bin/sh
# Run by test_packages.sh inside the minimal system, as root; the checks run as nobody.
set -eu

check() {
    printf '%s: ' "$1" >&2
    shift
    if output=$(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent TMPDIR=/tmp "$@" 2>&1); then
        printf 'ok\n' >&2
    else
        printf 'FAILED\n%s\n' "$output" >&2
        exit 1
    fi
}

[ -e /proc/self ] || mount -t proc proc /proc
chmod 0755 / # the folder was made for its owner alone
chmod 1777 /tmp
check "an unmodified client sees the card" cardlatch run -- sh -c 'opensc-tool --atr | grep -q "^3b:"'
check "every way of isolation works" cardlatch run --isolation shim -- opensc-tool --atr
check "cards come and go" cardlatch run --card none -- sh -ec 'cardlatch insert 0 witness; cardlatch acquire 0; cardlatch remove 0'
check "lockcheck runs" cardlatch run --card witness -- cardlatch lockcheck --only 'lock.*'
check "the system's reader is configured" grep -q libifdcardlatch.so /etc/reader.conf.d/cardlatch
check "its driver is where it says" sh -c 'test -r "$(sed -n "s/^LIBPATH *//p" /etc/reader.conf.d/cardlatch)"'
check "the man pages and completions are there" sh -c '
    test -e /usr/share/bash-completion/completions/cardlatch && test -e /usr/share/zsh/vendor-completions/_cardlatch &&
    test -e /usr/share/fish/vendor_completions.d/cardlatch.fish'
check "Python finds its package" python3 -c '
import cardlatch
with cardlatch.Stack(["filecard"]) as stack:
    reader = stack.reader()
    reader.remove(); reader.insert(); assert reader.is_free()'

# The system's own pcscd takes the reader from its configuration, and a card from `cardlatch serve`.
mkdir -p /run/pcscd
pcscd --foreground >/tmp/pcscd.log 2>&1 &
pcscd=$!
cardlatch serve --card filecard --connect unix:/run/pcscd/cardlatch >/tmp/serve.log 2>&1 &
serve=$!
trap 'kill $pcscd $serve 2>/dev/null || true' EXIT
tries=0
until opensc-tool --atr 2>/dev/null | grep -q '^3b:'; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ]; then
        echo "the system's pcscd shows no card" >&2
        cat /tmp/pcscd.log /tmp/serve.log >&2
        exit 1
    fi
    sleep 0.1
done
echo "the system's pcscd shows the card: ok" >&2
