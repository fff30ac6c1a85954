"""CPU and memory that hostile mails take, each accepted in a process of its own.

`python -m tests.support.hostile_mail_process FOLDER` prints both as JSON. The CPU is that of a
process that parses a mail, stores it and builds the command for its item; the memory is that of
the whole process with its imports and the mail. The system kills a process that takes far too much.
"""

import base64
import io
import json
import math
import os
import resource
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from catalog.mailboxes import Mailbox
from mail.limits import MAX_RAW_BYTES
from mailroom.delivery import receive_command
from mailroom.routing import MailRouter, ReceivedMessage
from store.engine import open_engine
from store.mail.mail_acceptance import accept_mails
from store.schema.versions import upgrade_schema

DESK: Final = "desk@desk.example"
MAX_SECONDS: Final = 2.0
MAX_MEGABYTES: Final = 200
_MAX_ATTEMPTS: Final = 3
_MAX_CPU_SECONDS: Final = 20
"""Seconds of CPU."""
_MAX_MEMORY_BYTES: Final = 4 * 1024**3
HEAD: Final = (
    b"From: Ida Berg <ida@example.org>\r\nTo: desk@desk.example\r\nSubject: Where is it\r\n"
)
MIXED: Final = HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
HTML: Final = HEAD + b"Content-Type: text/html\r\n\r\n"
FULL: Final = MAX_RAW_BYTES - 4096
INJECTED: Final = (
    b"From: =?utf-8?q?Ida=0d=0aBcc:_eve@evil.example=0d=0a?= <ida@example.org>\r\n"
    b"To: desk@desk.example\r\n"
    b"Subject: =?utf-8?b?"
    + base64.b64encode(b"Hi\r\nBcc: eve@evil.example\r\n\r\nbody\0")
    + b"?=\r\n"
    b"Message-ID: <x@y>\r\n\tBcc: eve@evil.example\r\n"
    b"References: <a@b\0c> <ok@example.org>\r\n"
    b'Content-Type: text/plain; name="a\r\n\tBcc: eve@evil.example"\r\n\r\nhi'
)


