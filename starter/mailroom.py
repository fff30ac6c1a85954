"""Alias of `python -m mailroom` for one release."""

import runpy
import sys

print("python -m starter.mailroom is now python -m mailroom", file=sys.stderr)  # noqa: T201
runpy.run_module("mailroom", run_name="__main__", alter_sys=True)
