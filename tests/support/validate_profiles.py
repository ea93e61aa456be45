#!/usr/bin/env python3
"""Checks profiles and what `cardlatch card show --json` prints against the JSON schemas in fixtures/schema.

    validate_profiles.py CARDLATCH FIXTURES PROFILE...

Needs Python 3.11 (tomllib) and jsonschema. Every mistake is printed; exits 1 when there is one.
"""

import copy
import json
import pathlib
import subprocess
import sys
import tomllib

import jsonschema

# Each of them breaks one rule of a document that was right before.
MUTATIONS = {
    "unknown key": lambda d: d.update(colour="red"),
    "no application": lambda d: [d.pop(k, None) for k in ("piv", "filecard", "witness", "plugin")],
    "description of the wrong type": lambda d: d.update(description=7),
    "ATR twice": lambda d: d.update(atr={"bytes": "3B00", "label": "X"}),
    "PIN of letters": lambda d: d.setdefault("piv", {}).update(pin="abcdef"),
    "slot that is none": lambda d: d.setdefault("piv", {}).setdefault("key", []).append(
        {"slot": "96", "private_key": "a.pem"}),
    "key without private key": lambda d: d.setdefault("piv", {}).setdefault("key", []).append({"slot": "9A"}),
    "bytes that are none": lambda d: d.setdefault("piv", {}).update(management_key="0102 3"),
    "PIN without value": lambda d: d.setdefault("filecard", {}).setdefault("pin", []).append({"reference": 5}),
    "rule of nobody": lambda d: d.setdefault("filecard", {}).setdefault("data", []).append(
        {"tag": "C5", "read": {"either": True}}),
    "symmetric key with PEM": lambda d: d.setdefault("filecard", {}).setdefault("key", []).append(
        {"reference": 9, "type": "3des", "value_hex": "00" * 24, "pem": "x"}),
}


def main():
    command, fixtures = sys.argv[1], pathlib.Path(sys.argv[2])
    validators = {}
    for name in ("profile", "card"):
        schema = json.loads((fixtures / "schema" / f"{name}.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validators[name] = jsonschema.Draft202012Validator(schema)
    failed = 0

    def complain(what):
        nonlocal failed
        failed += 1
        print(what)

    for file in map(pathlib.Path, sys.argv[3:]):
        document = tomllib.loads(file.read_text())
        for error in validators["profile"].iter_errors(document):
            complain(f"{file}: {error.json_path}: {error.message}")
        for what, break_it in MUTATIONS.items():
            broken = copy.deepcopy(document)
            break_it(broken)
            if validators["profile"].is_valid(broken):
                complain(f"{file}: the schema allows: {what}")
        for options in ([], ["--secrets"]):
            shown = subprocess.run([command, "card", "show", str(file), "--json", *options], check=True,
                                   stdout=subprocess.PIPE).stdout
            described = json.loads(shown)
            for error in validators["card"].iter_errors(described):
                complain(f"{file}: card show {options}: {error.json_path}: {error.message}")
            secret = any(word in shown for word in (b"PRIVATE KEY", b'"value"', b'"value_hex"'))
            if secret != bool(options) and ("piv" in described or "filecard" in described):
                complain(f"{file}: card show {options}: secrets {'are' if secret else 'are not'} there")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
