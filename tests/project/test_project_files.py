"""Pins, the compose file and the entry points that the README promises."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKS = {
    "requirements.txt": ("project",),
    "requirements-dev.txt": ("project", "dev"),
}


def pins(lock: str) -> dict[str, str]:
    """Map each pinned name to the rest of its entry: version, marker and hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return dict(re.split(r"(?===)", line, maxsplit=1) for line in lines)


def requirements_for(lock: str) -> list[Requirement]:
    """Return the requirements that pyproject.toml declares for this lock file."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {"project": pyproject["project"]["dependencies"], **pyproject["dependency-groups"]}
    return [Requirement(line) for group in LOCKS[lock] for line in declared[group]]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_and_hashed(lock: str) -> None:
    for name, rest in pins(lock).items():
        assert re.match(r"==[\w.]+ .*--hash=sha256:[0-9a-f]{64}", rest), name


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    versions = {
        re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower(): rest.split()[0].removeprefix("==")
        for name, rest in pins(lock).items()
    }
    for requirement in requirements_for(lock):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert requirement.specifier.contains(versions[name]), f"{requirement}: run `make lock`"


def test_the_two_locks_agree() -> None:
    dev = pins("requirements-dev.txt")
    assert {name: dev[name] for name in pins("requirements.txt")} == pins("requirements.txt")


@pytest.mark.parametrize("file", [*LOCKS, "pyproject.toml", "Makefile", ".ci/run"])
def test_no_file_names_a_registry(file: str) -> None:
    assert not re.search(r"--(extra-)?index-url|--find-links|https?://", (ROOT / file).read_text())


def test_the_compose_file_is_valid() -> None:
    subprocess.run(
        [Path(sys.executable).with_name("docker-compose"), "config", "--quiet"],
        cwd=ROOT,
        check=True,
    )


def test_the_compose_file_names_every_part() -> None:
    assert {"postgresql", "temporal", "temporal-ui", "worker"} <= set(compose()["services"])


def test_the_server_reads_our_limits() -> None:
    server = compose()["services"]["temporal"]
    source, target, _ = server["volumes"][0].split(":")
    read = Path(server["environment"]["DYNAMIC_CONFIG_FILE_PATH"]).relative_to(target)
    limits = yaml.safe_load((ROOT / source / read).read_text())
    assert {key: entry["value"] for key, (entry,) in limits.items()} == {
        "limit.blobSize.error": 262144,
        "limit.blobSize.warn": 131072,
        "history.maxInFlightUpdatePayloads": 250000,
        "history.workflowTaskRetryMaxInterval": "10s",
    }


def test_the_server_is_the_one_the_embedded_desk_runs() -> None:
    temporal = Path(sys.executable).with_name("temporal")
    output = subprocess.run(
        [temporal, "--version"], check=True, capture_output=True, text=True
    ).stdout
    server, ui = re.findall(r"(?:Server|UI) ([\d.]+)", output)
    images = {name: service.get("image") for name, service in compose()["services"].items()}
    assert images["temporal"] == f"temporalio/server:{server}"
    assert images["temporal-schema"] == f"temporalio/admin-tools:{server}"
    assert images["temporal-ui"] == f"temporalio/ui:{ui}"


def test_make_help_tells_every_target() -> None:
    output = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    entries = {line.split()[1] for line in output.splitlines()}
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert entries == set(phony[1].split())
    assert {"setup", "demo", "up", "test", "check", "bench"} <= entries
