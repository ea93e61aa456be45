#!/bin/sh
# Devcontainer feature: installs the command and its driver from the packages that the option `packages` names.
set -eu
packages=${PACKAGES:-}
[ -n "$packages" ] || { echo "cardlatch: the option \"packages\" has to name the .deb files" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
apt-get update -q
case $packages in
*://*)
    apt-get install -qy --no-install-recommends ca-certificates curl
    curl -fsSL "$packages" | tar -xz -C "$work"
    ;;
*) cp "$packages"/*.deb "$work" ;;
esac
chmod -R a+rX "$work"
find "$work" -name 'cardlatch_*.deb' -o -name 'libifdcardlatch_*.deb' -o -name 'libcardlatch0_*.deb' |
    xargs apt-get install -qy --no-install-recommends
rm -rf /var/lib/apt/lists/*
