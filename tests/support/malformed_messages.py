"""Malformed messages, each with a name that a failing test shows."""

import json
from typing import Any, Final

from temporalio.api.common.v1 import Payload

from tests.support.raw_messages import json_payload, payload

UNDECODABLE: Final = payload(b'{"by": \xff\xfe')
TOO_LARGE: Final = 1_500_000
FAR_TOO_LARGE: Final = 3_000_000

COSTLY_DEFINITIONS: Final[dict[str, dict[str, Any]]] = {
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
"""Case definitions of permitted size with as many mistakes as possible."""


def malformed_messages(good: dict[str, Any]) -> dict[str, list[Payload]]:
    """Return messages that every command refuses; `good` is well formed."""
    text = json.dumps(good).encode()
    one = json_payload(good)
    return {
        "no payload": [],
        "two payloads": [one, one],
        "two, the second undecodable": [one, UNDECODABLE],
        "two, the first undecodable": [UNDECODABLE, one],
        "undecodable": [UNDECODABLE],
        "a list": [json_payload([good])],
        "a string": [json_payload("amy")],
        "null as JSON": [json_payload(None)],
        "null as such": [payload(b"", b"binary/null")],
        "binary": [payload(b"\x00\x01\x02", b"binary/plain")],
        "an unknown encoding": [payload(text, b"application/x-rot13")],
        "an unknown field": [json_payload(good | {"colour": "red"})],
        "a field whose name is no text": [json_payload(good | {"\x00\x1b[2J\u202e": 1})],
        "an actor of the wrong type": [json_payload(good | {"by": ["amy"]})],
        "an actor with NUL": [json_payload(good | {"by": "a\x00my"})],
    }


def unusual_messages(good: dict[str, Any]) -> dict[str, list[Payload]]:
    """Return more malformed messages, which all commands treat alike."""
    text = json.dumps(good).encode()
    one = json_payload(good)
    return {
        "a hundred payloads": [one] * 100,
        "nothing in it": [payload(b"")],
        "cut short": [payload(text[:-1])],
        "a number": [json_payload(42)],
        "true": [payload(b"true")],
        "protobuf": [payload(b"\x0a\x00", b"binary/protobuf", messageType=b"no.such.Message")],
        "protobuf as JSON": [payload(b"{}", b"json/protobuf", messageType=b"no.such.Message")],
        "an encoding that is no text": [payload(text, b"\xff\xfe")],
        "no encoding": [payload(text, None)],
        "ten thousand unknown fields": [json_payload(good | {f"f{n}": 0 for n in range(10_000)})],
        "nobody as actor": [json_payload(good | {"by": ""})],
        "no actor": [json_payload({name: value for name, value in good.items() if name != "by"})],
        "an actor that is half a character": [payload(text.replace(b'"amy"', b'"\\ud83d"'))],
        "an actor of 101 characters": [json_payload(good | {"by": "a" * 101})],
        "a revision of the wrong type": [json_payload(good | {"expected_revision": "1"})],
        "a revision below zero": [json_payload(good | {"expected_revision": -1})],
        "a revision that is a fraction": [json_payload(good | {"expected_revision": 1.5})],
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
"""Names that no command of any kind has."""


def oversized(good: dict[str, Any]) -> dict[str, list[Payload]]:
    """Return payloads that the server refuses for their size, well formed or not."""
    return {
        "1.5 MB of JSON": [json_payload(good | {"reason": "x" * TOO_LARGE})],
        "1.5 MB of binary": [payload(b"\x00" * TOO_LARGE, b"binary/plain")],
        "1.5 MB of brackets": [payload(b"[" * TOO_LARGE)],
        "257 KB": [json_payload(good | {"reason": "x" * 257 * 1024})],
        "two of 200 KB": [json_payload(good | {"reason": "x" * 200 * 1024})] * 2,
    }
