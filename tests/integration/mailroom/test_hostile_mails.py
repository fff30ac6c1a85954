"""What hostile mails take on the whole way in: two seconds of CPU and 200 MB at most (M7)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hostile_mail_process import MAILS, MAX_MEGABYTES, MAX_SECONDS


# M3, M7: and none is refused, lost, or taken for more than one
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
    told = json.loads(ran.stdout)
    assert set(told) == set(MAILS)
    took_more = {
        name: one
        for name, one in told.items()
        if one.get("ends") not in (["accepted"], ["dead"])
        or one["seconds"] >= MAX_SECONDS
        or one["megabytes"] >= MAX_MEGABYTES
    }
    assert took_more == {}, ran.stderr
