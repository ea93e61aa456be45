#!/bin/sh
# Traces, recordings and replays on real stacks, read with the real tshark. Usage: trace_test.sh CARDLATCH
set -eu
cardlatch=$1
PATH="$(dirname "$cardlatch"):$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
reader="Cardlatch Virtual Reader 00 00"

die() { echo "FAILED: $*" >&2; exit 1; }
# The packets of FILE as tshark dissects them, one on a line: dissect FILE
# columns: 1 interface, 2 INS, 3 body, 4 SW1, 5 the command's frame, 6 ATR's TS, 7 an event's text, 8 malformed
dissect() {
    tshark -n -r "$1" -T fields -E occurrence=f -e frame.interface_name -e iso7816.apdu.ins -e iso7816.apdu.body \
        -e iso7816.apdu.sw1 -e iso7816.resp_to -e iso7816.atr.init_char -e syslog.msg -e _ws.malformed >packets.txt 2>tshark.txt ||
        die "tshark: $(cat tshark.txt)"
    [ -z "$(column 8 '$8 != ""')" ] || die "malformed packets: $(cat packets.txt)"
}
# column NUMBER CONDITION: a column of the packets that an awk condition takes
column() { awk -F '\t' "$2 { print \$$1 }" packets.txt; }
verify="opensc-tool -s 00A4040009A00000030800001000 -s 0020008008313233343536FFFF"
no_pin() {
    for file in "$@"; do
        ! grep -aqi -e 313233343536 -e '31 32 33 34 35 36' "$file" || die "the PIN is in $file"
        case $file in *.pcapng) ! grep -aq 123456 "$file" || die "the PIN is in $file" ;; esac
    done
}

# Every way to run cards: APDUs and ATRs dissected, PINs masked, the reader named, locks told.
for way in "" "--driver vpcd" "--host driver"; do
    cardlatch run $way --trace t.pcapng --trace t.apdu -- $verify >out.txt
    grep -q 'SW1=0x90' out.txt || die "the client saw no success"
    dissect t.pcapng
    [ "$(column 3 '$2 == "0x20"')" = 2a2a2a2a2a2a2a2a ] || die "VERIFY with '$way': $(cat packets.txt)"
    [ "$(column 1 '$2 == "0xa4"' | sort -u)" = "$reader" ] || die "interface with '$way': $(cat packets.txt)"
    [ -n "$(column 6 '$6 == "0x3b"')" ] || die "no ATR with '$way': $(cat packets.txt)"
    [ -n "$(column 5 '$4 == "0x90" && $5 != ""')" ] || die "no answer with '$way': $(cat packets.txt)"
    column 7 '$7 != ""' | grep -q "opensc-tool .* has exclusive access" || die "no lock with '$way': $(cat packets.txt)"
    no_pin t.pcapng t.apdu
done
cardlatch run --trace t.pcapng --trace t.json --trace t.apdu --show-secrets -- $verify >out.txt
dissect t.pcapng
[ "$(column 3 '$2 == "0x20"')" = 313233343536ffff ] || die "--show-secrets: $(cat packets.txt)"
grep -q '31 32 33 34' t.json || die "--show-secrets in JSON"
grep -q '31 32 33 34' t.apdu || die "--show-secrets in a dialogue"

# Perfetto's: a row for each reader, and everything that happens on it.
cardlatch run --card piv --card filecard --trace t.json -- sh -ec "
    $verify --reader 0 >&2; opensc-tool --reader 1 -s 00A40000023F00 >&2
    cardlatch remove 1; cardlatch insert 1; cardlatch reset 0" >out.txt 2>&1 || die "$(cat out.txt)"
no_pin t.json
/usr/bin/python3 - t.json <<'END'
import json, sys
events = json.load(open(sys.argv[1]))
rows = {e["args"]["name"]: e["tid"] for e in events if e["name"] == "thread_name" and e["pid"] == 1}
first, second = (rows["Cardlatch Virtual Reader 0%d 00" % i] for i in (0, 1))
def some(tid, **wanted):
    found = [e for e in events if e.get("pid") == 1 and e["tid"] == tid and all(e.get(k) == v for k, v in wanted.items())]
    assert found, (tid, wanted, events)
    return found
pin, = some(first, ph="X", name="VERIFY")
assert pin["args"]["command"] == "00 20 00 80 08 ** ** ** ** ** ** ** **" and pin["args"]["sw"] == "9000", pin
lock = [e for e in some(first, ph="X", cat="lock") if e["ts"] <= pin["ts"] and pin["ts"] + pin["dur"] <= e["ts"] + e["dur"]]
assert lock and "opensc-tool" in lock[0]["name"], "the lock that VERIFY was sent in"
assert len(some(second, ph="i", name="inserted")) == 2 and some(second, ph="i", name="removed")
some(second, ph="X", name="SELECT")
some(first, ph="i", name="warm reset")
END

