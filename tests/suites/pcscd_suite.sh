#!/bin/sh
# The integration tests with the pcscd, libpcsclite and clients of another Debian suite, without installing anything.
#
#   tests/suites/pcscd_suite.sh SUITE BUILD [CTEST-OPTION...]      what `./dev test-pcscd` calls
#   tests/suites/pcscd_suite.sh SUITE BUILD -- COMMAND [ARG...]    any command in there
#   tests/suites/pcscd_suite.sh SUITE BUILD --unpack-only
#
# Downloads the suite's packages with apt (its lists and archives are a folder of their own), unpacks them below BUILD-DIR/../suites/SUITE
# without running their scripts, and runs the tests of BUILD in there: the suite's C library, pcscd and programs, our binaries as
# they are. Libraries that only this machine has, Boost for instance, are lent. Beside that, suites/SUITE/pcscd is a wrapper that
# starts the suite's pcscd among this machine's programs: `cardlatch run --pcscd build/suites/SUITE/pcscd -- ...`.
# Root is not needed where user namespaces are allowed; tests that change the user want root.
set -eu

[ $# -ge 2 ] || { echo "usage: pcscd_suite.sh SUITE BUILD [CTEST-OPTION...]" >&2; exit 2; }
suite=$1
build=$(realpath "$2")
shift 2
project=$(realpath "$(dirname "$0")/../..")
home=$project/build/suites/$suite
root=$home/root
arch=$(dpkg --print-architecture)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)

say() { printf '%s\n' "pcscd_suite: $*" >&2; }
die() { say "$*"; exit 1; }

# What has to be there, and what the tests use when it is there; a suite may have dropped one of these.
needed="base-files base-passwd bash coreutils cmake dash debianutils findutils grep libc-bin mawk mount opensc openssl pcscd pcsc-tools procps python3
    python3-pyscard sed util-linux"
wanted="diffutils gzip hostname libengine-pkcs11-openssl openssh-client openssh-server python3-jsonschema scdaemon
    tar tshark vsmartcard-vpcd ykcs11 yubico-piv-tool"

# A mirror may be a snapshot whose date has passed; its signature is checked all the same.
apt() {
    program=$1
    shift
    APT_CONFIG=$home/apt.conf "$program" -q -o Acquire::Check-Valid-Until=false "$@"
}

unpack_suite() {
    mirror=${MIRROR:-$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' | sed -n 's/^Debian \(.*[^y]\/\)$/\1/p' | grep -v security | head -1)}
    [ -n "$mirror" ] || die "apt knows no Debian mirror; name one in MIRROR"
    mkdir -p "$home/lists/partial" "$home/archives/partial" "$home/sources" "$home/none"
    : >"$home/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$suite" >"$home/sources/suite.list"
    # None of this machine's settings, lists or installed packages count.
    cat >"$home/apt.conf" <<END
Dir::State "$home"; Dir::State::Lists "$home/lists"; Dir::State::status "$home/status";
Dir::Cache "$home"; Dir::Cache::archives "$home/archives";
Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "$home/sources"; Dir::Etc::Parts "$home/none"; Dir::Etc::Main "/dev/null";
Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "$home/none"; Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d";
APT::Architecture "$arch"; APT::Install-Recommends "false"; APT::Sandbox::User ""; Acquire::Languages "none";
END
    apt apt-get update >"$home/apt.log" 2>&1 || { cat "$home/apt.log" >&2; die "suite $suite cannot be read"; }
    there=
    for package in $wanted; do
        if apt apt-cache policy "$package" | grep -q 'Candidate: [0-9]'; then there="$there $package"
        else say "$suite has no $package; what needs it is skipped or fails"; fi
    done
    say "downloading pcscd and its clients of $suite"
    apt apt-get install -y --download-only $needed $there >>"$home/apt.log" 2>&1 || { cat "$home/apt.log" >&2; die "apt-get failed"; }
    mkdir -p "$root"
    # First the package with the links /bin, /lib ... that the others' paths go through.
    for package in "$home"/archives/base-files_*.deb "$home"/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
    rm -f "$home"/archives/*.deb
    # What the packages' scripts would have done and a test needs.
    cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
    cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
    echo 'sshd:x:101:65534::/run/sshd:/usr/sbin/nologin' >>"$root/etc/passwd"
    ln -sf mawk "$root/usr/bin/awk"
    [ -e "$root/bin/sh" ] || ln -sf dash "$root/usr/bin/sh"
    echo '127.0.0.1 localhost' >"$root/etc/hosts"
    mkdir -p "$root/tmp" "$root/proc" "$root/dev" "$root/sys" "$root/run" "$root/lent" "$root/before"
    chmod 1777 "$root/tmp"
}

# Libraries of this machine that the suite has not; as far as our programs need them.
lend_libraries() {
    rm -rf "$root/lent"
    mkdir -p "$root/lent"
    find "$build/bin" "$build/lib" "$build/tests" "$build/examples" -maxdepth 1 -type f \( -perm -u+x -o -name '*.so*' \) -exec ldd {} + 2>/dev/null |
        awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | sort -u | while read -r name path; do
        case $path in "$build"/*) continue ;; esac
        [ -e "$root/usr/lib/$triplet/$name" ] || [ -e "$root/lib/$triplet/$name" ] || cp -L "$path" "$root/lent/$name"
    done
}

write_wrapper() {
    loader=$(cd "$root" && find usr/lib64 usr/lib lib64 -maxdepth 1 -name 'ld-linux*' 2>/dev/null | head -1)
    cat >"$home/pcscd" <<END
#!/bin/sh
# pcscd of Debian $suite, on its own C library.
exec "$root/$loader" --library-path "$root/usr/lib/$triplet:$root/lib/$triplet" "$root/usr/sbin/pcscd" "\$@"
END
    chmod +x "$home/pcscd"
}

[ -e "$home/complete" ] || { rm -rf "$home"; unpack_suite; write_wrapper; : >"$home/complete"; }
lend_libraries
say "$("$home/pcscd" --version | head -1)"
[ "${1:-}" != --unpack-only ] || exit 0

if [ "${1:-}" = -- ]; then shift
else set -- ctest --test-dir "$build" -L integration --output-on-failure --timeout 300 "$@"; fi

# A file system of its own for the tests: / is the suite's, and the project lies where it lay.
own_user=
[ "$(id -u)" = 0 ] || own_user=--map-root-user
exec unshare $own_user --mount --propagation private sh -euc '
root=$1 project=$2
shift 2
mount --bind "$root" "$root"
mount -t tmpfs tmpfs "$root/tmp"
chmod 1777 "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root$project"
mount --rbind "$project" "$root$project"
cd "$root"
pivot_root . before
umount -l /before
cd /
ldconfig
exec env -i PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin HOME=/tmp LANG=C.UTF-8 LD_LIBRARY_PATH=/lent "$@"
' sh "$root" "$project" "$@"