def repeat_to_size(head: bytes, piece: bytes, size: int = FULL) -> bytes:
    """Return a mail of this size: a head and a repeated piece."""
    return head + piece * ((size - len(head)) // len(piece))


def _bomb() -> bytes:
    """Return a mail with a zip file of a few KB that unpacks to 100 MB, attached ten times."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("0", "w") as out,
    ):
        for _ in range(100):
            out.write(bytes(1024 * 1024))
    part = (
        b"Content-Type: application/zip; name=bomb.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(packed.getvalue())
        + b"\r\n--b\r\n"
    )
    return MIXED + part * 10


def _nested(kind: bytes, count: int) -> bytes:
    return b"From: a@b.example\r\n" + b"".join(
        b"Content-Type: %s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind, at, at) for at in range(count)
    )


def _numbered(count: int) -> bytes:
    made = io.BytesIO()
    for at in range(count):
        made.write(b"x-%d: y\n" % at)
    return made.getvalue()


def _encoded(name: bytes, encoding: bytes, kind: bytes = b"text/plain") -> bytes:
    charset = b"; charset=" + name if name else b""
    return (
        HEAD
        + b"Content-Type: "
        + kind
        + charset
        + b"\r\nContent-Transfer-Encoding: "
        + encoding
        + b"\r\n\r\n"
    )


def _report(block: bytes, count: int) -> bytes:
    head = (
        HEAD + b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    )
    return head + b"--b\r\nContent-Type: message/delivery-status\r\n\r\n" + block * count


MAILS: Final[Mapping[str, Callable[[], bytes]]] = {
    "one line of > of 8 MB": lambda: HEAD + b"\r\n" + b">" * 8_000_000,
    "20 MB of lines of >": lambda: repeat_to_size(HEAD + b"\r\n", b">\r\n"),
    "quotes in quotes": lambda: repeat_to_size(HEAD + b"\r\n", b"> " * 30 + b"\r\n", 10_000_000),
    "20 MB of empty lines": lambda: repeat_to_size(HEAD + b"\r\n", b"\n"),
    "On, on and on": lambda: repeat_to_size(HEAD + b"\r\n", b"On Mon wrote\r\n", 8_000_000),
    "From: and From: in the text": lambda: repeat_to_size(
        HEAD + b"\r\n", b"From: a\r\n", 8_000_000
    ),
    "a thousand nested parts": lambda: _nested(b"multipart/mixed", 1000) + b"\r\nhi",
    "99 nested parts": lambda: _nested(b"multipart/mixed", 99) + b"\r\nhi" * 100_000,
    "a thousand parts side by side": lambda: (
        MIXED + b"Content-Type: a/b\r\n\r\nx\r\n--b\r\n" * 1000
    ),
    "a million parts without a type": lambda: MIXED + b"\r\nx\r\n--b\r\n" * 1_000_000,
    "a thousand messages in messages": lambda: (
        HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 1000
    ),
    "a thousand nested parts without a type": lambda: (
        HEAD
        + b"".join(
            b"Content-Type\t: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
            for i in range(1000)
        )
    ),
    "30 KB of From: lines": lambda: b"From: a@b.example\r\n" * 1600 + b"\r\nhi",
    "a From: of 30 KB": lambda: b"From: " + b"a@b.example, " * 2500 + b"\r\n\r\nhi",
    "comments in comments": lambda: b"From: " + b"(" * 30_000 + b"\r\n\r\nhi",
    "100,000 lines of a header": lambda: (
        HEAD + b"References:" + b"\r\n <a@b>" * 100_000 + b"\r\n\r\nhi"
    ),
    "20 MB of headers": lambda: repeat_to_size(HEAD, b"a:\n"),
    "20 MB of other headers": lambda: HEAD + _numbered(1_400_000),
    "a header of 20 MB": lambda: repeat_to_size(HEAD + b"X: ", b"y"),
    "a million encoded words": lambda: (
        HEAD + b"Subject: " + b"=?utf-8?q?=C3=A9?= " * 1_000_000 + b"\r\n\r\nhi"
    ),
    "a type of a million parameters": lambda: (
        HEAD + b"Content-Type: a/b" + b'; x="' * 1_000_000 + b"\r\n\r\nhi"
    ),
    "a part's type of a million parameters": lambda: (
        MIXED
        + b"Content-Type: a/b"
        + b";" * 1_000_000
        + b"\r\nContent-Disposition: attachment"
        + b'; filename*0*="x"' * 100_000
        + b"\r\n\r\nhi"
    ),
    "a zip bomb": _bomb,
    "an attachment of 20 MB": lambda: repeat_to_size(
        MIXED + b"Content-Type: a/b; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        b"QUFB" * 19 + b"\r\n",
    ),
    "attachments of 20 MB in all": lambda: (
        MIXED
        + b"--b\r\n".join(
            [
                repeat_to_size(
                    b"Content-Type: a/b; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                    b"QUFB" * 19 + b"\r\n",
                    FULL // 2 - 500,
                )
            ]
            * 2
        )
    ),
    "a text of 20 MB in base64": lambda: repeat_to_size(
        _encoded(b"utf-8", b"base64"), b"QUFB" * 19 + b"\r\n"
    ),
    "base64 on one line": lambda: repeat_to_size(_encoded(b"utf-8", b"base64"), b"QUFB"),
    "base64 of one letter a line": lambda: repeat_to_size(_encoded(b"utf-8", b"base64"), b"Q\r\n"),
    "quoted-printable that is all ends of lines": lambda: repeat_to_size(
        _encoded(b"utf-8", b"quoted-printable"), b"=\r\n"
    ),
    "quoted-printable of 20 MB": lambda: repeat_to_size(
        _encoded(b"utf-8", b"quoted-printable"), b"=C3=A9" * 12 + b"=\r\n"
    ),
    "uuencoded": lambda: repeat_to_size(
        _encoded(b"utf-8", b"x-uuencode") + b"begin 644 x\n", b"M" + b"!" * 60 + b"\n"
    ),
    "a charset that takes its time": lambda: repeat_to_size(
        _encoded(b"punycode", b"7bit"), b"abc-d9", 1_000_000
    ),
    "a charset of hosts": lambda: repeat_to_size(_encoded(b"idna", b"8bit"), b"a.", 1_000_000),
    "a charset that is none": lambda: repeat_to_size(
        _encoded(b"zlib", b"8bit"), b"x\x9c\xe9", 1_000_000
    ),
    "deep HTML": lambda: repeat_to_size(HTML, b"<div>"),
    "deep HTML of tags that nobody knows": lambda: repeat_to_size(HTML, b"<x->"),
    "deep lists": lambda: repeat_to_size(HTML, b"<p><ul><li><b>"),
    "open HTML": lambda: repeat_to_size(HTML, b"<"),
    "open tags": lambda: repeat_to_size(HTML, b"<a href='"),
    "comments in HTML": lambda: repeat_to_size(HTML, b"<!--"),
    "tables in tables": lambda: repeat_to_size(HTML, b"<table><tr><td>"),
    "entities": lambda: repeat_to_size(HTML, b"&lt;&#x41;&amp;"),
    "formatting that never ends": lambda: repeat_to_size(HTML, b"<b><i><p>"),
    "8-bit garbage": lambda: repeat_to_size(b"", bytes(range(256))),
    "zeros": lambda: bytes(FULL),
    "carriage returns": lambda: b"\r" * FULL,
    "no headers at all": lambda: b"hello",
    "nothing": lambda: b"",
    "only a colon": lambda: b":",
    "injected headers": lambda: INJECTED,
    "words of bounces": lambda: HEAD + b"\r\n" + b"Reporting-MTA: dns; x\r\n" * 20_000,
    "a report of 400 KB": lambda: _report(
        b"Final-Recipient: rfc822; a@b.example\nAction: failed\n\n", 7_000
    ),
    "a report of many words": lambda: _report(b"x: y\n", 80_000),
    "a bounce of qmail that goes on": lambda: (
        HEAD.replace(b"ida@example.org", b"mailer-daemon@example.org")
        + b"\r\nHi. This is the\r\n"
        + b"<a@b>:\r\n" * 50_000
    ),
}


def accept_mail(raw: bytes, url: str) -> list[str]:
    """Accept a mail; return the states of the inbound mails."""
    engine = open_engine(url)
    reader = MailRouter(engine, {DESK: Mailbox(ticket="question", acknowledge=True)})
    accepted = accept_mails(
        engine, reader.route(ReceivedMessage(raw=raw, addresses=(DESK,))), budget=3
    )
    for arrival in accepted:
        receive_command(arrival).model_dump_json()
    engine.dispose()
    return [arrival.state.value for arrival in accepted]


def measure_mail(name: str, url: str) -> dict[str, object]:
    """Measure a mail in this process, which accepts no other one."""
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_SECONDS, _MAX_CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    raw = MAILS[name]()
    began = time.process_time()
    ends = accept_mail(raw, url)
    seconds = time.process_time() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 2), "megabytes": round(megabytes), "ends": ends}


def measure_in_child(name: str, url: str) -> dict[str, object]:
    """Measure a mail in a child process; return how the child ended if it was killed."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(there, json.dumps(measure_mail(name, url)).encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here, "rb") as answer:
        found = answer.read()
    _, status = os.waitpid(child, 0)
    result: dict[str, object] = json.loads(found) if found else {}
    return result or {"seconds": math.inf, "ended": os.waitstatus_to_exitcode(status)}


def main(folder: str) -> None:
    """Measure all mails, one after the other, and print the results.

    A processor that two programs share takes longer for the same work: the best of three counts.
    """
    results: dict[str, object] = {}
    for name in sys.argv[2:] or MAILS:
        tries: list[dict[str, Any]] = []
        while len(tries) < _MAX_ATTEMPTS and (not tries or tries[-1]["seconds"] >= MAX_SECONDS):
            url = f"sqlite:///{Path(folder, f'{len(tries)}.db')}"
            engine = open_engine(url)
            upgrade_schema(engine)
            engine.dispose()
            tries.append(measure_in_child(name, url))
        results[name] = min(tries, key=lambda measure_mail: measure_mail["seconds"])
    print(json.dumps(results, indent=1))  # noqa: T201 - what it is for


if __name__ == "__main__":
    main(sys.argv[1])
