"""The crash campaign in short; `make torture` is the long one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it forks")


@pytest.mark.parametrize("seed", [1])
def test_killed_runs_end_as_if_never_stopped(seed: int) -> None:
    tool = [sys.executable, ROOT / "tools" / "torture.py", "--engines", "numpy"]
    done = subprocess.run(
        [*tool, "--kills", "3", "--seed", str(seed)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "3 kills" in done.stdout
    assert "identical" in done.stdout
