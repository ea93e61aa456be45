#!/bin/sh
# Part of the image's build stage: what the image takes from Cardlatch, in a folder. Usage: make_product.sh SOURCE PRODUCT
# Where SOURCE/build/image/product holds it already (./dev image puts it there), nothing is compiled.
set -eu
source=$1
product=$2

if [ -d "$source/build/image/product" ]; then
    cp -r "$source/build/image/product" "$product"
    exit
fi
if command -v apt-get >/dev/null && ! command -v cmake >/dev/null; then
    apt-get update -q
    apt-get install -qy --no-install-recommends g++ cmake ninja-build pkg-config libpcsclite-dev libboost1.81-dev \
        libboost-json1.81-dev libtomlplusplus-dev libcli11-dev libfmt-dev libssl-dev
fi
build=$product.build
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_SYSCONFDIR=/etc \
    -DCARDLATCH_TESTS=OFF -DCARDLATCH_PRECOMPILE=ON
cmake --build "$build" --target cardlatch_command
# The command and what it needs, without what developers link with.
DESTDIR="$product" cmake --install "$build" --component Unspecified --strip
rm -rf "$build" "$product/usr/share/man" "$product/usr/share/bash-completion" "$product/usr/share/zsh" "$product/usr/share/fish" \
    "${product:?}/etc"
