"""Every measure of the table: what it gives can be shown, saved and drawn; what it refuses."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.stats import rankdata

from interp.analysis.ablation.prune import prune
from interp.analysis.measure import Measure, NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.neurons.classify import NotBimodalWarning
from interp.training.display import Result
from interp.training.evaluation import scores
from interp.training.runs.subject import as_checkpoint

NAMES = list(MEASURES)
NETWORKS = ["MLP", "MLP with a norm", "Transformer", "attention-only", "adapted module"]
IN_GROUPS = {
    "MLP in S4": "MLP",
    "MLP in D12": "MLP",
    "Transformer in S4": "Transformer",
    "Transformer in D12": "Transformer",
}
NETWORKS += IN_GROUPS
# What needs frequencies, distances of residues or phases, and is refused where there are none.
NEED_RESIDUES = {"coherence", "distance_irrelevance", "geometry", "sparsity"}
# Figures that say in other words what they show; these words of theirs stand for the caption.
OTHER_WORDS = {
    "HeadAblation": ["its mean over all pairs", "seed 0", "step 30"],
    "PhaseDiagram": ["data fraction α", "corruption ξ", "vote of 1 seed"],
}
REFUSED = {
    ("neurons", "attention-only"): "an attention-only network has no neurons; see its heads",
    ("ipr_history", "attention-only"): "an attention-only network has no neurons; see its heads",
    ("heads", "MLP"): "expected a Transformer, got an MLP, which has no heads",
    (
        "heads",
        "adapted module",
    ): "expected a Transformer, got an adapted module, which has no heads",
    ("embeddings", "adapted module"): "embeddings: not defined for a network of class Adapted",
    ("sparsity", "adapted module"): "embeddings: not defined for a network of class Adapted",
    ("geometry", "adapted module"): "embeddings: not defined for a network of class Adapted",
    (
        "gradient_symmetricity",
        "MLP",
    ): "expected a Transformer; the symmetricity of any MLP is 1, because it reads nothing but the "
    "sum of its operands' embeddings",
    (
        "gradient_symmetricity",
        "adapted module",
    ): "gradient symmetricity: not defined for a network of class Adapted",
    ("attention_constancy", "MLP"): "expected a Transformer, got an MLP, which has no heads",
    (
        "attention_constancy",
        "adapted module",
    ): "expected a Transformer, got an adapted module, which has no heads",
    (
        "decoys",
        "adapted module",
    ): "expected neurons between two matrices, got those of an adapted module",
    ("decoys", "MLP with a norm"): "expected neurons without a norm, got BatchNorm on them",
    ("partition", "attention-only"): "an attention-only network has no neurons; see its heads",
    ("memory", "attention-only"): "an attention-only network has no neurons; see its heads",
    (
        "lipschitz",
        "adapted module",
    ): "relaxed operands: not defined for a network of class Adapted",
    ("norms", "adapted module"): "expected a network with a norm on its neurons, got none",
    ("norms", "MLP"): "expected a network with a norm on its neurons, got none",
    ("norms", "attention-only"): "expected a network with a norm on its neurons, got none",
    ("information", "attention-only"): "an attention-only network has no neurons; see its heads",
    ("cosets", "MLP"): "expected a group with proper subgroups, got Z11, which has none",
    ("cosets", "attention-only"): "an attention-only network has no neurons; see its heads",
    (
        "geometry",
        "MLP in D12",
    ): "expected a task of a cyclic group, got 'D12', which has no frequencies",
    (
        "sparsity",
        "Transformer in S4",
    ): "expected a task of a cyclic group, got 'S4', which has no frequencies",
    (
        "coherence",
        "MLP in S4",
    ): "expected a rule with a known relation of phases, x + y, x - y, x * y or x / y; got "
    "x * y in S4",
}

pytestmark = pytest.mark.usefixtures("unchecked")  # subjects and options may be anything


def places(measure: Measure) -> list[str]:
    return ["sweep", "sweep in groups"] if measure.reads == "sweep" else NETWORKS


@contextmanager
def quiet() -> Iterator[None]:
    """That the IPRs of a barely trained network are not two classes is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotBimodalWarning)
        yield


def asked(name: str, source: Any, **options: Any) -> Any:
    """The result."""
    with quiet():
        return MEASURES[name](source, **options)


def first_result(name: str, subjects: dict[str, Any]) -> Result:
    """Of the first subject on which a measure is defined."""
    for place in places(MEASURES[name]):
        try:
            return asked(name, subjects[place])
        except NotDefined:
            continue
    raise AssertionError(f"{name} is defined on nothing that the tests have")


CASES = [(name, place) for name in NAMES for place in places(MEASURES[name])]


