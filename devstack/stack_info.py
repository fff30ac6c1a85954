"""The desk that `casekeep up` runs in a folder: one at a time, and where its parts are."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from starter.settings import STATE_FOLDER

_NOTE: Final = "up.json"


class AlreadyUp(Exception):
    """A desk runs in this folder already."""


class Running(BaseModel):
    """Where the parts of a running desk are."""

    temporal: str
    ui: str
    mail: str | None = None
    """Where mails are taken in."""
    web: str | None = None
    """Where the work pages are."""


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Hold the folder as long as a desk runs in it; raises AlreadyUp. Yields where to note it."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / _NOTE
    descriptor = os.open(note, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        there = _noted(note)
        where = f", Temporal at {there.temporal}" if there else ""
        raise AlreadyUp(f"a desk runs in {folder} already{where}: use it, or stop it") from None
    try:
        yield note
    finally:
        note.write_text("")
        os.close(descriptor)


def link_to(reference: str) -> str:
    """The page of an item in Temporal's UI; empty if no desk of this folder is the one meant."""
    from temporalio.envconfig import ClientConfig

    note = STATE_FOLDER / _NOTE
    there = _noted(note)
    if there is None or not _is_held(note):
        return ""
    asked = ClientConfig.load_client_connect_config()
    address = asked.get("target_host", "localhost:7233").replace("localhost", "127.0.0.1")
    return page_of(there.ui, reference) if address == there.temporal else ""


def page_of(ui: str, reference: str) -> str:
    """The page of an item in a UI."""
    return f"{ui}/namespaces/default/workflows/{reference}"


def _noted(note: Path) -> Running | None:
    try:
        return Running.model_validate_json(note.read_text())
    except (OSError, ValidationError):
        return None


def _is_held(note: Path) -> bool:
    with note.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
