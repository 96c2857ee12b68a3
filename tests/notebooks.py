"""Runs the notebooks: as they are, with their outputs written, or at toy size.

``python -m tests.notebooks`` makes every ``.ipynb`` beside its ``.py`` anew, or those named;
``python -m tests.notebooks --toy NAME`` runs one with small networks and writes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
# What the cell of parameters says instead.
TOYS = {
    "1_memorize_and_generalize": "p, width, steps, seeds = 11, 24, 60, [0]",
    "2_which_neurons": "p, width, steps, draws = 13, 40, 100, 3",
    "3_your_own_network": "p, width, steps = 11, 24, 60",
    "4_neurons_or_frequencies": "p, width, steps, corruptions = 11, 24, 60, [0.2, 0.5]",
    "5_wrong_labels": "p, width, steps = 11, 24, 60",
    "6_groups": 'groups, width, steps = {"D5": 0.7, "A4": 0.8}, 24, 60',
}
# Pictures that every viewer shows; a notebook that is run by hand has plotly's own.
_KEPT = {"PLOTLY_RENDERER": "png", "PYTHONWARNINGS": "ignore:IProgress not found"}


def notebook(name: str, toy: bool = False) -> nbformat.NotebookNode:
    """A notebook without outputs, from its ``.py``; its parameters those of a toy if asked."""
    read = jupytext.read(FOLDER / f"{name}.py")
    if toy:
        (cell,) = tagged(read, "parameters")
        cell.source = TOYS[name]
    return read


def tagged(read: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    """The cells that bear a tag."""
    return [cell for cell in read.cells if tag in cell.metadata.get("tags", ())]


def run(read: nbformat.NotebookNode) -> None:
    """Runs all cells in a kernel of its own, outputs into the notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: if one fails.
    """
    client = NotebookClient(read, timeout=900, kernel_name="python3")
    client.execute(cwd=str(FOLDER))
    for cell in read.cells:
        cell.metadata.pop("execution", None)  # times, which would differ each time
        for output in cell.get("outputs", ()):
            if output.output_type == "stream":  # a warning says in which file
                output.text = output.text.replace(f"{ROOT}/", "")


def main() -> None:
    """Makes all notebooks, or tries one."""
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    if sys.argv[1:2] == ["--toy"]:
        os.environ.setdefault("PLOTLY_RENDERER", "json")
        run(notebook(sys.argv[2], toy=True))
        return
    os.environ.update(_KEPT)
    for name in sys.argv[1:] or NAMES:
        print(name, flush=True)
        read = notebook(name)
        run(read)
        nbformat.write(read, FOLDER / f"{name}.ipynb")


if __name__ == "__main__":
    main()