@pytest.mark.parametrize(("name", "place"), CASES)
def test_gives_a_result_or_says_why_not(name, place, subjects):
    measure, subject = MEASURES[name], subjects[place]
    reason = measure.refuses(measure.subject(subject)) if measure.refuses else None
    if reason is not None:
        with pytest.raises(NotDefined) as caught:
            measure(subject)
        assert str(caught.value) == f"measure {name}: {reason}"
        return
    result = asked(name, subject)
    assert isinstance(result, Result)
    assert len(result.values()) > 0
    for key, value in result.values().items():
        assert isinstance(key, str)
        assert value is None or type(value) in (int, float, str, bool), key
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert len(result.to_pandas()) > 0
    assert "\n" not in repr(result)
    assert len(repr(result)) < 200
    assert repr(result).endswith(f" · {result.caption}>")
    assert_drawn(result)


def assert_drawn(result: Result) -> None:
    with quiet():
        figure = result.plot()
    assert isinstance(figure, go.Figure)
    drawn = json.dumps(figure.to_plotly_json(), default=str, ensure_ascii=False)
    for word in OTHER_WORDS.get(type(result).__name__, result.caption.split(" · ")):
        assert word in drawn


@pytest.mark.parametrize("place", IN_GROUPS)
def test_in_a_group_only_what_needs_residues_is_refused(place, subjects):
    """Beside what the same network on residues is refused; answers may be of either."""

    def refused(subject: Any) -> set[str]:
        rows = [MEASURES[name] for name in NAMES if MEASURES[name].reads != "sweep"]
        return {one.name for one in rows if one.refuses and one.refuses(one.subject(subject))}

    more = refused(subjects[place]) - refused(subjects[IN_GROUPS[place]])
    assert more - {"answers", "recorded"} == NEED_RESIDUES  # one run of all was recorded


@pytest.mark.parametrize(("name", "place"), REFUSED)
def test_what_is_refused(name, place, subjects):
    with pytest.raises(NotDefined) as caught:
        MEASURES[name](subjects[place])
    assert str(caught.value) == f"measure {name}: {REFUSED[name, place]}"


@pytest.mark.parametrize("name", NAMES)
def test_is_shown_and_drawn_with_its_caption(name, subjects):
    result = first_result(name, subjects)
    assert result.caption
    assert result.caption in result._repr_html_()
    assert_drawn(result)


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_is(name):
    measure = MEASURES[name]
    assert measure.name == name
    assert measure.title.endswith(".")
    assert measure.source.strip()
    assert MEASURES.is_own(name)
    assert repr(measure) == f"<measure {name} of a {measure.reads}>"


@pytest.mark.parametrize("name", NAMES)
def test_options(name, subjects):
    measure = MEASURES[name]
    defaults = {key: option.default for key, option in measure.options.items()}
    assert measure.checked(defaults) == defaults
    assert measure.label(defaults) == name
    assert measure.digest(defaults) == measure.digest({})
    with pytest.raises(ValueError) as caught:
        measure(subjects[places(measure)[0]], colour="red")
    known = ", ".join(measure.options) or "none"
    assert str(caught.value) == (
        f"measure {name}: unknown option 'colour'; its options are {known}"
    )


OPTIONS = [(name, option) for name in NAMES for option in MEASURES[name].options]


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_a_value_of_a_wrong_kind(name, option):
    with pytest.raises(ValueError, match=rf"^measure {name}: {option}: .*, got \[\{{\}}\]$"):
        MEASURES[name].checked({option: [{}]})


@pytest.mark.parametrize("name", NAMES)
def test_a_subject_of_a_wrong_kind(name, tiny_run):
    measure = MEASURES[name]
    expected = {
        "checkpoint": "expected a run, its folder, a checkpoint or a network",
        "run": "expected a run or its folder",
        "sweep": "expected the results of a sweep",
    }[measure.reads]
    with pytest.raises(TypeError, match=f"^{expected}, got int 3$"):
        measure(3)
    if measure.reads != "checkpoint":
        message = f"^measure {name} reads a whole {measure.reads}: expected no step$"
        with pytest.raises(ValueError, match=message):
            measure(tiny_run, step=30)


def test_an_unknown_measure():
    with pytest.raises(ValueError, match=r"^measure: expected .*, got 'need'; nearest is needed$"):
        MEASURES["need"]


# --- the same numbers by another way -----------------------------------------------------------


