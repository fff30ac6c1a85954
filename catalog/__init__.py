"""Catalog of a desk: definitions, calendars, queues, mailboxes and the rest, read from YAML."""

from pathlib import Path
from typing import Final

DEFAULT_FOLDER: Final = Path("catalog")
"""Folder of the catalog; if it is absent, the desk works without a catalog."""
