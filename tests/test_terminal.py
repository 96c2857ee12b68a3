"""Standard output as it is: of a small alphabet, narrow, cut off, full; a folder that has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.table import Table

from interp.cli.terminal import show

COMMAND = [sys.executable, "-c", "from interp.cli.app import main; main()"]


def run(
    *words: str | Path, stdout=subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        check=False,
        timeout=120,
    )


def test_an_alphabet_without_greek_or_lines_will_do(tiny_folder):
    done = run("prune", tiny_folder, "--draws", "2", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "corrupted" in done.stdout.decode("ascii")
    assert b"codec" not in done.stderr


def test_no_cell_is_cut_where_the_terminal_is_narrow(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    table = Table("accuracy", "random control", title="of a title that is a good deal longer")
    table.add_row("corrupted", "0.305 – 0.525")
    show(table)
    words = capsys.readouterr().out
    for word in ("accuracy", "random control", "corrupted", "0.305 – 0.525"):
        assert word in words
    assert "…" not in words


def test_a_reader_that_goes_is_no_divergence():
    code = (
        "import os; r, w = os.pipe(); os.close(r); os.dup2(w, 1); "
        "from interp.cli.app import main; main(['measure'])"
    )
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (gone.returncode, gone.stderr) == (141, b"")


def test_a_full_device_is_told():
    with Path("/dev/full").open("w") as full:
        done = run("measure", stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"interp: standard output: no space left on the device\n"


def test_a_working_directory_that_has_gone_is_told(tmp_path):
    code = (
        f"import os; os.mkdir({str(tmp_path / 'gone')!r}); os.chdir({str(tmp_path / 'gone')!r}); "
        f"os.rmdir({str(tmp_path / 'gone')!r}); from interp.cli.app import main; main(['measure'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (b"interp: the working directory is no longer there; go to another one\n")


@pytest.mark.parametrize("path", ["x" * 300, "\udcff\udcfe"])
def test_strange_paths_are_one_line(path):
    done = run("export", path, "out.npz")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
