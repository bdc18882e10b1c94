"""`glassgpt export`: what it writes to, and what it leaves alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from support import Command

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


@pytest.fixture
def run(glassgpt: Command) -> Command:
    glassgpt("train", "ten", "--steps", "2", "--samples", "0", "-o", "run")
    return glassgpt


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("run/config.json", "-o run/config.json"),
        ("model.json", ""),
        ("trace.json", "--trace 0"),
        ("mine", "--to safetensors -o mine"),
    ],
)
def test_what_exists_is_not_overwritten_without_force(
    run: Command, target: str, arguments: str
) -> None:
    path = Path(target)
    if not path.exists():
        path.write_text("precious")
    before = path.read_bytes()
    status, _, err = run("export", "run", *arguments.split())
    assert status == 1
    assert err == (
        f"glassgpt: {target} exists already; choose another name, or overwrite it with --force\n"
    )
    assert path.read_bytes() == before
    assert run("export", "run", *arguments.split(), "--force")[0] == 0
    assert path.read_bytes() != before


@posix
def test_a_link_stays_and_what_it_leads_to_is_written(run: Command) -> None:
    Path("link").symlink_to("file")
    assert run("export", "run", "-o", "link")[0] == 0
    assert Path("link").is_symlink()
    assert json.loads(Path("file").read_text())["step"] == 2


@posix
def test_standard_output_by_its_path(run: Command) -> None:
    """Behind a pipe, behind > and behind >>, which must keep what is there."""
    if not Path("/dev/fd").exists():
        pytest.skip("there is no /dev/fd here")
    command = f"{sys.executable} -m glassgpt export run -o /dev/fd/1"
    for shell in (f"{command} | cat > out", f"{command} > out", f"{command} >> out"):
        Path("out").write_text("kept\n")
        done = subprocess.run(shell, shell=True, capture_output=True, text=True)
        assert done.stderr.startswith("wrote /dev/fd/1")
        *first, last = Path("out").read_text().splitlines()
        assert json.loads(last)["step"] == 2
        assert first == (["kept"] if ">>" in shell else [])
