"""Alias of `python -m web` for one release."""

import runpy
import sys

print("python -m starter.web is now python -m web", file=sys.stderr)  # noqa: T201
runpy.run_module("web", run_name="__main__", alter_sys=True)
