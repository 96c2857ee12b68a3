"""A cut by a number or a share of neurons, ties at it, and how far a threshold can be moved."""

from __future__ import annotations

import json
import re

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import interp
from interp.analysis.ablation.ranking import competing
from interp.analysis.neurons.classify import Classes, classify
from interp.analysis.neurons.cut import gap_around
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.cli.app import main
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.runs.run import load
from interp.training.tasks.task import make_task
from interp.words.cut import gap_words, pruned_words, rankings_words

P = 11
FLAT, BOTH, WAVE, DEAD = range(4)
ROWS = np.stack(
    [
        np.eye(P)[0],
        np.eye(P)[0] + np.cos(2 * np.pi * 3 * np.arange(P) / P),
        np.cos(2 * np.pi * 3 * np.arange(P) / P),
        np.zeros(P),
    ]
)


def table_of(*kinds: int) -> NeuronTable:
    """Neurons whose three curves are alike; those of a kind have the very same IPR."""
    return NeuronTable(make_task("x + y", P), np.stack([ROWS[list(kinds)]] * 3), "cyclic")


EIGHT = (WAVE, FLAT, BOTH, WAVE, FLAT, BOTH, FLAT, WAVE)


def below(classes: Classes) -> list[int]:
    return np.flatnonzero(~classes.generalizing).tolist()


@pytest.mark.parametrize(
    ("count", "pruned", "rule"),
    [
        (1, [1], "all but the neuron of lowest IPR; of 3 neurons tied at the cut the last 2 by"),
        (2, [1, 4], "all but the 2 neurons of lowest IPR; of 3 neurons tied at the cut the last 1"),
        (3, [1, 4, 6], "all but the 3 neurons of lowest IPR"),
        (4, [1, 2, 4, 6], "all but the 4 neurons of lowest IPR; of 2 neurons tied at the cut the"),
        (5, [1, 2, 4, 5, 6], "all but the 5 neurons of lowest IPR"),
        (7, [0, 1, 2, 3, 4, 5, 6], "all but the 7 neurons of lowest IPR; of 3 neurons tied at the"),
    ],
)
def test_a_number_of_neurons_lies_below(count, pruned, rule):
    table = table_of(*EIGHT)
    found = classify(table, count=count)
    assert below(found) == pruned
    assert found.rule.startswith(rule)
    assert ("tied" in found.rule) == (count not in (3, 5))
    assert (found.gap is None) == ("tied" in found.rule)
    assert table.ipr[pruned].max() <= found.threshold <= table.ipr[found.generalizing].min()
    if found.gap is not None:
        assert below(classify(table, found.threshold)) == pruned
    assert pruned_words(found) == ("lowest IPR" if found.gap is None else
                                   f"IPR < {found.threshold:.3f}")  # fmt: skip


@pytest.mark.parametrize(("share", "count"), [(0.25, 2), (0.3, 2), (0.35, 3), (0.375, 3), (0.9, 7)])
def test_a_share_is_a_number(share, count):
    by_share, by_count = (
        classify(table_of(*EIGHT), share=share),
        classify(table_of(*EIGHT), count=count),
    )
    assert below(by_share) == below(by_count)
    assert (by_share.rule, by_share.gap) == (by_count.rule, by_count.gap)


