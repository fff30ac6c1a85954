"""What a desk defined beforehand, read from YAML."""

from pathlib import Path
from typing import Final

DEFAULT_FOLDER: Final = Path("catalog")
"""The folder that need not exist: a desk works without a catalog."""
