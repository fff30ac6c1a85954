"""Real mails from the test data of other mail libraries; `make sets` downloads them.

They are parts of source distributions on pip's index. Nothing of these is built or run: pip asks a
distribution's build backend for its metadata before it downloads it, so a backend of our own
answers with the distribution's PKG-INFO. Some of the distributions can no longer be built.
"""

import ast
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

HASHES: Final = Path(__file__).with_suffix(".txt")
FOLDER: Final = Path(__file__).parents[2] / ".mail-sets"
"""Folder of the downloaded distributions."""
_BACKENDS: Final = ("setuptools/build_meta.py", "hatchling/build.py")
_BACKEND_SOURCE: Final = """
import shutil, sys
from email.parser import Parser
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    metadata = Parser().parsestr(Path("PKG-INFO").read_text("utf-8", "replace"))
    name = f"{metadata['Name'].replace('-', '_')}-{metadata['Version']}.dist-info"
    Path(folder, name).mkdir()
    shutil.copy("PKG-INFO", Path(folder, name, "METADATA"))
    return name

__legacy__ = sys.modules[__name__]
"""
BOUNCES: Final = "flufl_bounce"
TALON: Final = "talon"
_PARTS: Final = {
    "email": ("email/test/data/msg_*.txt", "moredata/crispin-torture.txt"),
    BOUNCES: ("tests/data/*.txt",),
    "mail_parser": ("tests/mails/*",),
    TALON: ("tests/fixtures/standard_replies/*.eml", "tests/fixtures/*.eml"),
}
"""Patterns of the files that are whole mails, by distribution."""
MAIL_SETS: Final = tuple(_PARTS)
_PAGES: Final = ("tests/fixtures/html_replies/*.html", "tests/fixtures/*.html")
_TEXTS: Final = ("tests/fixtures/signature/emails/stripped/*_body",)
_REPLY_TESTS: Final = "tests/text_quotations_test.py"


@dataclass(frozen=True)
class Reply:
    """Text of a reply, with the part that its sender wrote."""

    name: str
    text: str
    expected: str


def fetch() -> None:
    """Download the pinned distributions with pip, and check their hashes."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as backends:
        for backend in _BACKENDS:
            path = Path(backends, backend)
            path.parent.mkdir()
            path.with_name("__init__.py").touch()
            path.write_text(_BACKEND_SOURCE)
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
        subprocess.run(
            [
                *(*pip, "download", "--no-deps", "--require-hashes", "--no-binary", ":all:"),
                *("--use-pep517", "--no-build-isolation", "--dest", FOLDER, "-r", HASHES),
            ],
            env=os.environ | {"PYTHONPATH": backends},
            check=True,
        )


def mails_of(name: str) -> dict[str, bytes]:
    """Return the mails of a set by file name; texts and pages of replies are made into mails."""
    mails = dict(_matching_files(name, *_PARTS[name]))
    if name == TALON:
        mails |= {
            path: _make_reply(path, page, "html") for path, page in _matching_files(name, *_PAGES)
        }
        mails |= {path: _make_reply(path, text) for path, text in _matching_files(name, *_TEXTS)}
        mails |= {reply.name: _make_reply(reply.name, reply.text.encode()) for reply in replies()}
    return mails


@cache
def replies() -> tuple[Reply, ...]:
    """Return the replies of talon's tests whose text and result are literals in the test."""
    ((_, source),) = _matching_files(TALON, _REPLY_TESTS)
    return tuple(
        reply
        for test in ast.parse(source).body
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_")
        for reply in _replies_in(test)
    )


def pages() -> dict[str, bytes]:
    """Return replies in HTML as mails; the senders of all wrote the same words."""
    return {
        path: _make_reply(path, page, "html") for path, page in _matching_files(TALON, _PAGES[0])
    }


def _replies_in(test: ast.FunctionDef) -> Iterator[Reply]:
    known: dict[str, str] = {}
    number = 0
    for statement in test.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                known[name] = text
            case ast.Expr(
                value=ast.Call(
                    func=ast.Name(id="eq_"),
                    args=[
                        wanted,
                        ast.Call(func=ast.Attribute(attr="extract_from_plain"), args=[whole]),
                    ],
                )
            ):
                expected, written = (_text(each, known) for each in (wanted, whole))
                if expected is not None and written is not None:
                    number += 1
                    yield Reply(f"{test.name} {number}", written, expected)
            case _:
                pass


def _text(expression: ast.expr, known: dict[str, str]) -> str | None:
    match expression:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return known.get(name)
        case _:
            return None


def _matching_files(name: str, *patterns: str) -> list[tuple[str, bytes]]:
    """Return the files of a distribution that match a pattern, with their paths."""
    archives = list(FOLDER.glob(f"{name}-*.tar.gz"))
    if len(archives) != 1:
        raise FileNotFoundError(f"{FOLDER}: no set {name}; `make sets` fetches it")
    found = []
    with tarfile.open(archives[0]) as archive:
        for member in archive:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if member.isfile() and any(_matches(path, pattern) for pattern in patterns):
                content = archive.extractfile(member)
                assert content is not None
                found.append((str(path), content.read()))
    return sorted(found)


def _matches(path: PurePosixPath, pattern: str) -> bool:
    return path.parent == PurePosixPath(pattern).parent and path.match(pattern)


def _make_reply(name: str, content: bytes, subtype: str = "plain") -> bytes:
    """Return a reply with this body as bytes."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "Ida Berg <ida@example.org>"
    message["Subject"] = f"Re: {name}"
    message["In-Reply-To"] = "<question@somewhere.example>"
    message.set_content(content.decode("utf-8", "replace"), subtype=subtype, cte="base64")
    return message.as_bytes()


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    fetch()