def test_scores_by_hand(subjects):
    """f(m, n) = W (U e_m + V e_n)², with the reference's mean squared error."""
    run = subjects["MLP"]
    weights = {k: np.asarray(v, dtype=np.float64) for k, v in run.weights[run.last_step].items()}
    data, p = run.dataset, run.dataset.task.p
    hidden = weights["blocks.0.mlp.W_in"]
    pre = hidden[data.pairs[:, 0]] + hidden[p + data.pairs[:, 1]]
    logits = pre**2 @ weights["unembed.W_U"]
    found = asked("scores", run).values()
    for split, label in (("train", data.given_label), ("test", data.true_label)):
        of = data.is_train == (split == "train")
        answer = logits[of].argmax(axis=1) == label[of]
        errors = (logits[of] - np.eye(p)[label[of]]) ** 2
        assert found[f"{split}_accuracy"] == pytest.approx(answer.mean(), abs=1e-12)
        assert found[f"{split}_loss"] == pytest.approx(errors.mean(), rel=1e-9)


def ipr_by_hand(run: Any) -> np.ndarray:
    """Σ|c|⁴ ∕ (Σ|c|²)² of the one-sided transform, over U, V and W of each neuron."""
    weights = {k: np.asarray(v, dtype=np.float64) for k, v in run.weights[run.last_step].items()}
    p = run.dataset.task.p
    hidden = weights["blocks.0.mlp.W_in"]
    curves = np.stack([hidden[:p].T, hidden[p:].T, weights["unembed.W_U"]])
    power = np.abs(np.fft.rfft(curves, axis=-1)) ** 2
    return ((power**2).sum(axis=-1) / power.sum(axis=-1) ** 2).mean(axis=0)


def test_neurons_and_bands_by_hand(subjects):
    run = subjects["MLP"]
    ipr = ipr_by_hand(run)
    found = asked("neurons", run)
    np.testing.assert_allclose(found.to_dict()["ipr"], ipr, rtol=1e-9)
    assert found.values()["mean_ipr"] == pytest.approx(ipr.mean(), rel=1e-9)
    shares = asked("bands", run).values()
    assert (shares["share_low"], shares["share_high"]) == ((ipr < 0.15).mean(), (ipr > 0.4).mean())


def test_pruning_by_networks_that_are_pruned(subjects):
    run = subjects["MLP"]
    found = asked("pruning", run, lowest=0.5, highest=0.25, losses=True, draws=2).values()
    order = np.argsort(ipr_by_hand(run), kind="stable")
    for way, kept in (("lowest", order[8:]), ("highest", order[:12])):
        expected = scores(prune(as_checkpoint(run).exact, kept), run.dataset)
        assert found[f"pruned_{way}"] == 16 - len(kept)
        for split in ("train", "test", "corrupted"):
            assert found[f"{way}.ipr.{split}_accuracy"] == expected[split].accuracy
            loss = found[f"{way}.ipr.{split}_loss"]
            assert loss == pytest.approx(expected[split].loss, rel=1e-5)
    weights = run.weights[run.last_step]
    first, answer = (np.asarray(weights[k]) for k in ("blocks.0.mlp.W_in", "unembed.W_U"))
    squares = (first**2).sum(axis=0), (answer**2).sum(axis=1)
    norms = {"norm": squares[0] + squares[1], "invariant_norm": squares[0] * squares[1] ** 0.5}
    for name, norm in norms.items():
        kept = np.argsort(norm, kind="stable")[8:]
        expected = scores(prune(as_checkpoint(run).exact, kept), run.dataset)
        for split in ("train", "test", "corrupted"):
            assert found[f"lowest.{name}.{split}_accuracy"] == expected[split].accuracy


def test_needed_by_networks_that_are_pruned(subjects):
    run = subjects["MLP"]
    network, order = as_checkpoint(run).exact, np.argsort(ipr_by_hand(run))
    test = [scores(prune(network, order[n:]), run.dataset)["test"].accuracy for n in range(17)]
    level = float(np.median(test)) - 1e-9  # reached at several sizes
    fewest = 16 - max(n for n, accuracy in enumerate(test) if accuracy >= level)
    found = asked("needed", run, accuracy=level).values()
    assert (found["neurons_needed"], found["share_needed"]) == (fewest, fewest / 16)
    assert max(test) < 1
    assert asked("needed", run, accuracy=1.0).to_dict()["values"]["neurons_needed"] == "never"


def test_norms_by_ranks(subjects):
    run = subjects["MLP with a norm"]
    weight = np.abs(np.asarray(run.weights[run.last_step]["blocks.0.mlp.norm.w"]))
    ranks = rankdata(asked("neurons", run).ipr), rankdata(weight)
    expected = np.corrcoef(*ranks)[0, 1]
    assert asked("norms", run).values()["norm_rho"] == pytest.approx(expected, abs=1e-12)


def test_weights_and_diagram_by_counting(subjects):
    run = subjects["MLP"]
    norms = [row.weight_norm for row in run.measurements]
    assert asked("weights", run).values()["norm_left"] == norms[-1] / max(norms)
    states = subjects["sweep"].to_pandas()["state"]
    assert asked("phase_diagram", subjects["sweep"]).values() == {
        state: (states == state).mean() for state in set(states)
    }
