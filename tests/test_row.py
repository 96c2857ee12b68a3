"""A row of results against plain numpy on the checkpoint, and the state of hand-made histories."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp.analysis.phases.grok import GROK_RULES
from interp.analysis.phases.phase import PhaseName, PhaseThresholds, phase
from interp.analysis.phases.settled import STATES, settled, state
from interp.analysis.sweeps.row import QUANTILES, measure
from interp.training.data.splits import SPLITS
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.test_pruning import run_with

TRANSFORMER = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}
ATTENTION_ONLY = {**TRANSFORMER, "d_mlp": 0}
CONFIGS = {
    "MLP": {},
    "MLP, 3 layers": {"model": {"width": 9, "depth": 3}},
    "MLP, 4 layers, batch norm, biases": {
        "model": {"width": 9, "depth": 4, "norm": "batch", "bias": True}
    },
    "one neuron": {"model": {"width": 1}},
    "Transformer": {"model": TRANSFORMER},
    "Transformer, tied, 2 blocks": {"model": {**TRANSFORMER, "tied": True, "n_layers": 2}},
    "attention only": {"model": ATTENTION_ONLY},
    "multiplication": {"task": {"operation": "x * y", "p": 11}},
    "division": {"task": {"operation": "x / y", "p": 11}},
    "multiplication, composite modulus": {"task": {"operation": "x * y", "p": 12}},
    "multiplication mod 2": {"task": {"operation": "x * y", "p": 2}},
    "addition mod 2": {"task": {"p": 2}, "data": {"fraction": 1}},
    "multiplication mod 3": {"task": {"operation": "x * y", "p": 3}, "data": {"fraction": 1}},
    "composite modulus": {"task": {"p": 9}},
    "no corruption": {"data": {"fraction": 0.6}},
    "all pairs in training": {"data": {"fraction": 1, "corruption": 0.3}},
    "float64": {"dtype": "float64"},
}
COUNTS = ("generalizing", "memorizing", "dead")
OF_NEURONS = ("mean_ipr", *QUANTILES, *COUNTS, "threshold", "threshold_rule")
every_config = pytest.mark.parametrize("name", CONFIGS)


@pytest.fixture(scope="module")
def run_of():
    """Trains each configuration once."""
    made = {}

    def run(name):
        if name not in made:
            made[name] = train(tiny_config(**CONFIGS[name]))
        return made[name]

    return run


def numpy_ipr(curves):
    """IPR of rows, by numpy's own transform."""
    power = np.abs(np.fft.rfft(curves, axis=-1)) ** 2
    return (power**2).sum(axis=-1) / power.sum(axis=-1) ** 2


def layer_curves(run):
    """U, V and Wᵀ of a two-layer MLP after its 30 steps, read by hand, mod 11."""
    w_in, w_u = (run.weights[30][name] for name in ("blocks.0.mlp.W_in", "unembed.W_U"))
    return [w_in[:11].T.astype(float), w_in[11:].T.astype(float), w_u.astype(float)]


def with_weights(run, **changes):
    """The run with arrays of its last checkpoint replaced; dots are written as two underscores."""
    last = {**run.weights[run.last_step]}
    last |= {name.replace("__", "."): array.astype(np.float32) for name, array in changes.items()}
    return replace(run, path=None, weights={run.last_step: last})


@every_config
def test_a_row_is_plain_finite_and_complete(name, run_of):
    row = measure(run_of(name))
    assert {type(value) for value in row.values()} <= {int, float, str, bool, type(None)}
    json.dumps(row, allow_nan=False)
    parameters = dict(run_of(name).network().named_parameters())
    assert list(row) == [
        *("state", "phase", "settled"),
        *(f"{split}_{metric}" for split in SPLITS for metric in ("accuracy", "loss")),
        *("step", "mean_ipr", "ipr_q05", "ipr_q25", "ipr_q50", "ipr_q75", "ipr_q95"),
        *("ipr_convention", *COUNTS, "threshold", "threshold_rule", "embedding_mean_ipr"),
        *("weight_norm", "weight_norm_start", *(f"norm.{one}" for one in parameters)),
        *(f"grok_{rule}_{end}" for rule in GROK_RULES for end in ("after", "by")),
    ]
    assert row["state"] in STATES
    assert row["ipr_convention"] == "one-sided"


@every_config
def test_norms_are_those_of_the_checkpoint(name, run_of):
    run = run_of(name)
    row, weights = measure(run), run.weights[run.last_step]
    norms = {key[5:]: value for key, value in row.items() if key.startswith("norm.")}
    for parameter, norm in norms.items():
        expected = np.sqrt((weights[parameter].astype(np.float64) ** 2).sum())
        assert norm == pytest.approx(expected, rel=1e-12)
    assert row["weight_norm"] == pytest.approx(np.hypot.reduce(list(norms.values())), rel=1e-6)
    start = [(run.weights[0][parameter].astype(np.float64) ** 2).sum() for parameter in norms]
    assert row["weight_norm_start"] == pytest.approx(np.sqrt(sum(start)), rel=1e-6)


