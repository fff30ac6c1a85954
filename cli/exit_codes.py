"""Exit codes of the command `casekeep`; 0 is success."""

from typing import Final

REFUSED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130
"""128 + SIGINT, as shells report it."""
