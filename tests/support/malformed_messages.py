"""Everything wrong that a message can be; each has a name, which a failing test tells."""

import json
from typing import Any, Final

from temporalio.api.common.v1 import Payload

from tests.support.raw_messages import of_json, payload

UNDECODABLE: Final = payload(b'{"by": \xff\xfe')
TOO_LARGE: Final = 1_500_000
FAR_TOO_LARGE: Final = 3_000_000

UNENDING: Final[dict[str, dict[str, Any]]] = {
    "keys that are numbers": {
        "name": "x",
        "steps": [{"key": f"s{n}", "actions": [{"key": 3}] * 20} for n in range(500)],
    },
    "five thousand Actions": {
        "name": "x",
        "steps": [{"key": "s", "actions": [{"key": f"a{n}"} for n in range(5_000)]}],
    },
    "ten thousand steps of one key": {
        "name": "x",
        "steps": [{"key": "s"}] * 10_000,
    },
}
"""Case definitions of permitted size, of which each takes long to find all that is wrong with."""


def poisons(good: dict[str, Any]) -> dict[str, list[Payload]]:
    """What is refused whatever the command; `good` is well formed."""
    text = json.dumps(good).encode()
    one = of_json(good)
    return {
        "no payload": [],
        "two payloads": [one, one],
        "two, the second undecodable": [one, UNDECODABLE],
        "two, the first undecodable": [UNDECODABLE, one],
        "undecodable": [UNDECODABLE],
        "a list": [of_json([good])],
        "a string": [of_json("amy")],
        "null as JSON": [of_json(None)],
        "null as such": [payload(b"", b"binary/null")],
        "binary": [payload(b"\x00\x01\x02", b"binary/plain")],
        "an unknown encoding": [payload(text, b"application/x-rot13")],
        "an unknown field": [of_json(good | {"colour": "red"})],
        "a field whose name is no text": [of_json(good | {"\x00\x1b[2J\u202e": 1})],
        "an actor of the wrong type": [of_json(good | {"by": ["amy"]})],
        "an actor with NUL": [of_json(good | {"by": "a\x00my"})],
    }


def oddities(good: dict[str, Any]) -> dict[str, list[Payload]]:
    """More of it, on which no command differs from another."""
    text = json.dumps(good).encode()
    one = of_json(good)
    return {
        "a hundred payloads": [one] * 100,
        "nothing in it": [payload(b"")],
        "cut short": [payload(text[:-1])],
        "a number": [of_json(42)],
        "true": [payload(b"true")],
        "protobuf": [payload(b"\x0a\x00", b"binary/protobuf", messageType=b"no.such.Message")],
        "protobuf as JSON": [payload(b"{}", b"json/protobuf", messageType=b"no.such.Message")],
        "an encoding that is no text": [payload(text, b"\xff\xfe")],
        "no encoding": [payload(text, None)],
        "ten thousand unknown fields": [of_json(good | {f"f{n}": 0 for n in range(10_000)})],
        "nobody as actor": [of_json(good | {"by": ""})],
        "no actor": [of_json({name: value for name, value in good.items() if name != "by"})],
        "an actor that is half a character": [payload(text.replace(b'"amy"', b'"\\ud83d"'))],
        "an actor of 101 characters": [of_json(good | {"by": "a" * 101})],
        "a revision of the wrong type": [of_json(good | {"expected_revision": "1"})],
        "a revision below zero": [of_json(good | {"expected_revision": -1})],
        "a revision that is a fraction": [of_json(good | {"expected_revision": 1.5})],
        "a revision of five thousand digits": [
            payload(text[:-1] + b', "expected_revision": ' + b"9" * 5000 + b"}")
        ],
        "a revision that is no number": [payload(text[:-1] + b', "expected_revision": NaN}')],
        "ten thousand brackets": [payload(text[:-1] + b', "x": ' + b"[" * 10_000 + b"}")],
        "ten thousand brackets, closed": [
            payload(text[:-1] + b', "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}")
        ],
        "ten thousand braces": [payload(b'{"by":' * 10_000)],
        "a byte order mark": [payload(b"\xef\xbb\xbf" + text)],
        "UTF-16": [payload(json.dumps(good).encode("utf-16"))],
        "two objects": [payload(text + text)],
        "a comment": [payload(text + b" // good")],
    }


UNKNOWN_NAMES: Final = (
    "no_such_command",
    "ADD_NOTE",
    "add_note ",
    "add-note",
    "state",
    "timeline",
    "moves",
    "publication",
    "run",
    "reopen; drop table item",
    "\u202egnp.exe",
    "😀" * 100,
    "x" * 900,
    "add_note\x00",
    "\x1b[2J",
)
"""Names of no command of any kind."""


def oversized(good: dict[str, Any]) -> dict[str, list[Payload]]:
    """Payloads that the server refuses, well formed or not."""
    return {
        "1.5 MB of JSON": [of_json(good | {"reason": "x" * TOO_LARGE})],
        "1.5 MB of binary": [payload(b"\x00" * TOO_LARGE, b"binary/plain")],
        "1.5 MB of brackets": [payload(b"[" * TOO_LARGE)],
        "257 KB": [of_json(good | {"reason": "x" * 257 * 1024})],
        "two of 200 KB": [of_json(good | {"reason": "x" * 200 * 1024})] * 2,
    }
