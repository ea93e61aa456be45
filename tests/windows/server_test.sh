#!/bin/sh
# The DLL as a COM server, under Wine: registered, used by programs that know COM alone, unregistered.
# usage: server_test.sh cardlatch.dll CLIENT.exe...
set -eu
dll=$1
shift
expect() {
    status=$1
    shift
    got=0
    "$@" || got=$?
    [ "$got" = "$status" ] || { echo "$*: exit status $got, not $status" >&2; exit 1; }
}

expect 0 "$WINE" regsvr32 /s "$dll"
for client in "$@"; do expect 0 "$WINE" "$client" registered; done
expect 0 "$WINE" regsvr32 /s /u "$dll"
for client in "$@"; do expect 0 "$WINE" "$client" unregistered; done
expect 0 "$WINE" regsvr32 /s /u "$dll" # nothing left to remove is no failure
# Wine has no classes of the user's in HKEY_CLASSES_ROOT, so nobody finds these; that they are written and removed is seen.
key='HKCU\Software\Classes\CLSID\{1461AAC7-6810-11D0-918F-00AA00C18068}\InprocServer32'
expect 0 "$WINE" regsvr32 /s /n /i:user "$dll"
expect 0 "$WINE" reg query "$key"
expect 0 "$WINE" regsvr32 /s /u /n /i:user "$dll"
expect 1 "$WINE" reg query "$key"