def test_the_dead_go_first():
    table = table_of(WAVE, DEAD, FLAT, DEAD, BOTH)
    found = classify(table, count=2)
    assert below(found) == [1, 3]
    assert found.memorizing.sum() == 0
    assert found.gap == (0, table.ipr[2])
    assert below(classify(table, found.threshold)) == [1, 3]
    assert below(classify(table, count=3)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("kinds", "given", "message"),
    [
        (EIGHT, {"count": 0}, "count: expected 1 to 7 of 8 neurons, got 0"),
        (EIGHT, {"count": 8}, "count: expected 1 to 7 of 8 neurons, got 8"),
        (EIGHT, {"count": 2.0}, "count: expected 1 to 7 of 8 neurons, got 2.0"),
        (EIGHT, {"count": True}, "count: expected 1 to 7 of 8 neurons, got True"),
        (EIGHT, {"share": 0}, "share: expected a number above 0 and below 1, got 0"),
        (EIGHT, {"share": 1.0}, "share: expected a number above 0 and below 1, got 1.0"),
        (EIGHT, {"share": "0.5"}, "share: expected a number above 0 and below 1, got '0.5'"),
        (EIGHT, {"share": 0.05}, "share: expected 1 to 7 of 8 neurons, got 0.05, which is 0"),
        (EIGHT, {"share": 0.99}, "share: expected 1 to 7 of 8 neurons, got 0.99, which is 8"),
        (
            (WAVE, DEAD, FLAT, DEAD),
            {"count": 1},
            "count: expected 2 to 3 of 4 neurons, 2 of which are dead and go first, got 1",
        ),
        (
            (DEAD, DEAD),
            {"count": 1},
            "count and share: expected two neurons, one of them alive, got 2 of which 2 are dead",
        ),
        (EIGHT, {"count": 3, "share": 0.5}, "of rule, count and share, got count 3 and share 0.5"),
        (EIGHT, {"rule": 0.3, "count": 3}, "expected one of rule, count and share, got rule 0.3"),
        (EIGHT, {"rule": "null", "share": 0.5}, "got rule 'null' and share 0.5"),
    ],
)
def test_what_cannot_lie_below(kinds, given, message, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as users meet it
    with pytest.raises(ValueError) as caught:
        classify(table_of(*kinds), **given)
    assert message in str(caught.value)


@pytest.mark.parametrize("rule", ["auto", "null", 0.3, 0.001, 0.999])
@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
def test_every_threshold_in_the_gap_cuts_there(rule):
    random = np.random.default_rng(5)
    rows = ROWS[[WAVE] * 20 + [FLAT] * 20] + 0.2 * random.normal(size=(3, 40, P))
    table = NeuronTable(make_task("x + y", P), rows, "cyclic")
    found = classify(table, rule)
    low, high = found.gap
    assert low < found.threshold <= high
    inside = [np.nextafter(low, 1), (low + high) / 2, *([high] if high < 1 else [])]
    for threshold in inside:
        assert below(classify(table, threshold)) == below(found)
    if low > 0:
        assert below(classify(table, low)) != below(found)
    if high < 1:
        assert below(classify(table, np.nextafter(high, 1))) != below(found)
    assert found.to_dict()["threshold_gap"] == {"above": low, "up_to": high}


def test_a_gap_with_one_side_empty():
    values = np.array([0.25, 0.5])
    assert gap_around(values, np.array([True, True])) == (0, 0.25)
    assert gap_around(values, np.array([False, False])) == (0.5, 1)
    assert gap_around(values, np.array([False, True])) == (0.25, 0.5)
    assert gap_around(values, np.array([True, False])) is None


def made(gap: tuple[float, float] | None) -> Classes:
    none = np.zeros(0, dtype=bool)
    return Classes(none, none, none, 0.5, "by hand", gap=gap)


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_is_said_of_a_gap_holds(one, other):
    """Read off the sentence, both ends give the same classes as the cut itself."""
    low, high = sorted((one, other))
    said = re.findall(r"\d\.\d+", gap_words(made((low, high))))
    if len(said) == 2:
        assert low < float(said[0]) <= float(said[1]) <= high
    else:
        assert said == ["0.00001"]
        assert high - low < 1e-5


def test_gaps_in_words():
    assert gap_words(made((0.3, 0.5))) == (
        "Any threshold from 0.301 to 0.500 gives the same classes: no IPR lies between."
    )
    assert "from 0.3302 to 0.3304" in gap_words(made((0.33011, 0.33049)))
    assert gap_words(made((0.3, 0.3000001))).startswith("The threshold lies between two IPRs that")
    assert gap_words(made(None)) == (
        "No threshold gives these classes, as equal IPRs lie on both sides."
    )


def test_rankings_in_words():
    words = rankings_words(["weight norm", "mine", "invariant norm"])
    assert words.startswith("As many neurons pruned, those of the lowest value first, by weight no")
    assert "; by mine; " in words
    assert "stays as it is when a neuron is rescaled" in words
    assert rankings_words([]) == ""


@pytest.mark.parametrize("flags", [["--count", "6"], ["--share", "0.375"]])
def test_the_command_prunes_a_number(tiny_run, tmp_path, capsys, flags):
    saved = tmp_path / "pruned"
    table = neuron_table(tiny_run)
    kept = np.argsort(table.ipr, kind="stable")[6:]
    words = ["prune", str(tiny_run.path), "--draws", "2", *flags]
    main([*words, "--save", str(saved), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["kept"], found["pruned"]) == (10, 6)
    assert found["rule"] == "all but the 6 neurons of lowest IPR"
    ordered = np.sort(table.ipr)
    assert found["threshold_gap"] == {"above": ordered[5], "up_to": ordered[6]}
    expected = scores(interp.prune(tiny_run, kept), tiny_run.dataset).to_dict()
    assert found["after"] == expected
    again = load(saved)
    assert neuron_table(again).dead.sum() == 6
    assert "10 of 16 neurons kept (all but the 6 neurons of lowest IPR, IPR ≥" in again.origin.words
    main(words)
    shown = " ".join(capsys.readouterr().out.split())
    assert "10 kept, 6 pruned (IPR < " in shown
    assert "(all but the 6 neurons of lowest IPR). Any threshold from " in shown
    assert rankings_words(competing()) in shown


def test_the_histogram_says_the_gap(tiny_run, capsys):
    ordered = np.sort(neuron_table(tiny_run).ipr)
    middle = str((ordered[7] + ordered[8]) / 2)
    main(["ipr", str(tiny_run.path), "--threshold", middle])
    assert gap_words(made((ordered[7], ordered[8]))) in capsys.readouterr().out
    main(["ipr", str(tiny_run.path), "--threshold", middle, "--json"])
    gap = json.loads(capsys.readouterr().out)["threshold_gap"]
    assert gap == {"above": ordered[7], "up_to": ordered[8]}


def test_a_pruned_number_is_scored_on_every_split(tiny_run):
    table = neuron_table(tiny_run)
    found = interp.prune_by_class(tiny_run, table, classify(table, count=4), draws=2)
    assert list(found.before.by_split) == list(SPLITS)
    assert found.pruned == 4
