"""Lock and addresses of the stack that `casekeep up` runs in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from starter.settings import STATE_FOLDER

_INFO_FILE: Final = "up.json"


class AlreadyUp(Exception):
    """A desk runs in this folder already."""


class StackInfo(BaseModel):
    """Addresses of the parts of a running stack."""

    temporal: str
    ui: str
    mail: str | None = None
    """Address of the mailroom's SMTP server."""
    web: str | None = None
    """URL of the work pages."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[Path]:
    """Lock a folder during the context; yield the file for the StackInfo. Raises AlreadyUp."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / _INFO_FILE
    descriptor = os.open(note, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        info = _read_info(note)
        where = f", Temporal at {info.temporal}" if info else ""
        raise AlreadyUp(f"a desk runs in {folder} already{where}: use it, or stop it") from None
    try:
        yield note
    finally:
        note.write_text("")
        os.close(descriptor)


def item_ui_url(reference: str) -> str:
    """Return the URL of an item in Temporal's UI; empty if the client uses another server."""
    from temporalio.envconfig import ClientConfig

    note = STATE_FOLDER / _INFO_FILE
    info = _read_info(note)
    if info is None or not _is_locked(note):
        return ""
    config = ClientConfig.load_client_connect_config()
    address = config.get("target_host", "localhost:7233").replace("localhost", "127.0.0.1")
    return ui_page_url(info.ui, reference) if address == info.temporal else ""


def ui_page_url(ui: str, reference: str) -> str:
    """Return the URL of an item's page in a Temporal UI."""
    return f"{ui}/namespaces/default/workflows/{reference}"


def _read_info(note: Path) -> StackInfo | None:
    try:
        return StackInfo.model_validate_json(note.read_text())
    except (OSError, ValidationError):
        return None


def _is_locked(note: Path) -> bool:
    with note.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