@every_config
def test_scores_are_those_of_the_last_evaluation(name, run_of):
    run = run_of(name)
    row, last = measure(run), run.measurements[-1]
    assert row["step"] == last.step == run.config.steps
    for split in SPLITS:
        assert row[f"{split}_accuracy"] == last.scores[split].accuracy
        assert row[f"{split}_loss"] == last.scores[split].loss


@every_config
def test_counts_are_of_all_neurons_of_a_layer_or_absent(name, run_of):
    run = run_of(name)
    counts = [measure(run)[count] for count in COUNTS]
    if name in ("attention only", "multiplication mod 2"):
        assert counts == [None] * 3
    else:
        assert sum(counts) == run.network().width


def test_iprs_against_plain_numpy(tiny_run):
    """On a network of five neurons with one frequency each, and eleven as they were trained."""
    curves = np.stack(layer_curves(tiny_run))
    curves[:, :5] = np.cos(2 * np.pi * np.outer(range(1, 6), range(11)) / 11)
    curves = curves.astype(np.float32).astype(np.float64)  # as the run's weights are kept
    w_in, w_u = np.concatenate([curves[0], curves[1]], axis=1).T, curves[2]
    row = measure(with_weights(tiny_run, blocks__0__mlp__W_in=w_in, unembed__W_U=w_u))
    each = numpy_ipr(curves)
    values = each.mean(axis=0)
    assert row["mean_ipr"] == pytest.approx(values.mean())
    found = [row[f"ipr_q{percent:02d}"] for percent in (5, 25, 50, 75, 95)]
    np.testing.assert_allclose(found, np.percentile(values, [5, 25, 50, 75, 95]))
    assert row["embedding_mean_ipr"] == pytest.approx(each.mean())
    assert row["generalizing"] == (values >= row["threshold"]).sum() >= 5
    assert row["memorizing"] == (values < row["threshold"]).sum() >= 5


def test_the_threshold_is_a_quantile_of_noise(tiny_run):
    row = measure(tiny_run)
    noise = np.random.default_rng(7).normal(size=(100_000, 3, 11))
    # Both quantiles are of samples: 20,000 draws leave the last in a thousand 2 % of error.
    expected = np.quantile(numpy_ipr(noise).mean(axis=1), 0.999)
    assert row["threshold"] == pytest.approx(expected, rel=0.05)
    assert row["threshold_rule"] == "99.9% quantile of Gaussian noise"


def test_multiplication_is_measured_in_its_own_characters(run_of):
    run = run_of("multiplication")
    powers_of_two = [pow(2, exponent, 11) for exponent in range(10)]  # 2 generates mod 11
    each = np.stack([numpy_ipr(curve[:, powers_of_two]) for curve in layer_curves(run)])
    assert measure(run)["mean_ipr"] == pytest.approx(each.mean())


def test_a_deeper_network_is_measured_at_its_first_layer(run_of):
    run = run_of("MLP, 3 layers")
    weights = {name: array.astype(float) for name, array in run.weights[30].items()}
    w_in = weights["blocks.0.mlp.W_in"]
    answers = weights["blocks.1.mlp.W_in"] @ weights["unembed.W_U"]
    each = np.stack([numpy_ipr(c) for c in (w_in[:11].T, w_in[11:].T, answers)])
    assert measure(run)["mean_ipr"] == pytest.approx(each.mean())


@pytest.mark.parametrize("name", ["Transformer", "attention only"])
def test_embeddings_of_a_transformer_against_plain_numpy(name, run_of):
    weights = run_of(name).weights[30]
    matrices = (weights["embed.W_E"].T, weights["unembed.W_U"])
    expected = np.mean([numpy_ipr(matrix.astype(float)).mean() for matrix in matrices])
    assert measure(run_of(name))["embedding_mean_ipr"] == pytest.approx(expected)


def test_a_network_without_neurons_has_no_values_of_them(run_of):
    row = measure(run_of("attention only"))
    assert {row[name] for name in OF_NEURONS} == {None}
    assert measure(run_of("Transformer"))["mean_ipr"] is not None


def test_one_group_element_has_no_noise_to_compare_with(run_of):
    row = measure(run_of("multiplication mod 2"))
    assert row["threshold"] is None
    assert row["mean_ipr"] == 1


