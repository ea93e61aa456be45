#!/bin/sh
# Builds and tries the image where no Docker engine and no registry is: buildah and podman in a store of their own, on a base
# made from Debian's packages. Usage: build_image.sh WORK-FOLDER REVISION [PACKAGE-FOLDER]; with the last one the examples are run, too.
set -eu
work=$1
revision=$2
cd "$(dirname "$0")/.."
image=localhost/cardlatch:latest
base=docker.io/library/debian:bookworm-slim

say() { printf '%s\n' "image: $*" >&2; }

# Where there can be no containers at all, that is told apart from an image that does not work.
no_containers() {
    say "$*: the image is not tried"
    exit 77
}

[ "$(id -u)" = 0 ] || no_containers "needs root, for containers on a machine that is not set up for others"
mkdir -p "$work"
# Settings and images of the machine's own engine, if there is one, stay untouched.
cat >"$work/storage.conf" <<CONF
[storage]
driver = "overlay"
graphroot = "$work/storage"
runroot = "$work/run"
CONF
cat >"$work/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
export CONTAINERS_STORAGE_CONF="$work/storage.conf" CONTAINERS_CONF="$work/containers.conf"

if ! podman image exists $base; then
    say "making $base from Debian's packages"
    # The mirrors that this machine uses; what the slim image leaves out.
    # shellcheck disable=SC2046 # one argument each
    mmdebstrap --quiet --variant=minbase \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        bookworm "$work/base.tar" $(find /etc/apt/sources.list /etc/apt/sources.list.d -name '*.list' -o -name '*.sources' 2>/dev/null) ||
        no_containers "this machine cannot make a minimal Debian, see above"
    podman import --quiet "$work/base.tar" $base >/dev/null || no_containers "this machine stores no images, see above"
    rm -f "$work/base.tar"
fi
podman run --rm --network=none $base true || no_containers "this machine runs no containers, see above"

say "building $image"
version=$(sed -n 's/^project(Cardlatch VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
buildah bud --isolation chroot --layers --format docker --target runtime --build-arg "VERSION=$version" \
    --build-arg "REVISION=$revision" -t $image -f docker/Dockerfile . >"$work/build.log" 2>&1 || {
    tail -40 "$work/build.log" >&2
    say "the build failed; the whole story is in $work/build.log"
    exit 1
}
sh docker/smoke_test.sh podman $image
[ $# -lt 3 ] || /usr/bin/python3 docker/examples_test.py $image "$3"
say "to use it: CONTAINERS_STORAGE_CONF=$CONTAINERS_STORAGE_CONF CONTAINERS_CONF=$CONTAINERS_CONF podman run --rm $image cardlatch status"
