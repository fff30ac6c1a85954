"""The command line `casekeep`."""
