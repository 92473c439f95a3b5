#!/usr/bin/env python3
"""Check audit records, one JSON object per line, against OCSF 1.8.0 and our own record format.

usage: validate.py [--schema-only] [--max-errors N] [FILE ... | -]

Reads the named files, or standard input. Each problem is one line on standard output:
    FILE:LINE: (layer) path: what is wrong
The last line, on standard error, counts records and problems per kind of event.
Exit status: 0 all good, 1 problems found, 2 could not run.

Two layers:
  ocsf    the class's JSON schema with the profiles that the record names, as the package
          ocsf-json-schema generates it; and what that schema cannot say: type_uid arithmetic,
          deprecated attributes, captions beside ids.
  format  what our records promise on top (docs: RECORDS): order of keys, escapes, limits, notes in
          `unmapped` that agree with the record, profiles that agree with its attributes.

A hundred thousand records are to be checked within a test, so each schema is turned into nested
functions once per (class, profiles). They answer only yes or no; a "no" is explained by the
jsonschema package. A keyword that is not known here stops the run: nothing passes unchecked.

Needs: pip install ocsf-json-schema==1.2.0 jsonschema      (Python 3.10 or newer)
"""

import base64
import binascii
import collections
import datetime
import json
import re
import shlex
import sys

VERSION = "1.8.0"
LINE_BYTES_MAX = 65536
INTEGER_MAX = 2**53 - 1

try:
    from jsonschema import Draft202012Validator
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
except ImportError as missing:
    print(f"validate.py: {missing}; {__doc__.splitlines()[-1]}", file=sys.stderr)
    raise SystemExit(2) from None


# --- OCSF -----------------------------------------------------------------------------------------

# Keywords that describe and do not restrict.
SILENT = {"$schema", "$id", "$defs", "title", "description", "deprecated", "default"}

TYPES = {
    "object": lambda v: type(v) is dict,
    "array": lambda v: type(v) is list,
    "string": lambda v: type(v) is str,
    "boolean": lambda v: type(v) is bool,
    "integer": lambda v: type(v) is int or (type(v) is float and v.is_integer()),
    "number": lambda v: type(v) in (int, float),
    "null": lambda v: v is None,
}


