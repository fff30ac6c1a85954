"""Fixtures that integration tests share."""

from tests.support.databases import *  # noqa: F403 - pytest finds fixtures by their names here
from tests.support.process_stack import *  # noqa: F403 - as above
