#!/bin/sh
# Tries the packages where nothing else is: a minimal Debian 12 in a folder, with what they depend on and the clients of the
# test. Usage: test_packages.sh FOLDER-WITH-DEBS
set -eu
debs=$(cd "$1" && pwd)
root=$debs/chroot
here=$(cd "$(dirname "$0")" && pwd)

say() { printf '%s\n' "test_packages: $*" >&2; }

# The same mirrors as this machine.
sources=$(find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' -o -name '*.sources' 2>/dev/null || true)

say "making a minimal system"
rm -rf "$root"
mode=unshare
[ "$(id -u)" != 0 ] || mode=root
# shellcheck disable=SC2086 # one argument each
mmdebstrap --quiet --mode=$mode --variant=minbase --include=opensc \
    --customize-hook="mkdir \"\$1/tmp/debs\" && cp '$debs'/*.deb \"\$1/tmp/debs\"" \
    --customize-hook='chroot "$1" sh -c "apt-get -qy --no-install-recommends install /tmp/debs/*.deb" >"$1/tmp/apt.log" 2>&1 ||
        { cat "$1/tmp/apt.log" >&2; exit 1; }' \
    --customize-hook="copy-in '$here/in_chroot.sh' /tmp" \
    --customize-hook='chroot "$1" sh /tmp/in_chroot.sh' \
    bookworm /dev/null $sources
say "the packages work in it"