class Compiler:
    """One schema document as functions from a value to whether it is valid."""

    def __init__(self, document):
        self.definitions = document.get("$defs", {})
        self.compiled = {}
        self.check = self.compile(document)

    def compile(self, schema):
        if schema is True:
            return lambda value: True
        tests = []
        for keyword, operand in schema.items():
            if keyword in SILENT or keyword in ("properties", "additionalProperties"):
                continue
            build = getattr(self, "on_" + keyword.strip("$"), None)
            if build is None:
                raise SystemExit(f"validate.py: schema keyword {keyword!r} is not implemented")
            tests.append(build(operand))
        if "properties" in schema or "additionalProperties" in schema:
            tests.append(self.members(schema))
        if len(tests) == 1:
            return tests[0]
        return lambda value: all(test(value) for test in tests)

    def members(self, schema):
        known = {k: self.compile(s) for k, s in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties", True)
        if others not in (True, False):
            raise SystemExit("validate.py: additionalProperties with a schema is not implemented")

        def check(value):
            if type(value) is not dict:
                return True
            for key, member in value.items():
                test = known.get(key)
                if test is None:
                    if not others:
                        return False
                elif not test(member):
                    return False
            return True

        return check

    def on_ref(self, ref):
        name = ref.removeprefix("#/$defs/")

        def check(value):
            # Compiled when first met: definitions refer to each other in circles.
            test = self.compiled.get(name)
            if test is None:
                test = self.compiled[name] = self.compile(self.definitions[name])
            return test(value)

        return check

    def on_type(self, wanted):
        if type(wanted) is str:
            return TYPES[wanted]
        return lambda value: any(TYPES[one](value) for one in wanted)

    def on_required(self, names):
        return lambda value: type(value) is not dict or all(name in value for name in names)

    def on_items(self, schema):
        test = self.compile(schema)
        return lambda value: type(value) is not list or all(map(test, value))

    def on_enum(self, allowed):
        keys = {(type(one), one) for one in allowed}
        return lambda value: type(value) not in (dict, list) and (type(value), value) in keys

    def on_const(self, wanted):
        return lambda value: type(value) is type(wanted) and value == wanted

    def on_pattern(self, pattern):
        search = re.compile(pattern).search
        return lambda value: type(value) is not str or search(value) is not None

    def on_anyOf(self, schemas):
        tests = [self.compile(schema) for schema in schemas]
        return lambda value: any(test(value) for test in tests)

    def on_oneOf(self, schemas):
        tests = [self.compile(schema) for schema in schemas]
        return lambda value: sum(test(value) for test in tests) == 1

    def on_allOf(self, schemas):
        tests = [self.compile(schema) for schema in schemas]
        return lambda value: all(test(value) for test in tests)

    def on_maxLength(self, bound):
        return lambda value: type(value) is not str or len(value) <= bound

    def on_minLength(self, bound):
        return lambda value: type(value) is not str or len(value) >= bound

    def on_minimum(self, bound):
        return lambda value: type(value) not in (int, float) or value >= bound

    def on_maximum(self, bound):
        return lambda value: type(value) not in (int, float) or value <= bound


class Ocsf:
    """The schema of one OCSF version, class by class as they are met."""

    def __init__(self):
        self.schema = get_ocsf_schema(version=VERSION)
        self.generator = OcsfJsonSchemaEmbedded(self.schema)
        self.names = {c["uid"]: name for name, c in self.schema["classes"].items()}
        self.validators = {}
        self.tables = {}

    def problems(self, record):
        uid = record.get("class_uid")
        name = self.names.get(uid) if type(uid) is int else None
        if name is None:
            yield "class_uid", f"{uid!r} is no class of OCSF {VERSION}"
            return
        definition = self.schema["classes"][name]
        if "@deprecated" in definition:
            yield "class_uid", f"{name} is deprecated"
        metadata = record.get("metadata")
        metadata = metadata if type(metadata) is dict else {}
        profiles = metadata.get("profiles")
        profiles = profiles if type(profiles) is list else []
        profiles = tuple(sorted({p for p in profiles if type(p) is str}))
        for profile in profiles:
            if profile not in definition.get("profiles", ()):
                yield "metadata.profiles", f"{name} has no profile {profile!r}"
        if metadata.get("version") != VERSION:
            yield "metadata.version", f"must be {VERSION}"
        activity = record.get("activity_id")
        if type(activity) is int and record.get("type_uid") != 100 * uid + activity:
            yield "type_uid", f"must be {100 * uid + activity}"
        check, document = self.validator(name, profiles)
        if not check(record):
            found = list(Draft202012Validator(document).iter_errors(record))
            for error in found:
                yield dotted(error.absolute_path), error.message[:300]
            if not found:
                yield "", "refused by the compiled schema, accepted by jsonschema: fix validate.py"
        yield from self.attributes(record, ("classes", name), "")

    def validator(self, name, profiles):
        key = (name, profiles)
        if key not in self.validators:
            document = self.generator.get_class_schema(name, list(profiles))
            self.validators[key] = (Compiler(document).check, document)
        return self.validators[key]

    def table(self, where):
        """Of a class or object: key -> (deprecated?, object type, (caption key, captions))."""
        if where not in self.tables:
            kind, name = where
            attributes = self.schema[kind][name]["attributes"]
            table = self.tables[where] = {}
            for key, attribute in attributes.items():
                inner = attribute.get("object_type") if attribute.get("type") == "object_t" else None
                caption = None
                if key.endswith("_id") and "enum" in attribute:
                    sibling = "activity_name" if key == "activity_id" else None
                    sibling = sibling or attribute.get("sibling") or key.removesuffix("_id")
                    if sibling in attributes:
                        enum = attribute["enum"]
                        caption = (sibling, {k: e.get("caption") for k, e in enum.items()})
                table[key] = ("@deprecated" in attribute, inner, caption)
        return self.tables[where]

    def attributes(self, value, where, path):
        table = self.table(where)
        for key, member in value.items():
            deprecated, inner, caption = table.get(key, (False, None, None))
            if deprecated:
                yield path + key, "is deprecated"
            if caption is not None and type(member) is int:
                sibling, captions = caption
                text = value.get(sibling)
                if member == 99 and text is None:
                    yield path + key, f"99 needs {sibling} beside it"
                elif member != 99 and text not in (None, captions.get(str(member))):
                    yield path + sibling, f"{text!r} is not the caption of {key} {member}"
            if inner is not None:
                for suffix, item in items_of(member):
                    if type(item) is dict:
                        yield from self.attributes(item, ("objects", inner), f"{path}{key}{suffix}.")


def items_of(value):
    if type(value) is list:
        return [(f"[{index}]", item) for index, item in enumerate(value)]
    return [("", value)]


def dotted(parts):
    text = "".join(f"[{part}]" if type(part) is int else f".{part}" for part in parts)
    return text.removeprefix(".")


# --- our format -----------------------------------------------------------------------------------

# Written as \uXXXX although JSON would take them: they act on terminals.
ACTING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

HEAD = """time time_dt class_uid category_uid activity_id activity_name type_uid severity_id status_id
    status status_code status_detail message count duration start_time start_time_dt end_time
    end_time_dt metadata device actor"""

# What a class adds between `actor` and `unmapped`.
OWN = {
    1001: "file file_result access_mask",
    1002: "driver",
    1003: "kernel",
    1004: "process base_address size",
    1007: "process launch_type_id exit_code",
    1008: "log_name file",
    2003: "finding_info compliance resources",
    2004: "finding_info evidences",
    3001: "user src_endpoint",
    3002: "user service src_endpoint session is_remote logon_type_id account_switch_type_id "
    "auth_protocol_id auth_protocol auth_factors",
    3003: "user session group src_endpoint",
    3004: "entity entity_result",
    4001: "src_endpoint dst_endpoint connection_info traffic",
    5019: "",
    6008: "",
}

PROCESS = """pid uid name path file cmd_line working_directory environment_variables user group euid
    egid container namespace_pid parent_process ancestry xattributes"""
FILE = "name path type_id uid size modified_time owner hashes is_deleted xattributes"

ORDER = {
    "metadata": "version product profiles event_code uid sequence original_event_uid "
    "correlation_uid is_truncated labels",
    "product": "name version",
    "device": "hostname uid type_id boot_uid os",
    "os": "name type_id version kernel_release",
    "actor": "process user session",
    "process": PROCESS,
    "parent_process": PROCESS,
    "ancestry": "pid uid name",
    "file": FILE,
    "file_result": FILE,
    "session": "uid terminal issuer is_remote created_time",
    "container": "uid name image runtime orchestrator pod_uuid tags",
    "image": "uid name",
    "kernel": "name type_id type path system_call",
    "connection_info": "uid protocol_name protocol_num protocol_ver_id direction_id",
    "traffic": "bytes_in bytes_out",
    "finding_info": "uid title analytic attacks created_time first_seen_time last_seen_time "
    "related_events_count related_events",
    "unmapped": "session_ip unknown pending source truncated raw masked via net_ns socket_cookie change clock "
    "counts loss "
    "coverage segment checkpoint selftest config",
    "config": "watches settings restart more",
    "watches": "added removed changed",
}
PLACE = {name: {key: i for i, key in enumerate(keys.split())} for name, keys in ORDER.items()}
RECORD_PLACE = {
    uid: {key: i for i, key in enumerate(f"{HEAD} {own} unmapped".split())}
    for uid, own in OWN.items()
}
SORTED = {"xattributes", "source", "truncated", "raw", "masked", "filtered", "left_out"}

# Classes whose device or actor comes from the profile `host`; the 2xxx are added below.
HOST_CLASSES = {3001, 3002, 3003, 3004, 4001, 6008}
KERNEL_GROUPS = {"process", "file", "net", "priv", "login"}
FULL_DEVICE = {"daemon.start", "log.rotate", "finding.alert", "finding.compliance"}
REFUSALS = {"EACCES", "EPERM", "EROFS"}
FOLDED_FILE_ACTS = {"file.open_read", "file.open_write", "file.mount", "file.umount"}
SOURCES = {"userspace", "string", "proc", "unproven"}


def format_problems(record, line):
    if len(line) > LINE_BYTES_MAX:
        yield "", f"{len(line)} bytes, more than {LINE_BYTES_MAX}"
    written = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    written = ACTING.sub(lambda c: f"\\u{ord(c[0]):04x}", written)
    if written.encode(errors="replace") != line:
        yield "", "not written compactly, or with other escapes than ours"
    yield from head_problems(record)
    yield from time_problems(record)
    occurring = set()
    place = RECORD_PLACE.get(record.get("class_uid"), {})
    yield from walk(record, place, "", occurring)
    yield from profile_problems(record, occurring)
    unmapped = record.get("unmapped")
    yield from note_problems(record, unmapped if type(unmapped) is dict else {})


def head_problems(record):
    metadata, device = record.get("metadata", {}), record.get("device", {})
    for key in ("time", "time_dt", "severity_id", "status_id", "metadata", "device"):
        if key not in record:
            yield key, "is missing"
    for key in ("version", "product", "profiles", "event_code", "uid", "sequence"):
        if key not in metadata:
            yield f"metadata.{key}", "is missing"
    for key in ("hostname", "uid", "type_id"):
        if key not in device:
            yield f"device.{key}", "is missing"
    code = metadata.get("event_code", "")
    if not re.fullmatch(r"[a-z]+\.[a-z_]+", code):
        yield "metadata.event_code", f"{code!r} is not group.name"
    if not re.fullmatch(rf"[0-9a-f]{{12}}\.{metadata.get('sequence')}", metadata.get("uid", "")):
        yield "metadata.uid", "is not <log id>.<sequence>"
    if code.split(".")[0] in KERNEL_GROUPS and code != "process.snapshot":
        if "actor" not in record:
            yield "actor", f"is missing in {code}"
        event = metadata.get("original_event_uid", "")
        # What was counted and not told one by one has no number: it says so, and whose repeats it tells.
        repeats = "count" in record and "original_event_uid" not in metadata
        folds = code in FOLDED_FILE_ACTS or code.startswith(("net.", "priv."))
        if repeats and not folds:
            yield "metadata.original_event_uid", f"is missing in {code}"
        if not repeats and not re.fullmatch(r"[cb]\d+(\.[1-9]\d*)?:\d+", event):
            yield "metadata.original_event_uid", f"{event!r} is no lane, CPU and number"
    full = "os" in device or "boot_uid" in device or "version" in metadata.get("product", {})
    if full != (code in FULL_DEVICE):
        yield "device", "is full in daemon.start, log.rotate and findings, and only there"
    refused = record.get("status_id") == 2 and record.get("status_code") in REFUSALS
    if refused and record.get("severity_id", 0) < 2:
        yield "severity_id", "is below 2 for a refusal"
    if record.get("status_id") == 1 and "status_code" in record:
        yield "status_code", "stands beside success"


def time_problems(record):
    for key in ("time", "start_time", "end_time"):
        if key not in record:
            continue
        text = record.get(key + "_dt", "")
        match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", text)
        if match is None:
            yield key + "_dt", f"{text!r} is not UTC with nine decimals"
            continue
        instant = datetime.datetime.fromisoformat(match[1] + "+00:00")
        seconds = (instant - EPOCH) // datetime.timedelta(seconds=1)
        if record[key] != seconds * 1000 + int(match[2]) // 1_000_000:
            yield key, f"is not {key}_dt cut to milliseconds"


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def walk(value, place, path, occurring):
    """Order of keys, values that are never written, and the keys that call for profiles."""
    last = -1
    for key, member in value.items():
        here = path + key
        if place:
            position = place.get(key)
            if position is None:
                yield here, "is not a key of our format"
            elif position < last:
                yield here, "stands behind a key that it precedes"
            else:
                last = position
        if key in ("euid", "egid", "group", "container", "namespace_pid"):
            occurring.add(key)
        yield from walk_value(key, member, here, occurring)


def walk_value(key, value, path, occurring):
    kind = type(value)
    if kind is dict:
        if not value:
            yield path, "is an empty object"
        if key in SORTED and list(value) != sorted(value, key=str.encode):
            yield path, "is not sorted by bytes"
        yield from walk(value, PLACE.get(key, {}), path + ".", occurring)
    elif kind is list:
        if not value:
            yield path, "is an empty array"
        for index, item in enumerate(value):
            yield from walk_value(key, item, f"{path}[{index}]", occurring)
    elif value is None:
        yield path, "is null"
    elif kind is float:
        yield path, "is no integer"
    elif kind is int and abs(value) > INTEGER_MAX:
        yield path, "is beyond 2^53 - 1"


def profile_problems(record, occurring):
    uid = record.get("class_uid", 0)
    wanted = {"datetime"}
    if uid in HOST_CLASSES or 2000 <= uid < 3000:
        wanted.add("host")
    # A login's own `group` belongs to its class and calls for no profile.
    if occurring & {"euid", "egid"} or ("group" in occurring and "group" not in record):
        wanted.add("linux/linux_users")
    if occurring & {"container", "namespace_pid"}:
        wanted.add("container")
    profiles = record.get("metadata", {}).get("profiles", [])
    if set(profiles) - wanted or ({"datetime", "host", "container"} & wanted) - set(profiles):
        yield "metadata.profiles", f"are {profiles}, the attributes call for {sorted(wanted)}"
    elif "linux/linux_users" in wanted and "linux/linux_users" not in profiles:
        yield "metadata.profiles", "lack linux/linux_users"
    if profiles != sorted(profiles):
        yield "metadata.profiles", "are not sorted"


def note_problems(record, unmapped):
    truncated = unmapped.get("truncated", {})
    if record.get("metadata", {}).get("is_truncated", False) != ("truncated" in unmapped):
        yield "metadata.is_truncated", "does not agree with unmapped.truncated"
    for name in ("unknown", "pending"):
        for path in unmapped.get(name, ()):
            if look_up(record, path) not in (None, 0):
                yield f"unmapped.{name}", f"{path} has a value"
    for name in ("source", "truncated", "raw", "masked"):
        for path in unmapped.get(name, ()):
            if look_up(record, path) is None:
                yield f"unmapped.{name}", f"{path} is not in the record"
    for path, source in unmapped.get("source", {}).items():
        if source not in SOURCES:
            yield "unmapped.source", f"{source!r} is no source"
    for path, length in truncated.items():
        if type(length) is not int or length < 0:
            yield "unmapped.truncated", f"{path}: {length!r} is no length"
    for path, encoded in unmapped.get("raw", {}).items():
        yield from raw_problems(path, encoded, look_up(record, path))
    for path, marks in unmapped.get("masked", {}).items():
        for mark in marks:
            if set(mark) != {"rule", "length"} or type(mark["length"]) is not int:
                yield "unmapped.masked", f"{path}: {mark!r} is no mark"
    config = unmapped.get("config", {})
    for key, names in (config | config.get("watches", {})).items():
        if key not in ("watches", "more") and any(type(name) is not str for name in names):
            yield f"unmapped.config.{key}", f"{names!r} is no list of names"


def raw_problems(path, encoded, shown):
    where = f"unmapped.raw.{path}"
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, TypeError) as error:
        yield where, f"is no base64: {error}"
        return
    spelt = raw.decode("utf-8", errors="hexbytes")
    if "\\x" not in spelt:
        yield where, "is valid UTF-8 and needs no raw bytes"
    if path.endswith("cmd_line"):
        if type(shown) is not str or shlex.join(spelt.split("\0")) != shown:
            yield path, "is not its raw argv, joined for a shell"
    elif spelt != shown:
        yield path, "is not its raw bytes with \\xHH for what is no UTF-8"


