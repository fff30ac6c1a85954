"""Pages have the icons they draw, no inline style or script, and unchanged vendored files."""

import hashlib
import json
import re

from domain.base.values import WaitType
from web.app import STATIC
from web.pages.page_templates import TEMPLATES


def test_vendored_files_are_those_that_were_taken() -> None:
    vendor = STATIC / "vendor"
    vendored = json.loads((vendor / "vendored.json").read_text())
    usage = {
        str(path.relative_to(vendor)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "vendored.json"
    }
    assert usage == vendored


def test_no_page_holds_what_its_security_policy_forbids() -> None:
    forbidden = re.compile(
        r"""\sstyle=|\son[a-z]+=|hx-on|<style|<script>|https?://(?!www\.w3\.org)"""
    )
    breaches = {
        f"{path.name}: {usage.group().strip()}"
        for path in TEMPLATES.rglob("*.html")
        for usage in forbidden.finditer(path.read_text(encoding="utf-8"))
    }
    assert breaches == set()


def test_every_icon_that_a_page_draws_is_there() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    used = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r"""(?:icon|sign)\("([a-z_-]+)"[,)]""", path.read_text("utf-8"))
    }
    assert used - drawn == set()
    assert {f"wait-{each}" for each in WaitType} - drawn == set()
