"""How often files are read and networks made: once each, however much is asked of them."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import IO, Any

import pytest
from transformer_lens import HookedRootModule

from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.measures import MEASURES
from interp.analysis.trajectory.history import history
from interp.explorer.catalog import Catalog
from interp.explorer.readings import Readings
from interp.explorer.run import callbacks
from interp.explorer.run.measures import measured
from interp.reporting.report import report
from interp.training import untrusted
from interp.training.runs.run import Run, load
from interp.training.trainer.loop import train
from tests.callbacks import Page
from tests.conftest import tiny_config

CHECKPOINTS = 9
NETWORKS = {
    "MLP": {"width": 16},
    "deep": {"width": 16, "depth": 3},
    "Transformer": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12},
}

# What checks types looks into the mapping of a run's weights, and so reads a file.
pytestmark = pytest.mark.usefixtures("unchecked")


class Counts:
    """Files that are read, by their ending, and networks that are made, since the last look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[Path] = []
        self.networks = 0
        opened, make = untrusted.open_regular, HookedRootModule.__init__

        def open_regular(path: Path) -> IO[bytes]:  # of every file that is read whole
            self.files.append(path)
            return opened(path)

        def init(network: Any, *arguments: Any, **options: Any) -> None:
            self.networks += 1
            make(network, *arguments, **options)

        monkeypatch.setattr(untrusted, "open_regular", open_regular)
        monkeypatch.setattr(HookedRootModule, "__init__", init)

    @property
    def tensors(self) -> list[Path]:
        """Tensor files that were read."""
        return [path for path in self.files if path.suffix == ".safetensors"]

    def since(self) -> tuple[int, int]:
        """Tensor files and networks, counted from here on again."""
        found = len(self.tensors), self.networks
        self.files.clear()
        self.networks = 0
        return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run folders with nine checkpoints, by kind of network."""
    folder = tmp_path_factory.mktemp("counted")
    for name, model in NETWORKS.items():
        schedule = {"evaluations": 10, "checkpoints": CHECKPOINTS - 1}
        run = train(tiny_config(model=model, schedule=schedule, steps=300), folder / name)
        assert len(run.steps) == CHECKPOINTS
    return {name: folder / name for name in NETWORKS}


@pytest.fixture()
def counts(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Counts:
    return Counts(monkeypatch)


def test_both_are_counted(runs, counts):
    run = load(runs["MLP"])
    assert counts.since() == (1, 0), "the dataset"
    run.checkpoint()
    assert counts.since() == (1, 0), "weights, of which a network is made when it is asked for"
    for _ in range(2):
        run.network(0)
    assert counts.since() == (2, 2)


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_report_reads_every_checkpoint_once(runs, counts, tmp_path, name):
    report(runs[name], tmp_path / "report.html", draws=2, mechanism=False, pairs=False)
    once = dict.fromkeys((runs[name] / "checkpoints").glob("*/model.safetensors"), 1)
    assert Counter(counts.tensors) == {**once, runs[name] / "dataset.safetensors": 1}
    files, networks = counts.since()
    assert files == CHECKPOINTS + 1 and networks <= CHECKPOINTS
    # Sections on mechanism and pairs make networks anew, of weights that are read once.
    report(runs[name], tmp_path / "mechanism.html", draws=2)
    assert Counter(counts.tensors) == {**once, runs[name] / "dataset.safetensors": 1}


@pytest.mark.parametrize("name", NETWORKS)
def test_pruning_curves_open_a_run_once(runs, counts, name):
    pruning_curve(load(runs[name]), draws=2)
    assert counts.since() == (2, 1), "the dataset and the weights"
    pruning_curve(runs[name], draws=2)
    scored = [path for path in counts.files if path.name == "metrics.jsonl"]
    assert len(scored) == 1, "the folder is loaded once"
    assert counts.since() == (2, 1)


MEASURED = ["needed", "pruning", "pruning_at_threshold", "neurons", "embeddings", "scores"]


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
@pytest.mark.parametrize("name", MEASURED)
def test_a_measure_opens_a_run_once(runs, counts, name):
    MEASURES[name](runs["MLP"])
    of_weights = name in ("neurons", "embeddings")
    assert counts.since() == (2, 0 if of_weights else 1)


@pytest.mark.parametrize(
    ("of", "networks"),
    [(history, 0), (lambda run, name: MEASURES["pruning_history"](run), CHECKPOINTS + 1)],
)
def test_histories_read_every_checkpoint_once(runs, counts, of, networks):
    """None for what is in the weights; one more, without them, where a run is asked for neurons."""
    of(runs["MLP"], "neurons")
    assert len(set(counts.tensors)) == len(counts.tensors) == CHECKPOINTS + 1
    assert counts.since()[1] == networks


# --- the explorer ------------------------------------------------------------------------------


@pytest.fixture()
def opened(runs: dict[str, Path], tmp_path: Path, counts: Counts) -> tuple[Readings, Run]:
    """A folder with one run, opened as the explorer does."""
    shutil.copytree(runs["MLP"], tmp_path / "runs" / "one")
    readings = Readings(Catalog(tmp_path / "runs"))
    return readings, readings.open("one").run


def test_the_explorer_opens_a_checkpoint_once(opened, counts):
    readings, run = opened
    reading = readings.open("one")
    for step in run.steps:
        assert reading.checkpoint(step) is reading.checkpoint(step)
        assert reading.table(step) is reading.table(step)
        assert readings.open("one").checkpoint(step) is reading.checkpoint(step)
    assert len(set(counts.tensors)) == len(counts.tensors)
    assert counts.since() == (CHECKPOINTS + 1, CHECKPOINTS)


def test_no_slider_makes_a_network_again(opened, counts):
    """Every function that a slider calls, at every checkpoint, at several thresholds."""
    readings, run = opened
    page = Page()
    callbacks.add_run_callbacks(page, lambda: readings)
    assert {"numbers", "histogram", "position", "spectra", "curves"} <= set(page.found)
    own, steps = {"run": "one"}, run.steps

    def move(place: int, threshold: float) -> None:
        about = (place, "live", steps, own)
        page.found["numbers"](threshold, *about)
        page.found["position"](threshold, place, "live", "", steps, own)
        page.found["histogram"](threshold, place, steps, own)
        page.found["spectra"](place, steps, own)
        page.found["curves"](3, place, steps, own)
        readings.open("one").threshold(steps[place])
        measured(readings.open("one"), "bands", steps[place])

    for place in range(CHECKPOINTS):
        move(place, 0.3)
    assert counts.networks == CHECKPOINTS
    assert len(counts.tensors) == CHECKPOINTS + 1
    counts.since()
    for place in reversed(range(CHECKPOINTS)):
        for threshold in (0.1, 0.4):
            move(place, threshold)
    assert counts.since() == (0, 0)
