"""Who finds the wrong labels: metrics by brute force, scores by hand, outcomes of known cells."""

from __future__ import annotations

import itertools
import re
import warnings
from types import SimpleNamespace

import jaxtyping
import numpy as np
import pytest
import torch

from interp.analysis.ablation.prune import prune
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.case import Case
from interp.analysis.memorization.detectors import (
    DETECTORS,
    _learned,
    _margin_over_training,
    detector,
    early_step,
    over_time,
)
from interp.analysis.memorization.own_gradient import own_gradients
from interp.analysis.memorization.suspicion import auroc, average_precision, found, precision_at
from interp.analysis.neurons.classify import two_class_cut
from interp.analysis.neurons.read import neuron_table
from interp.figures.detection import detection as drawn
from interp.training.trainer.loop import train
from tests.conftest import tiny_config


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


# --- metrics ------------------------------------------------------------------------------------


@pytest.fixture(params=range(4))
def ranked(request):
    """Scores with many ties, and labels of both kinds."""
    random = np.random.default_rng(request.param)
    wrong = np.zeros(12, bool)
    wrong[random.choice(12, 4, replace=False)] = True
    return random.integers(4, size=12).astype(float), wrong


def test_auroc_by_pairs(ranked):
    suspicion, wrong = ranked
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, b in itertools.product(suspicion[wrong], suspicion[~wrong])
    ]
    assert auroc(suspicion, wrong) == pytest.approx(np.mean(wins))


def test_precision_at_k_by_every_order_of_ties():
    suspicion = np.array([3.0, 2, 2, 2, 1])
    wrong = np.array([True, True, False, False, True])
    order = [(0, *rest, 4) for rest in itertools.permutations((1, 2, 3))]
    by_hand = np.mean([wrong[list(one[:3])].mean() for one in order])
    assert precision_at(suspicion, wrong) == pytest.approx(by_hand)
    assert precision_at(np.arange(4.0), np.array([False, False, True, True])) == 1


def test_average_precision_by_thresholds(ranked):
    suspicion, wrong = ranked
    expected, before = 0.0, 0.0
    for threshold in sorted(set(suspicion), reverse=True):
        taken = suspicion >= threshold
        recall = wrong[taken].sum() / wrong.sum()
        expected += (recall - before) * wrong[taken].mean()
        before = recall
    assert average_precision(suspicion, wrong) == pytest.approx(expected)


def test_perfect_and_reversed_scores():
    wrong = np.array([False, True, True, False, False])
    perfect = found(wrong.astype(float), wrong)
    assert (perfect.auroc, perfect.precision, perfect.average_precision) == (1, 1, 1)
    worst = found(-wrong.astype(float), wrong)
    assert (worst.auroc, worst.precision) == (0, 0)


# --- scores by hand -----------------------------------------------------------------------------


def stub(margins: list[list[float]], steps: list[int]) -> SimpleNamespace:
    return SimpleNamespace(margins=np.array(margins), run=SimpleNamespace(steps=steps))


def test_learned_is_right_until_the_end(monkeypatch):
    """By example: always, from the second on, right once and lost again, never."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    margins = [[1.0, -1, -1, -1], [1, 1, 1, 0], [1, 2, -1, -1], [2, 1, 1, -1]]
    assert _learned(stub(margins, [0, 1, 2, 3])).tolist() == [0, 1, 3, 4]


def test_the_average_over_training_weighs_by_steps(monkeypatch):
    """By the trapezoid: steps 0, 2, 10 stand for 1, 5 and 4 of ten."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    assert over_time([0, 2, 10]).tolist() == [1, 5, 4]
    assert over_time([7]).tolist() == [1]
    found = _margin_over_training(stub([[1.0, 2], [3, 4], [5, 6]], [0, 2, 10]))
    np.testing.assert_allclose(found, [-3.6, -4.6])


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("activation", ["square", "gelu"])
def test_own_gradients_by_autograd(loss, activation):
    run = train(tiny_config(loss=loss, model={"width": 6, "activation": activation}, steps=3))
    case, network = Case(run), run.checkpoint().network
    by_formula = own_gradients(case, network)
    for place in (0, 5, 17):
        network.zero_grad()
        logits = network(case.pairs[place : place + 1])
        label = torch.as_tensor(case.given[place : place + 1])
        if loss == "mse":
            value = ((logits - torch.nn.functional.one_hot(label, 11)) ** 2).mean()
        else:
            value = torch.nn.functional.cross_entropy(logits, label)
        gradients = torch.autograd.grad(value, list(network.parameters()))
        expected = sum(float(one.square().sum()) for one in gradients)
        assert by_formula[place] == pytest.approx(expected, rel=1e-4)


