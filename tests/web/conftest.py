"""Marker for those tests of the pages that need a browser."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of every module that starts Chromium."""
    for item in items:
        module = item.getparent(pytest.Module)
        if module is not None and hasattr(module.obj, "chromium"):
            item.add_marker(pytest.mark.browser)
