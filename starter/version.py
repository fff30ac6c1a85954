"""The release of Casekeep that runs."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def casekeep_version() -> str:
    """Return the version of the installed package, or of the source tree that runs uninstalled."""
    try:
        return version("casekeep")
    except PackageNotFoundError:  # the container image runs the source
        pyproject = Path(__file__).parents[1] / "pyproject.toml"
        release: str = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"]
        return release