def hex_bytes(error):
    """Each byte that is not UTF-8 by itself, as four characters."""
    bad = error.object[error.start : error.end]
    return "".join(f"\\x{byte:02x}" for byte in bad), error.end


def look_up(record, path):
    value = record
    for part in re.findall(r"[^.\[\]]+", path):
        if type(value) is dict:
            value = value.get(part)
        elif type(value) is list and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


# --- lines and files ------------------------------------------------------------------------------


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = collections.Counter(key for key, _ in pairs)
        raise ValueError(f"key {counts.most_common(1)[0][0]!r} occurs twice")
    return members


def no_constant(name):
    raise ValueError(f"{name} is not JSON")


def line_problems(ocsf, line, schema_only):
    """The record (None if there is none) and its problems as (layer, path, text)."""
    try:
        record = json.loads(
            line.decode("utf-8"), object_pairs_hook=unique, parse_constant=no_constant
        )
    except (ValueError, RecursionError) as error:
        return None, [("json", "", str(error))]
    if type(record) is not dict:
        return None, [("json", "", "is no object")]
    found = [("ocsf", path, text) for path, text in ocsf.problems(record)]
    if not schema_only:
        try:
            found += [("format", path, text) for path, text in format_problems(record, line)]
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            found.append(("format", "", f"cannot be checked: {error!r}"))
    return record, found


