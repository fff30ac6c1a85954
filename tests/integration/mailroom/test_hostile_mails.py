"""Limits for hostile mails on the whole way in: at most two seconds of CPU and 200 MB (M7)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile_mail_process import MAILS, MAX_MEGABYTES, MAX_SECONDS


# M3, M7: no mail is refused, lost, or taken for several
@pytest.mark.timeout(240)
@pytest.mark.soak
def test_hostile_mails_take_neither_long_nor_much(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.hostile_mail_process", tmp_path],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    measured = json.loads(ran.stdout)
    assert set(measured) == set(MAILS)
    took_more = {
        name: one
        for name, one in measured.items()
        if one.get("ends") not in (["accepted"], ["dead"])
        or one["seconds"] >= MAX_SECONDS
        or one["megabytes"] >= MAX_MEGABYTES
    }
    assert took_more == {}, ran.stderr