def test_pruned_scores_are_those_of_the_pruned_network(tiny_run):
    case = Case(tiny_run)
    table = neuron_table(tiny_run)
    high = table.ipr >= two_class_cut(table.ipr)
    data = tiny_run.dataset
    logits = prune(tiny_run, high)(torch.as_tensor(data.pairs[data.is_train])).detach().numpy()
    given = data.given_label[data.is_train]
    others = logits.copy()
    others[np.arange(len(given)), given] = -np.inf
    margin = logits[np.arange(len(given)), given] - others.max(axis=1)
    np.testing.assert_allclose(DETECTORS["pruned_margin"].score(case), -margin, rtol=1e-5)
    disagrees = DETECTORS["pruned_disagrees"].score(case)
    np.testing.assert_array_equal(disagrees, logits.argmax(axis=1) != given)
    low = prune(tiny_run, ~high)(torch.as_tensor(data.pairs[data.is_train])).detach().numpy()
    held = (low - logits)[np.arange(len(given)), given]
    np.testing.assert_allclose(DETECTORS["low_less_high"].score(case), held, atol=1e-6)
    np.testing.assert_array_equal(case.wrong, given != data.true_label[data.is_train])


def test_losses_and_early_step(tiny_run):
    case = Case(tiny_run)
    data = tiny_run.dataset
    assert early_step(case) == min(tiny_run.steps[:-1], key=lambda step: abs(step - 10))
    final = DETECTORS["final_loss"].score(case)
    expected = tiny_run.checkpoint().scores["train"].loss
    assert final.mean() == pytest.approx(expected, rel=1e-5)
    assert len(final) == data.is_train.sum()


# --- outcomes of known cells ---------------------------------------------------------------------


def cell(alpha: float, xi: float, decay: float):
    """Setting S of the prototypes: p 47, N 200, 500 steps, a checkpoint every ten."""
    config = tiny_config(
        task={"p": 47},
        data={"fraction": alpha, "corruption": xi},
        model={"width": 200},
        optimizer={"lr": 0.01, "weight_decay": decay, "betas": [0.9, 0.98]},
        steps=500,
        schedule={"checkpoints": 0, "checkpoint_steps": list(range(0, 500, 10))},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MEASURES["detection"](train(config)).values()


def test_where_the_network_generalizes_most_scores_find_them():
    values = cell(0.65, 0.2, 0)
    for name in ("final_loss", "margin_over_training", "own_gradient", "pruned_margin"):
        assert values[f"{name}.auroc"] >= 0.96
    assert values["pruned_disagrees.precision"] >= 0.95
    assert values["early_loss.auroc"] == pytest.approx(0.35, abs=0.07)  # fitted first
    assert values["random_margin.auroc"] == pytest.approx(0.73, abs=0.1)
    assert values["low_margin.auroc"] == pytest.approx(0.08, abs=0.07)
    assert values["filtered_margin.auroc"] >= 0.97
    assert values["chance"] == pytest.approx(0.2 * 46 / 47, abs=0.01)


def test_where_it_memorized_nothing_that_reads_behaviour_works():
    values = cell(0.3, 0.2, 0)
    behaviour = ("final_loss", "margin_over_training", "own_gradient", "pruned_margin")
    for name in (*behaviour, "pruned_disagrees", "random_margin"):
        assert values[f"{name}.auroc"] == pytest.approx(0.48, abs=0.07)
    assert values["filtered_margin.auroc"] >= 0.97
    assert values["vote_margin.auroc"] >= 0.97  # and no network is needed for that


# --- the measure --------------------------------------------------------------------------------


def test_the_table_and_its_note(tiny_run):
    result = MEASURES["detection"](tiny_run)
    frame = result.to_pandas()
    retrained = set(result.problems)  # none was asked for
    assert list(frame.index) == [*(name for name in DETECTORS if name not in retrained), "chance"]
    assert set(frame.index[frame["control"]]) == {
        *("random_margin", "low_margin", "vote_margin", "chance")
    }
    data = tiny_run.dataset
    wrong = (data.given_label != data.true_label).sum()
    assert result.values()["wrong"] == wrong
    assert f"{wrong} of {data.is_train.sum()} training labels wrong" in result.caption
    assert "told the group" in result.note
    assert all("interp retrain" in one for one in result.to_dict()["problems"].values())
    assert "final_loss" in frame.index and "pruned_margin" in frame.index


def test_scores_that_are_not_there_say_why():
    heads = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 0}
    one = train(tiny_config(model=heads, schedule={"checkpoints": 0, "evaluations": 2}))
    problems = MEASURES["detection"](one).problems
    assert problems["pruned_margin"] == "an attention-only network has no neurons; see its heads"
    own = "expected φ between two matrices, whose gradient has a closed form"
    assert problems["own_gradient"] == own
    for name in ("early_loss", "margin_over_training", "learned"):
        if len(one.steps) < 2:
            assert problems[name] == "expected a run with several checkpoints, found one"
    assert "final_loss" not in problems