@pytest.mark.parametrize("name", ["addition mod 2", "multiplication mod 3"])
def test_two_group_elements_have_a_constant_and_a_sign(name, run_of):
    """Two powers: of a curve (a, b) they are (a + b)² and (a − b)². Mod 3 the residue 0 is in no
    group of products. There is noise to compare with: the threshold is a quantile of it."""
    run = run_of(name)
    row, last, p = measure(run), run.weights[30], run.config.task.p
    w_in, w_u = last["blocks.0.mlp.W_in"].T.astype(float), last["unembed.W_U"].astype(float)
    curves = np.stack([w_in[:, p - 2 : p], w_in[:, 2 * p - 2 :], w_u[:, p - 2 :]])

    def of_pairs(a, b):
        constant, sign = (a + b) ** 2, (a - b) ** 2
        return ((constant**2 + sign**2) / (constant + sign) ** 2).mean(axis=0)

    values = of_pairs(curves[..., 0], curves[..., 1])
    assert row["mean_ipr"] == pytest.approx(values.mean(), rel=1e-6)
    assert row["ipr_q50"] == pytest.approx(np.median(values), rel=1e-6)
    expected = np.quantile(of_pairs(*np.random.default_rng(7).normal(size=(2, 3, 100_000))), 0.999)
    assert row["threshold"] == pytest.approx(expected, rel=0.002)
    counts = (values >= row["threshold"]).sum(), (values < row["threshold"]).sum(), 0
    assert tuple(row[one] for one in COUNTS) == counts


def test_dead_neurons_are_counted_and_left_out(tiny_run):
    w_in, w_u = (tiny_run.weights[30][n].copy() for n in ("blocks.0.mlp.W_in", "unembed.W_U"))
    w_in[:, 4:] = 0
    w_u[4:] = 0
    row = measure(with_weights(tiny_run, blocks__0__mlp__W_in=w_in, unembed__W_U=w_u))
    each = np.stack([numpy_ipr(c[:4].astype(float)) for c in (w_in[:11].T, w_in[11:].T, w_u)])
    assert row["dead"] == 12
    assert row["generalizing"] + row["memorizing"] == 4
    assert row["mean_ipr"] == pytest.approx(each.mean())
    assert row["ipr_q50"] == pytest.approx(np.median(each.mean(axis=0)))


def test_a_network_of_zeros_has_no_ipr(tiny_run):
    zeros = {n.replace(".", "__"): np.zeros_like(a) for n, a in tiny_run.weights[30].items()}
    row = measure(with_weights(tiny_run, **zeros))
    assert [row[name] for name in COUNTS] == [0, 0, 16]
    assert {row[name] for name in ("mean_ipr", *QUANTILES, "embedding_mean_ipr")} == {None}
    assert row["norm.unembed.W_U"] == 0


def test_a_number_that_overflowed_is_none(tiny_run):
    last = tiny_run.measurements[-1]
    run = replace(tiny_run, measurements=(replace(last, weight_norm=float("inf")),))
    assert measure(run)["weight_norm"] is None


def test_without_a_score_at_step_0_there_is_no_norm_at_the_start(tiny_run):
    run = replace(tiny_run, measurements=tiny_run.measurements[1:])
    assert measure(run)["weight_norm_start"] is None


def test_grok_columns_are_the_intervals(tiny_run):
    history = run_with([(0, 0, 0, 0), (9, 1, 1, 0), (12, 1, 0.5, 0), (30, 1, 1, 0)]).measurements
    row = measure(replace(tiny_run, measurements=history))
    found = {name: value for name, value in row.items() if name.startswith("grok_")}
    assert found == {
        **{"grok_first_after": 0, "grok_first_by": 9},
        **{"grok_sustained_after": None, "grok_sustained_by": None},
        **{"grok_steady_after": None, "grok_steady_by": None},
        **{"grok_lasting_after": 12, "grok_lasting_by": 30},
    }


def test_state_and_phase_of_a_row(tiny_run, run_of):
    def found(run):
        row = measure(run)
        return row["state"], row["phase"], row["settled"]

    def of_test(*test):
        history = run_with([(10 * step, 1, accuracy, 0) for step, accuracy in enumerate(test)])
        return found(replace(tiny_run, measurements=history.measurements))

    assert of_test(0, 0.1, 0.1, 0.2) == ("memorization", "memorization", True)
    assert of_test(0, 0.1, 0.4, 0.8) == ("budget too short", "memorization", False)
    assert found(run_of("all pairs in training")) == ("no test set", None, None)


def test_an_unfinished_run_has_no_row(tiny_run):
    message = f"{tiny_run.path}: expected a finished run, its last step is to come"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        measure(replace(tiny_run, finished=False))


