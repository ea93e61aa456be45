#!/bin/sh
# A newer GnuPG than Debian 12's, which has no PIV application, at our PIV card: fetched from another release of Debian,
# unpacked into a folder and run there with its own C library. Nothing of the system changes. By hand, not in CI:
#
#     tests/compat/gnupg.sh [CARDLATCH [RELEASE]]       # build/release/bin/cardlatch, trixie
#
# libpcsclite stays the system's, as it has to speak pcscd's version of their protocol.
set -eu
cardlatch=$(readlink -f "${1:-$(dirname "$0")/../../build/release/bin/cardlatch}")
release=${2:-trixie}
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' | grep -v security | head -1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

mkdir -p state/lists/partial state/archives/partial parts root
: >state/status
cat >sources.list <<END
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main
END
cat >apt.conf <<END
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/state";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "$work/parts";
Dir::Etc::Parts "$work/parts";
APT::Sandbox::User "root";
END
export APT_CONFIG="$work/apt.conf"
apt-get -qq update
apt-get -qq download scdaemon gpg gpg-agent gpgconf libgcrypt20 libassuan9 libksba8 libnpth0t64 libgpg-error0 libc6 libusb-1.0-0 \
    libreadline8t64 libsqlite3-0 zlib1g libbz2-1.0 libudev1 libcap2 libtinfo6
for package in *.deb; do dpkg-deb -x "$package" root; done
unset APT_CONFIG

libraries=$(dirname "$(find root -name libgcrypt.so.20)")
for program in usr/bin/gpg usr/bin/gpg-agent usr/bin/gpg-connect-agent usr/lib/gnupg/scdaemon; do
    name=${program##*/}
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$work/$libraries/ld-linux-x86-64.so.2" \
        "$work/$libraries" "$work/root/$program" >"$name"
    chmod 755 "$name"
done

export GNUPGHOME="$work/home"
mkdir -m 700 "$GNUPGHOME"
cp -L "$(ldconfig -p | sed -n 's/.*libpcsclite\.so\.1 .*=> //p' | head -1)" pcsc.so
printf 'disable-ccid\npcsc-shared\npcsc-driver %s\n' "$work/pcsc.so" >"$GNUPGHOME/scdaemon.conf"
printf 'scdaemon-program %s\nallow-loopback-pinentry\n' "$work/scdaemon" >"$GNUPGHOME/gpg-agent.conf"
"$cardlatch" run --card piv -- sh -euc '
    printf "%s\n" "GETINFO version" "GETINFO app_list" "SERIALNO piv" "LEARN --keypairinfo" BYE |
        ./scdaemon --server --homedir "$GNUPGHOME" 2>&1 | tee said
    grep -q "^D .*piv:" said
    for key in "PIV.9A a" "PIV.9C sc" "PIV.9D e" "PIV.9E a"; do grep -q "^S KEYPAIRINFO .* $key" said; done
    ./gpg-agent --daemon >agent.log 2>&1
    trap "./gpg-connect-agent --no-autostart KILLAGENT /bye >agent.log" EXIT
    gpg() { ./gpg --no-autostart --batch --yes --pinentry-mode loopback --passphrase 123456 "$@"; }
    gpg --card-status
    gpg --quick-generate-key "Holder <holder@cardlatch.test>" card default never
    gpg --list-secret-keys
    echo "to be signed" >data
    gpg --detach-sign data || true # says that the card has no OpenPGP fingerprints, and signs
    gpg --verify data.sig data
    gpg --recipient holder@cardlatch.test --trust-model always --encrypt data
    gpg --decrypt data.gpg | cmp - data && echo "decrypted by the card"
'