# A recording is what a replay plays: the same client sees the same.
client="opensc-tool --atr -s 00A4040009A00000030800001000 -s 00CB3FFF055C035FC10200 -s 0020008008313233343536FFFF"
cardlatch run -- sh -ec "
    $client >seen.txt
    cardlatch record --output r.apdu -- $client >recorded.txt
    printf '00A4040009A00000030800001000\nreset\n00200080\n' | cardlatch record --reader 0 --profile piv >typed.apdu
    cardlatch record --reader 0 -- sh -c 'exit 7' >empty.apdu || test \$? = 7
    ! cardlatch record --reader nobody -- true" 2>err.txt || die "$(cat err.txt)"
cmp seen.txt recorded.txt || die "the relay changes what a client sees"
grep -q '"Cardlatch Virtual Reader 00 00"' err.txt || die "the readers are not named: $(cat err.txt)"
grep -q '^> 00 20 00 80 08 ?? ?? ?? ?? ?? ?? ?? ??$' r.apdu || die "$(cat r.apdu)"
no_pin r.apdu
grep -qx 'card piv' typed.apdu && grep -qx reset typed.apdu && grep -qx '< 63 C3' typed.apdu || die "$(cat typed.apdu)"
for way in "" "--driver vpcd" "--host driver"; do
    cardlatch run $way --card replay:r.apdu -- $client >replayed.txt 2>err.txt
    cmp seen.txt replayed.txt || die "the replay with '$way' is another card"
    ! grep -q cardlatch: err.txt || die "deviations: $(cat err.txt)"
done
cardlatch run --card replay:r.apdu -- opensc-tool -s 00B0000000 >out.txt 2>err.txt
grep -q 'SW1=0x6F, SW2=0x00' out.txt || die "$(cat out.txt)"
grep -q 'r.apdu: no answer to 00 B0 00 00' err.txt || die "a command that was not recorded is not reported"
# ... and so is the dialogue that --trace wrote.
cardlatch run --trace s.apdu -- $client >/dev/null
grep -qx 'card piv' s.apdu
cardlatch run --card replay:s.apdu -- $client | cmp - seen.txt || die "the replay of a trace is another card"

# Cards for other people's readers.
cardlatch run --card none -- sh -ec '
    link=$(cardlatch status --json | sed "s/.*\"link\":\"\([^\"]*\)\".*/\1/")
    cardlatch serve --connect "$link" --trace serve.pcapng 2>serve.txt & server=$!
    /usr/bin/python3 - <<END
from smartcard.scard import *
context = SCardEstablishContext(SCARD_SCOPE_USER)[1]
reader = SCardListReaders(context, [])[1][0]
state = SCARD_STATE_UNAWARE
while not state & SCARD_STATE_PRESENT:
    result, states = SCardGetStatusChange(context, 60000, [(reader, state)])
    assert result == SCARD_S_SUCCESS, hex(result)
    state = states[0][1]
END
    opensc-tool -s 00A4040009A00000030800001000
    kill $server; wait $server' >out.txt
dissect serve.pcapng
[ -n "$(column 2 '$2 == "0xa4"')" ] || die "the trace of serve: $(cat packets.txt)"

# Mistakes.
code=0; cardlatch run --trace x.txt -- true 2>err.txt || code=$?
[ $code = 2 ] && grep -q '.pcapng' err.txt || die "a name without format: $code $(cat err.txt)"
code=0; cardlatch run --trace /nowhere/x.json -- true 2>err.txt || code=$?
[ $code = 125 ] && grep -q '/nowhere/x.json' err.txt || die "a folder that is not there: $code"
code=0; cardlatch run --trace-format chrome --trace /dev/full -- true 2>err.txt || code=$?
[ $code = 125 ] && grep -q 'No space' err.txt || die "a full disk: $code $(cat err.txt)"
code=0; cardlatch run --card replay:nothing.apdu -- true 2>err.txt || code=$?
[ $code = 125 ] && grep -q 'no such file' err.txt || die "a dialogue that is not there: $code"
code=0; PCSCLITE_CSOCK_NAME=$work/nobody cardlatch record -- true 2>err.txt || code=$?
[ $code = 125 ] || die "record without pcscd: $code $(cat err.txt)"
echo "traces, recordings and replays are as documented"
