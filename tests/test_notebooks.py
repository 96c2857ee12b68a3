"""The notebooks: each runs, and the one with outputs is the text that it was made from."""

from __future__ import annotations

import os
import subprocess
import sys

import nbformat
import pytest

from tests.notebooks import FOLDER, NAMES, ROOT, TOYS, notebook, tagged


def test_there_are_six_of_them():
    assert list(TOYS) == NAMES
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_at_toy_size(name):
    """In a kernel of its own, in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-m", "tests.notebooks", "--toy", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=280,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-2000:]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_shown_with_outputs_is_the_text(name):
    """``make notebooks`` has been run since the text was changed, and nothing failed in it."""
    made = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(made)
    text = notebook(name)
    assert [cell.source for cell in made.cells] == [cell.source for cell in text.cells]
    outputs = [out for cell in made.cells for out in cell.get("outputs", ())]
    assert any("image/png" in out.get("data", {}) for out in outputs)
    assert not [out for out in outputs if out.output_type == "error"]
    assert all(cell.execution_count for cell in made.cells if cell.cell_type == "code")


@pytest.mark.parametrize("name", NAMES)
def test_one_cell_installs_and_one_has_the_parameters(name):
    read = notebook(name)
    (install,) = tagged(read, "install")
    assert read.cells.index(install) == 1
    assert "pip" in install.source
    assert len(tagged(read, "parameters")) == 1
