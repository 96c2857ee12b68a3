"""Pre-memorization accuracy: by hand, by a second implementation, and where it does not predict."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.pre_memorization import TAUS, PreMemorization, scored
from interp.analysis.neurons.read import neuron_table
from interp.training.losses.own import loss
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

measured = MEASURES["pre_memorization"]


def refused(message: str):
    return pytest.raises(NotDefined, match=f"^measure pre_memorization: {re.escape(message)}$")


def test_the_score_by_example():
    """Right before and at the end; right only once memorized; right before, lost at the end;
    memorized, then let go and right; memorized from the start; never right."""
    right = np.array([[1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 1, 0], [1, 1, 0, 1, 1, 0]], dtype=bool)
    memorized = np.array([[0, 0, 0, 1, 1, 0], [0, 0, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1]], dtype=bool)
    assert scored(right, memorized).tolist() == [True, False, False, True, False, False]


def by_loops(run, tau: float, probability: bool) -> dict[str, float]:
    """min(running max over unmemorized j of acc, acc at j), at the last j; example by example."""
    data, scores = run.dataset, []
    softmax = torch.nn.functional.softmax
    networks = [run.checkpoint(step).network for step in run.steps]
    for place in np.flatnonzero(data.is_train):
        pair = torch.as_tensor(data.pairs[place : place + 1])
        true, given = int(data.true_label[place]), int(data.given_label[place])
        best, final = 0, 0
        for network in networks:
            logits = network(pair)[0].detach()
            value = softmax(logits, dim=0)[given] if probability else logits[given]
            right = int(int(logits.argmax()) == true)
            if float(value) < tau:
                best = max(best, right)
            final = min(best, right)
        scores.append(final)
    each, wrong = np.array(scores), data.is_wrong[data.is_train]
    return {"score": each.mean(), "clean": each[~wrong].mean(), "wrong": each[wrong].mean()}


SETTINGS = {"mse": {"steps": 200}, "cross_entropy": {"steps": 100}}


@pytest.fixture(scope="module", params=SETTINGS)
def run(request):
    schedule = {"checkpoints": 0, "checkpoint_steps": [0, 5, 10, 20, 40, 60, 80]}
    config = tiny_config(
        loss=request.param,
        schedule=schedule,
        data={"fraction": 0.7, "corruption": 0.2},
        model={"width": 40},
        optimizer={"lr": 0.01, "weight_decay": 1},
        **SETTINGS[request.param],
    )
    return train(config)


@pytest.mark.parametrize("tau", [0.05, 0.3, 0.35])
def test_the_score_by_a_second_implementation(run, tau):
    found = measured(run, tau=tau)
    expected = by_loops(run, tau, run.config.loss == "cross_entropy")
    values = found.values()
    assert values["score"] == pytest.approx(expected["score"], abs=1e-12)
    assert values["score_clean"] == pytest.approx(expected["clean"], abs=1e-12)
    assert values["score_wrong"] == pytest.approx(expected["wrong"], abs=1e-12)
    assert found.each.mean() == values["score"]


def test_values_and_controls(run):
    found = measured(run)
    values, newest = found.values(), run.checkpoint()
    assert values["test_accuracy"] == newest.scores["test"].accuracy
    assert values["train_accuracy"] == newest.scores["train"].accuracy
    assert values["mean_ipr"] == neuron_table(run).mean_ipr
    data = run.dataset
    logits = newest.network(torch.as_tensor(data.pairs[data.is_train])).detach().numpy()
    truth = (logits.argmax(axis=1) == data.true_label[data.is_train]).mean()
    assert values["answers_truth"] == truth >= values["score"]
    assert values["tau_0.3"] == values["score"]
    # The higher τ, the more checkpoints count as before memorization.
    by_tau = [values[f"tau_{tau:g}"] for tau in TAUS]
    assert by_tau == sorted(by_tau) and by_tau[0] < by_tau[-1]
    frame = found.to_pandas()
    assert list(frame.index[~frame["control"]]) == [f"tau_{tau:g}" for tau in TAUS]
    controls = ["test_accuracy", "train_accuracy", "answers_truth", "mean_ipr"]
    assert list(frame.index[frame["control"]]) == controls
    value = {"mse": "logit", "cross_entropy": "probability"}[run.config.loss]
    assert f"memorized: {value} of the given label ≥ 0.3" in found.caption
    assert f"{len(run.steps)} checkpoints" in found.caption
    assert "whatever was memorized when" in found.note


def test_a_threshold_of_ones_own_stands_in_the_table(run):
    found = measured(run, tau=0.42)
    index = list(found.to_pandas().index)
    assert index[:5] == ["tau_0.1", "tau_0.2", "tau_0.3", "tau_0.42", "tau_0.5"]
    assert found.values()["score"] == found.means[0.42]["all"]
    with pytest.raises(ValueError, match=r"^tau: expected a number between 0 and 1, got 1\.5$"):
        measured(run, tau=1.5)


def test_what_it_needs(run, for_a_while):
    alone = replace(run, weights={run.last_step: run.weights[run.last_step]})
    with refused("expected a run with at least two checkpoints, found one"):
        measured(alone)

    @loss("absolute")
    def absolute(logits, labels):
        target = torch.nn.functional.one_hot(labels, logits.shape[-1])
        return (logits - target).abs().sum(dim=1)

    other = train(tiny_config(loss="absolute", steps=2))
    message = "expected the loss mse or cross_entropy, by which a label is held, got absolute"
    with refused(message):
        measured(other)


def test_without_neurons_or_wrong_labels():
    heads = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 0}
    values = measured(train(tiny_config(model=heads))).values()
    assert values["mean_ipr"] is None and values["score"] is not None
    clean = measured(train(tiny_config(data={"fraction": 0.6, "corruption": 0})))
    assert clean.values()["score_wrong"] is None
    assert clean.values()["score_clean"] == clean.values()["score"]
    names = [trace.name for trace in clean.plot().data]
    assert "score, wrong labels" not in names and "score, right labels" in names


def test_the_figure(run):
    found = measured(run, tau=0.42)
    traces = {trace.name: trace for trace in found.plot().data}
    assert list(traces["score, all examples"].x) == [0.1, 0.2, 0.3, 0.42, 0.5]
    assert list(traces["score, all examples"].y)[3] == found.values()["score"]
    assert set(traces["test accuracy"].y) == {found.values()["test_accuracy"]}
    assert set(traces["mean IPR"].y) == {found.values()["mean_ipr"]}
    assert isinstance(found, PreMemorization)


@pytest.mark.slow
def test_a_network_that_only_memorized_scores_high():
    """Setting S, α .3, ξ .2: test about .01, and a score near the share of right labels."""
    config = tiny_config(
        task={"p": 47},
        data={"fraction": 0.3, "corruption": 0.2},
        model={"width": 200},
        optimizer={"lr": 0.01, "weight_decay": 0, "betas": [0.9, 0.98]},
        steps=500,
        schedule={"checkpoints": 0, "checkpoint_steps": list(range(0, 500, 10))},
    )
    values = measured(train(config)).values()
    assert values["test_accuracy"] <= 0.03
    assert values["score"] == pytest.approx(0.77, abs=0.07)
    assert values["score_wrong"] <= 0.03
