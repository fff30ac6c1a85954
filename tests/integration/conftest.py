"""Fixtures that integration tests share."""

from tests.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.integration.stacks import *  # noqa: F403 - as above
