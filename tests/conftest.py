"""The order of all tests."""

import pytest

LONGEST = "unit/test_state_machine.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, one for each test worker: at the end they would wait for one another."""
    items.sort(key=lambda item: LONGEST not in item.nodeid)
