"""Tests of the shell command, its demo, the catalog commands and the contract command."""
