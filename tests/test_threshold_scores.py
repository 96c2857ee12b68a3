"""Scores at a threshold, against pruning the network there and running it."""

from __future__ import annotations

import numpy as np
import pytest

from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.read import neuron_table
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.trainer.loop import train
from tests.conftest import tiny_config


@pytest.mark.parametrize("quantile", [0.0, 0.3, 0.8])
def test_scores_at_a_threshold_are_those_of_the_pruned_network(tiny_run, quantile):
    table = neuron_table(tiny_run)
    threshold = float(np.quantile(table.ipr, quantile))
    found = scores_at(pruning_curve(tiny_run, draws=3), table, threshold)
    keep = table.ipr >= threshold
    assert (found.kept, found.pruned, found.size) == (keep.sum(), (~keep).sum(), (~keep).sum())
    before = scores(tiny_run.network(), tiny_run.dataset)
    after = scores(prune(tiny_run.network(), keep), tiny_run.dataset)
    for split in SPLITS:
        assert found.before[split] == pytest.approx(before[split].accuracy, abs=1e-12)
        assert found.after[split] == pytest.approx(after[split].accuracy, abs=1e-12)
        assert found.low[split] - 1e-12 <= found.mean[split] <= found.high[split] + 1e-12


def test_a_threshold_above_all_prunes_every_neuron(tiny_run):
    found = scores_at(pruning_curve(tiny_run, draws=0), neuron_table(tiny_run), 1.1)
    assert (found.kept, found.pruned) == (0, 16)
    assert set(found.after.values()) == {0.0}
    assert found.mean is None


def test_a_curve_on_a_grid_says_which_size_was_scored():
    run = train(tiny_config(model={"width": 120, "depth": 3}, steps=3))
    table = neuron_table(run)
    threshold = float(np.sort(table.ipr)[33])  # 33 lie below it
    found = scores_at(pruning_curve(run, draws=0), table, threshold)
    grid = np.unique(np.linspace(0, 120, 51).round())
    assert found.pruned == 33
    assert found.size == grid[np.abs(grid - 33).argmin()]


def test_curves_and_table_belong_together(tiny_run):
    other = train(tiny_config(model={"width": 12}, steps=2))
    with pytest.raises(ValueError, match="curves: expected those of the table's 16 neurons, got"):
        scores_at(pruning_curve(other, draws=0), neuron_table(tiny_run), 0.5)
