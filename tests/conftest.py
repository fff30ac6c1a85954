"""Hook that decides the order of all tests."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run slow tests first, one on each test worker: started last, they would run alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
