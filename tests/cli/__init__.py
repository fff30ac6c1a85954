"""The shell command, its demo, the catalog and the contract."""
