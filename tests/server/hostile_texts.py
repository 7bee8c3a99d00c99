"""Texts, numbers and JSON: plain ones that pass the API's rules, and odd ones that look for a weak place."""

from __future__ import annotations

import json

LONG = 100_000
WORDS = ("local", "alpha", "beta-2", "main", "review", "a1", "some words", "KEY", "text/plain", "tidy", "1.0.0", "live")
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ufeff",
    "\u202eevil\u202c",
    "\u2028\u2029",
    "e\u0301" * 300,
    "\U0010ffff",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "İıſẞ",
    "x" * LONG,
    "é" * (LONG // 2),
    "a-" * 5_000,
    "\n\r\t\x1b[31m\x7f",
    "'; DROP TABLE resource; --",
    '"unbalanced',
    "a OR NOT NEAR(b, 99)",
    "* AND ^a : -b {c}",
    "%s %n {0.__class__} {}",
    "../../../../etc/passwd",
    "C:\\x\\..",
    "/",
    ".",
    "${ .a.b[] | keys | error }",
    "${ " + "(" * 2_000 + " }",
    "${ [range(1e9)] }",
    "${",
    "{{ x }}",
    "-1",
    "9" * 40,
    "1e999",
    "nan",
    "٣٤",
    "Infinity",
    "0x10",
    "1_000",
    "true",
    "null",
    "MA==",
    "AAAA/////w==",
    "====",
    "2026-13-45T99:99:99Z",
    "9999-12-31T23:59:59.999999999-23:59",
    "0000-00-00",
    "PT1H",
    "P99999999999Y",
    "[" * LONG,
    '{"a":' * 20_000,
    "9" * 5_000,
    "[1" + "0" * 5_000 + "]",
    '{"kind":"\\ud800"}',
    "a" * 64,
    "latest",
    "http://[::1",
    "https://name.invalid:99999/\\",
    "https://" + "a" * 300 + ".invalid",
    "file:///etc/passwd",
)
# What a field of this name has to look like to be taken; the second half of a pair is odd for this field alone.
NAMED = {
    "api_version": (("agentic.stigmer.ai/v1",), ("v1", "iam.stigmer.ai/v1")),
    "org": (("local",), ("other", "-", "org")),
    "name": (("Some Name", "alpha", "first", "beta 2"), ("...", "-", "é")),
    "slug": (("alpha", "beta-2", "tidy", "tools", "steps"), ("UPPER", "a--b", "-a")),
    "instructions": (("be helpful at all times",), ()),
    "dsl": (("1.0.0",), ("2.0.0", "1.0.0\n")),
    "url": (("https://name.invalid/x",), ("http://169.254.169.254/", "http://127.0.0.1:1/")),
    "discovery_url": (("https://name.invalid/.well-known",), ("//",)),
    "command": (("stigmer-no-such-program",), ("", "\0", "x" * 5_000)),
    "cron": (("* * * * *", "0 9 * * 1-5", "*/5 1,2 * * *"), ("*/0 * * * *", "0 0 31 2 *", "5-1 * * * *", "@reboot")),
    "time_zone": (("UTC", "Europe/Berlin"), ("Europe", "../UTC", "/etc/localtime", "UTC\0", "posixrules", "x" * 300)),
    "content_type": (("text/plain", "application/zip"), ("text/plain\r\nX: y", "*")),
    "filename": (("notes.txt",), ("a" * 5_000, "..", ".\0")),
    "version_hash": (("a" * 64, "0" * 64), ("A" * 64,)),
    "tag": (("live", "v1"), ("latest", "a" * 64)),
    "query": (("alpha", "be helpful"), ('"', "*", "a*b", "NOT", "^")),
    "working_dir": (("",), ("/", "../..")),
    "page_token": (("",), ("1", "-1", "MTA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5")),
    "signal_name": (("payment", "go"), ()),
    "from_date": (("2026-01-01", ""), ("2026-02-30", "2026-W01")),
    "to_date": (("2030-01-01", ""), ("9999-12-31T00:00:00+99:00",)),
    "expires_at": (("2030-01-01T00:00:00Z",), ("never",)),
}
PLAIN_NUMBERS = (0, 1, 2, 3, 10, 100)
ODD_NUMBERS = (-1, 2**31 - 1, -(2**31), 2**32 - 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1, 86_400 * 366 * 9_999)
ODD_FRACTIONS = (float("nan"), float("inf"), float("-inf"), -0.0, 1e308, 5e-324, 1e17, 0.1)
ODD_KEYS = ("", "a.b", "stigmer.ai/x", "/", "~1", "\0", "k" * 1_000, "$ref", "__proto__", "a b")
ODD_KEYS += tuple(f"stigmer.ai/{name}" for name in ("workflow-document", "executed-document", "plugin", "recoveries"))


def odd_json(rng, document):
    """Return the JSON of a document with one place changed to something odd, or text that only looks like JSON."""
    if rng.random() < 0.15:
        return rng.choice(ODD_TEXTS)
    text = json.dumps(_changed(rng, document))
    if rng.random() < 0.15:
        return text[: rng.randrange(len(text) + 1)]
    if rng.random() < 0.15:
        return text.replace('"metadata"', rng.choice(('"metadata":1,"metadata"', '"\\ud800"', '"__proto__"')), 1)
    return text


def _changed(rng, value):
    """Return a copy in which one node is another value, is gone, or is there under another name."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        copy = dict(value)
        roll = rng.random()
        if roll < 0.1:
            del copy[key]
        elif roll < 0.2:
            copy[rng.choice(ODD_KEYS)] = copy.pop(key)
        else:
            copy[key] = _changed(rng, value[key])
        return copy
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], _changed(rng, value[place]), *value[place + rng.choice((0, 1)) :]]
    return odd_value(rng)


def odd_value(rng):
    """Return a JSON value of any type: numbers that are none in JSON, deep nesting, odd texts and keys."""
    plain = (None, True, False, 0, -1, 1.5, [], {}, [None], {"": {}}, 10**30, 10**400, "x")
    match rng.randrange(6):
        case 0:
            return rng.choice(ODD_FRACTIONS)
        case 1:
            return rng.choice(ODD_TEXTS)
        case 2:
            return nested(rng.choice((5, 60, 99, 101, 500)), as_list=rng.random() < 0.5)
        case 3:
            return {rng.choice(ODD_KEYS): odd_value(rng)}
        case _:
            return rng.choice(plain)


def nested(depth, *, as_list):
    """Return a value inside so many lists or objects."""
    value = "deep"
    for _ in range(depth):
        value = [value] if as_list else {"a": value}
    return value