# Train and test at 75 of 100 steps and at the end, with ξ = 0.35, so full inversion is below 0.7.
HISTORIES = {
    "rests": ((0.98, 0.98), (0.98, 0.98), True),
    "test still rises, into coexistence": ((1.0, 0.6), (1.0, 0.75), False),
    "test still rises, not far enough": ((1.0, 0.6), (1.0, 0.7), True),
    "unlearns from coexistence": ((0.98, 1.0), (0.93, 1.0), False),
    "unlearns slowly enough": ((0.98, 1.0), (0.95, 1.0), True),
    "unlearns from partial to full inversion": ((0.86, 1.0), (0.77, 1.0), False),
    "stays in partial inversion": ((0.81, 1.0), (0.79, 1.0), True),
    "unlearns within full inversion": ((0.69, 1.0), (0.65, 1.0), True),
    "collapses, and would forget": ((0.65, 1.0), (0.65, 0.94), False),
    "memorizes still, from confusion": ((0.4, 0.0), (0.7, 0.0), False),
    "clipped at 1": ((0.2, 0.9), (1.0, 0.95), True),
    "clipped at 0": ((0.5, 0.5), (0.1, 0.1), True),
}


@pytest.mark.parametrize("case", HISTORIES)
def test_settled_by_hand(case):
    earlier, end, expected = HISTORIES[case]
    run = run_with([(0, 0, 0, 0), (75, *earlier, 0), (76, 0.5, 0.5, 0), (100, *end, 0)])
    assert settled(run) is expected
    assert state(run) == (phase(run).name if expected else "budget too short")


def test_the_last_part_starts_at_the_evaluation_before_it():
    """At 60, not at 80: the last quarter starts at 75."""
    rows = [(0, 1.0, 0, 0), (60, 1.0, 0.5, 0), (80, 1.0, 0.75, 0), (100, 1.0, 0.75, 0)]
    assert not settled(run_with(rows))
    assert settled(run_with(rows), share=0.2), "the last fifth starts at 80"


def test_settled_knows_what_was_before():
    """Falling test accuracy ends in forgetting, which a run that generalized is in already."""
    start, fallen = (0, 0, 0, 0), (100, 0.3, 0.3, 0)
    assert settled(run_with([start, (50, 0.8, 0.95, 0), (75, 0.5, 0.5, 0), fallen]))
    assert state(run_with([start, (50, 0.8, 0.95, 0), fallen])) == "forgetting"
    assert state(run_with([start, (50, 0.8, 0.85, 0), fallen])) == "confusion"


def test_settled_goes_by_the_thresholds():
    """Going on leads to test 0.84 and train 0.75, which is above 1.05 − 0.35."""
    run = run_with([(0, 0, 0, 0), (75, 0.95, 1.0, 0), (100, 0.85, 0.92, 0)])
    assert not settled(run), "partial inversion would end in forgetting"
    assert settled(run, thresholds=PhaseThresholds(test=0.5))
    assert not settled(run, thresholds=PhaseThresholds(test=0.5, train=0.8)), "coexistence too"


def test_an_accuracy_goes_on_within_0_and_1():
    """With full inversion below 0, a train accuracy that falls to 0 is still above it."""
    run = run_with([(75, 0.5, 1.0, 0), (100, 0.1, 1.0, 0)])
    assert settled(run, thresholds=PhaseThresholds(margin=0.35))


def test_without_an_earlier_evaluation_nothing_says_that_it_is_settled():
    assert not settled(run_with([(100, 1.0, 1.0, 0)]))
    assert not settled(run_with([(80, 1.0, 1.0, 0), (100, 1.0, 1.0, 0)]))
    assert not settled(run_with([(0, 1.0, 1.0, 0)]))


accuracy = st.floats(0, 1)


@given(st.tuples(accuracy, accuracy), st.floats(0.01, 0.99))
def test_a_run_that_no_longer_changes_is_settled(scores, share):
    rows = [(step, *scores, 0.0) for step in (0, 25, 50, 100)]
    assert settled(run_with(rows), share)


@given(st.lists(st.tuples(accuracy, accuracy), min_size=2, max_size=6))
def test_a_state_is_the_phase_or_too_short_a_budget(scores):
    run = run_with([(10 * i, *pair, 0.0) for i, pair in enumerate(scores)])
    assert state(run) == (phase(run).name if settled(run) else "budget too short")


def test_states_are_the_phases_and_three_more(run_of):
    assert (*get_args(PhaseName), "budget too short", "no test set", "failed") == STATES
    assert state(run_of("all pairs in training")) == "no test set"


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_share_out_of_range(tiny_run, share):
    message = f"settled: expected a share between 0 and 1, got {share}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        settled(tiny_run, share)


def test_settled_needs_a_test_set(run_of):
    with pytest.raises(ValueError, match="expected a run with test examples"):
        settled(run_of("all pairs in training"))
