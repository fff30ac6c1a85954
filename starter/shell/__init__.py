"""The shell command `casekeep`."""