def test_nothing_to_find():
    clean = train(tiny_config(data={"fraction": 0.6, "corruption": 0}, steps=1))
    with refused("measure detection: expected training examples with a wrong label, found none"):
        MEASURES["detection"](clean)
    wrong = {"fraction": 0.6, "corruption": 1.0, "kind": "wrong"}
    with refused("measure detection: expected training examples with a right label, found none"):
        MEASURES["detection"](train(tiny_config(data=wrong, steps=1)))


def test_a_score_of_ones_own(tiny_run):
    @detector("truth", "the truth itself")
    def truth(case):
        return case.wrong.astype(float)

    try:
        result = MEASURES["detection"](tiny_run)
        assert result.values()["truth.auroc"] == 1
        assert result.to_pandas().loc["truth", "what"] == "the truth itself"
    finally:
        DETECTORS.remove("truth")


def test_neurons_without_a_cut():
    run = train(tiny_config(model={"width": 1}, steps=1))
    problems = MEASURES["detection"](run).problems
    assert problems["pruned_margin"] == "expected two different IPRs, between which to cut"


# --- the figure ---------------------------------------------------------------------------------


def test_the_figure_has_a_mark_a_score_and_hollow_ones_for_controls(tiny_run):
    result = MEASURES["detection"](tiny_run)
    figure = result.plot()
    filled = {t.name: t for t in figure.data if t.showlegend}
    assert set(filled) == {"AUROC", "precision at k"}
    for name, column in (("AUROC", "auroc"), ("precision at k", "precision")):
        trace = filled[name]
        (hollow,) = [t for t in figure.data if t.name == name and not t.showlegend]
        for one, is_control in ((trace, False), (hollow, True)):
            assert one.marker.symbol.endswith("-open") == is_control
            for score, value in zip(one.customdata, one.x, strict=True):
                row = result.to_pandas().loc[score]
                assert row["control"] == is_control
                assert value == pytest.approx(row[column])
    shown = [score for t in figure.data for score in t.customdata]
    assert sorted(set(shown)) == sorted(result.to_pandas().index)


def test_several_seeds_are_means_with_bars(tiny_run):
    one = MEASURES["detection"](tiny_run)
    two = MEASURES["detection"](train(tiny_config(seed=1)))
    figure = drawn([one, two])
    trace = figure.data[0]
    for score, mean, up, down in zip(
        trace.customdata, trace.x, trace.error_x.array, trace.error_x.arrayminus, strict=True
    ):
        values = [each.to_pandas().loc[score, "auroc"] for each in (one, two)]
        assert mean == pytest.approx(np.mean(values))
        assert mean + up == pytest.approx(max(values))
        assert mean - down == pytest.approx(min(values))
    told = figure.layout.title.subtitle.text.replace("<br>", " ")
    assert "seed 0 / seed 1" in told and "step 30" in told and "means; bars" in told
    with pytest.raises(TypeError, match=re.escape("expected scores of suspicion, such as interp")):
        drawn([one, 3])
