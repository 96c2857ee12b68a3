"""Words and table cells that the shell, the report, the explorer and the figures share."""

from __future__ import annotations

import pytest

from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.phase import phase, phase_or_none
from interp.training.config import RunConfig
from interp.training.config.plain_data import flattened
from interp.training.data.splits import SPLITS
from interp.training.trainer.loop import train
from interp.words.options import OPTIONS, alone_name, axis_name, short_name
from interp.words.sentences import (
    BEFORE_AFTER,
    before_after_cells,
    before_after_rows,
    events,
    threshold_rows,
)
from tests.conftest import tiny_config


def test_every_option_with_a_name_is_an_option():
    assert set(OPTIONS) <= set(flattened(RunConfig().to_dict()))


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("data.fraction", ("α", "data fraction α", "α, share of all pairs that is trained on")),
        ("data.corruption", ("ξ", "corruption ξ", "ξ")),
        ("optimizer.weight_decay", ("wd", "optimizer.weight_decay", "weight decay")),
        ("model.width", ("N", "model.width", "N, neurons")),
        ("seed", ("seed", "seed", "seed")),
    ],
)
def test_names_of_an_option(path, names):
    assert (short_name(path), axis_name(path), alone_name(path)) == names


def test_cells_before_and_after():
    assert before_after_cells(0.5, 0.25, (0.125, 0.25, 1.0)) == [
        "0.500",
        "0.250",
        "0.250",
        "0.125 – 1.000",
    ]
    assert before_after_cells(None, None, (None, None, None)) == ["–"] * 4


def test_the_shell_and_the_explorer_show_the_same_accuracies(tiny_run):
    """Two ways to prune at a threshold: one by one, and read off the curve over all numbers."""
    table = neuron_table(tiny_run)
    threshold = float(sorted(table.ipr)[len(table) // 2])
    header, *rows = before_after_rows(prune_by_class(tiny_run, table, classify(table, threshold)))
    assert tuple(header[: len(BEFORE_AFTER)]) == BEFORE_AFTER
    curves = pruning_curve(tiny_run, table=table, losses=False)
    found = threshold_rows(scores_at(curves, table, threshold))
    assert list(found) == [row[0] for row in rows] == list(SPLITS)
    for row in rows:
        assert row[1:3] == found[row[0]][:2]


def test_a_run_without_test_examples_has_no_phase(tiny_run):
    assert phase_or_none(tiny_run) == phase(tiny_run)
    assert phase_or_none(train(tiny_config(data={"fraction": 1.0}, steps=5))) is None


def test_the_level_of_grokking_is_told():
    assert events(None, None) == "Test accuracy crossed 0.90 between no two evaluations."
