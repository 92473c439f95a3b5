#!/usr/bin/env python3
"""The validator refuses what it should: each golden record, damaged in every small way.

usage: test_validate.py RECORD.json ...

For the schema layer the compiled functions must agree with the jsonschema package on each damaged
record. For the format layer each damage of a list must be found. Exit status 0 or 1.
"""

import codecs
import copy
import json
import sys

from jsonschema import Draft202012Validator

import validate

REPLACEMENTS = [None, True, -1, 7, "", "x", [], {}, ["x"], {"x": 1}]


def damaged(value, path=()):
    """Copies of a record with one member gone, added or replaced, and where."""
    yield from damaged_at(value, value, path)


def damaged_at(root, value, path):
    members = value.items() if type(value) is dict else enumerate(value)
    for key, member in list(members):
        here = (*path, key)
        for replacement in REPLACEMENTS:
            yield here, changed(root, here, lambda owner, k, r=replacement: owner.__setitem__(k, r))
        yield here, changed(root, here, lambda owner, k: owner.__delitem__(k))
        if type(member) in (dict, list):
            yield from damaged_at(root, member, here)
    if type(value) is dict:
        extra = (*path, "no_such_key")
        yield extra, changed(root, extra, lambda owner, k: owner.__setitem__(k, 1))


def changed(root, path, change):
    copied = copy.deepcopy(root)
    owner = copied
    for part in path[:-1]:
        owner = owner[part]
    change(owner, path[-1])
    return copied


def compare_schemas(ocsf, record):
    """The compiled schema of this record's class against jsonschema's answer."""
    name = ocsf.names[record["class_uid"]]
    check, document = ocsf.validator(name, tuple(record["metadata"]["profiles"]))
    reference = Draft202012Validator(document)
    compared = 0
    for path, other in damaged(record):
        compared += 1
        if check(other) != reference.is_valid(other):
            yield f"{record['metadata']['event_code']}: {path}: compiled says {check(other)}"
    yield compared


def plus_one(line, key):
    start = line.index(key) + len(key)
    end = start
    while chr(line[end]) in "-0123456789":
        end += 1
    return line[:start] + str(int(line[start:end]) + 1).encode() + line[end:]


def swapped(line):
    record = json.loads(line)
    record["time"] = record.pop("time")
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


# Each takes a valid line and returns it damaged, or None if there is nothing to damage.
DAMAGES = {
    "space": lambda line: line.replace(b'":', b'": ', 1),
    "needless escape": lambda line: line.replace(b"audit-daemon", b"audit\\u002ddaemon", 1),
    "raw control": lambda line: line.replace(b"web-1", b"web\x7f1", 1),
    "time rounded": lambda line: plus_one(line, b'{"time":'),
    "key order": swapped,
    "sequence": lambda line: plus_one(line, b'"sequence":'),
    "twice": lambda line: line.replace(b'{"time":', b'{"time":1,"time":', 1),
    "profile": lambda line: line.replace(b'["datetime"', b'["container","datetime"', 1)
    if b'"container"' not in line
    else None,
    "truncated": lambda line: line.replace(b',"is_truncated":true', b"", 1)
    if b"is_truncated" in line
    else line.replace(b'},"device"', b',"is_truncated":true},"device"', 1),
    "raw": lambda line: line.replace(b'"process.cmd_line":"dGFy', b'"process.cmd_line":"dGFz', 1)
    if b'"process.cmd_line":"dGFy' in line
    else None,
    "null": lambda line: line.replace(b'"status_id":1,', b'"status_id":1,"message":null,', 1)
    if b'"message"' not in line and b'"status_id":1,' in line
    else None,
}


def main(files):
    codecs.register_error("hexbytes", validate.hex_bytes)
    ocsf, failures, compared, found = validate.Ocsf(), [], 0, 0
    for name in files:
        with open(name, "rb") as file:
            line = file.read().removesuffix(b"\n")
        record, problems = validate.line_problems(ocsf, line, False)
        failures += [f"{name}: {problem}" for problem in problems]
        for result in compare_schemas(ocsf, record):
            if type(result) is int:
                compared += result
            else:
                failures.append(f"{name}: {result}")
        for damage, apply in DAMAGES.items():
            bad = apply(line)
            if bad is None or bad == line:
                continue
            found += 1
            if not validate.line_problems(ocsf, bad, False)[1]:
                failures.append(f"{name}: {damage} is not found")
    print("\n".join(failures[:50]))
    print(f"{len(files)} records, {compared} compared, {found} damages, {len(failures)} failures")
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