def lines_of(name):
    if name == "-":
        yield from sys.stdin.buffer
    else:
        with open(name, "rb") as file:
            yield from file


def arguments(argv):
    schema_only, errors_max, files = False, None, []
    rest = list(argv)
    while rest:
        argument = rest.pop(0)
        if argument == "--schema-only":
            schema_only = True
        elif argument == "--max-errors" and rest and rest[0].isdigit():
            errors_max = int(rest.pop(0))
        elif argument in ("-h", "--help"):
            print(__doc__)
            raise SystemExit(0)
        elif argument.startswith("--"):
            print(f"validate.py: unknown option {argument}\n\n{__doc__}", file=sys.stderr)
            raise SystemExit(2)
        else:
            files.append(argument)
    return schema_only, errors_max, files or ["-"]


def main(argv):
    schema_only, errors_max, files = arguments(argv)
    ocsf, kinds, errors = Ocsf(), collections.Counter(), 0
    for name in files:
        shown = "<stdin>" if name == "-" else name
        try:
            for number, line in enumerate(lines_of(name), 1):
                if not line.endswith(b"\n"):
                    print(f"{shown}:{number}: (json) the last line has no newline")
                    errors += 1
                line = line.removesuffix(b"\n")
                record, found = line_problems(ocsf, line, schema_only)
                metadata = record.get("metadata") if record else None
                metadata = metadata if type(metadata) is dict else {}
                kinds[str(metadata.get("event_code", "not a record"))] += 1
                for layer, path, text in found:
                    print(f"{shown}:{number}: ({layer}) {path + ': ' if path else ''}{text}")
                errors += len(found)
                if errors_max is not None and errors >= errors_max:
                    print(f"stopped after {errors} errors", file=sys.stderr)
                    return 1
        except OSError as error:
            print(f"validate.py: {name}: {error.strerror}", file=sys.stderr)
            return 2
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    print(f"{sum(kinds.values())} records, {errors} errors ({told})", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    import codecs

    codecs.register_error("hexbytes", hex_bytes)
    sys.exit(main(sys.argv[1:]))
