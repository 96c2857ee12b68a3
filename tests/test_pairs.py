"""The pair table: what a network makes of every pair, against numpy and networks that are built."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.memorization.logits import answers_of, learned_at, margins, times_forgotten
from interp.analysis.memorization.pair_table import PairTable, pair_table
from interp.cli.app import main
from interp.exchange.of_networks import network_run
from interp.figures.pairs import pair_picture
from interp.training.data.dataset import make_dataset
from interp.training.models.analytic import analytic_network
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.test_neurons import ADDITION, mixed_network

pytestmark = pytest.mark.filterwarnings(
    "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
)
P = 11
TASK = make_task("x + y", P)


def by_hand(run, step=None):
    """(pair, answer) logits f(m, n) = W (U e_m + V e_n)² of a tiny run, in float64."""
    weights = run.weights[run.last_step if step is None else step]
    weights = {name: np.asarray(one, dtype=np.float64) for name, one in weights.items()}
    return of_curves(*split(weights), run.dataset.pairs)


def split(weights):
    """U, V and W, each (neuron, residue)."""
    hidden = weights["blocks.0.mlp.W_in"]
    return hidden[:P].T, hidden[P:].T, weights["unembed.W_U"]


def of_curves(u, v, w, pairs):
    return (u[:, pairs[:, 0]] + v[:, pairs[:, 1]]).T ** 2 @ w


def curves_by_hand(run):
    weights = run.weights[run.last_step]
    return split({name: np.asarray(one, dtype=np.float64) for name, one in weights.items()})


def scored_label(data):
    return np.where(data.is_train, data.given_label, data.true_label)


def ahead(logits, label):
    """Logit of the label less the greatest of the others, pair by pair."""
    found = [row[one] - np.delete(row, one).max() for row, one in zip(logits, label, strict=True)]
    return np.array(found)


# --- what logits say ---------------------------------------------------------------------------


def test_an_answer_is_strictly_the_greatest():
    logits = torch.tensor([[0.0, 2, 1], [2, 2, 1], [5, 5, 5], [-1, -3, -2]])
    assert answers_of(logits).tolist() == [1, -1, -1, 0]
    label = torch.tensor([1, 0, 2, 2])
    assert margins(logits, label).tolist() == [1, 0, 0, -1]


def test_learned_and_forgotten_of_a_history_by_hand():
    right = np.array(
        # always · never · at the end · lost and back · lost for good · twice lost
        [
            [1, 0, 0, 1, 1, 1],
            [1, 0, 0, 0, 1, 0],
            [1, 0, 0, 1, 1, 1],
            [1, 0, 0, 1, 0, 0],
            [1, 0, 1, 1, 0, 1],
        ],
        dtype=bool,
    )
    steps = [0, 3, 10, 20, 100]
    assert learned_at(right, steps).tolist() == [0, np.inf, 100, 10, np.inf, 100]
    assert times_forgotten(right).tolist() == [0, 0, 0, 1, 1, 2]


# --- a trained run, by numpy -------------------------------------------------------------------


def test_every_number_of_a_tiny_run(tiny_run):
    found, data = pair_table(tiny_run), tiny_run.dataset
    logits, label = by_hand(tiny_run), scored_label(tiny_run.dataset)
    rows = np.arange(len(data))
    np.testing.assert_array_equal(found.answered, logits.argmax(axis=1))
    np.testing.assert_allclose(found.margin, ahead(logits, label), rtol=1e-9, atol=1e-12)
    true = ahead(logits, data.true_label)
    np.testing.assert_allclose(found.true_margin, true, rtol=1e-9, atol=1e-12)
    errors = ((logits - np.eye(P)[label]) ** 2).mean(axis=1)
    np.testing.assert_allclose(found.loss, errors, rtol=1e-9)
    soft = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.probability, soft[rows, label], rtol=1e-9)
    frame = found.to_pandas()
    np.testing.assert_array_equal(frame[["x", "y"]], data.pairs)
    np.testing.assert_array_equal(frame.true, (data.pairs.sum(axis=1)) % P)
    np.testing.assert_array_equal(frame.given, data.given_label)
    np.testing.assert_array_equal(frame.right, logits.argmax(axis=1) == label)
    wrong = data.is_train & (data.given_label != data.true_label)
    assert 0 < wrong.sum() < data.is_redrawn.sum(), "some redrawn labels are the true ones"
    np.testing.assert_array_equal(frame.wrong, wrong)
    np.testing.assert_array_equal(frame.redrawn, data.is_redrawn)
    expected = [
        "test" if not t else "corrupted" if r else "clean"
        for t, r in zip(data.is_train, data.is_redrawn, strict=True)
    ]
    assert frame.split.tolist() == expected


def test_the_history_of_a_tiny_run(tiny_run):
    found, label = pair_table(tiny_run), scored_label(tiny_run.dataset)
    right = [by_hand(tiny_run, step).argmax(axis=1) == label for step in tiny_run.steps]
    assert len(right) == 5
    for pair in range(len(label)):
        seen = [bool(one[pair]) for one in right]
        since = [s for i, s in enumerate(tiny_run.steps) if all(seen[i:])]
        assert found.learned[pair] == (since[0] if since else np.inf)
        lost = sum(a and not b for a, b in itertools.pairwise(seen))
        assert found.forgotten[pair] == lost
    assert found.caption == "tiny · 5 checkpoints, steps 0 to 30 · seed 0 · step 30"
    assert found.forgotten.max() > 0


def test_another_step_has_its_own_answers_and_the_whole_history(tiny_run):
    step = tiny_run.steps[2]
    found, last = pair_table(tiny_run, step), pair_table(tiny_run)
    np.testing.assert_array_equal(found.answered, by_hand(tiny_run, step).argmax(axis=1))
    assert (found.answered != last.answered).any()
    np.testing.assert_array_equal(found.learned, last.learned)
    assert found.caption.endswith(f"seed 0 · step {step}")


def test_counts_and_means(tiny_run):
    found, data = pair_table(tiny_run), tiny_run.dataset
    logits, label = by_hand(tiny_run), scored_label(tiny_run.dataset)
    answer, values = logits.argmax(axis=1), found.values()
    wrong = data.is_train & (data.given_label != data.true_label)
    assert (values["pairs"], values["training"]) == (P * P, data.is_train.sum())
    assert values["wrong"] == wrong.sum()
    assert values["share_wrong"] == pytest.approx(wrong.sum() / data.is_train.sum())
    assert values["memorized"] == (wrong & (answer == data.given_label)).sum() > 0
    assert values["corrected"] == (wrong & (answer == data.true_label)).sum()
    margin = ahead(logits, label)
    clean = data.is_train & ~data.is_redrawn
    for name, of in (("clean", clean), ("wrong", wrong), ("test", ~data.is_train)):
        assert values[f"margin_{name}"] == pytest.approx(margin[of].mean())


def flags_by_hand(data, answers):
    wrong = data.is_train & (data.given_label != data.true_label)
    flags = data.is_train & (answers != data.given_label)
    both = (wrong & flags).sum()
    repaired = (wrong & (answers == data.true_label)).sum()
    return [flags.sum(), both / flags.sum(), both / wrong.sum(), repaired]


def test_pruning_and_its_control_by_numpy(tiny_run):
    found, values = pair_table(tiny_run, seed=4), pair_table(tiny_run, seed=4).values()
    u, v, w = curves_by_hand(tiny_run)
    power = np.abs(np.fft.rfft(np.stack([u, v, w]), axis=-1)) ** 2
    ipr = ((power**2).sum(axis=-1) / power.sum(axis=-1) ** 2).mean(axis=0)
    order = np.sort(ipr)
    within = [order[:i].var() * i + order[i:].var() * (16 - i) for i in range(1, 16)]
    keep = ipr >= order[np.argmin(within) + 1]
    gone = int((~keep).sum())
    assert 0 < gone < 16
    assert values["neurons_pruned"] == gone
    drawn = np.random.default_rng([4, crc32(b"control")]).permutation(16)[gone:]
    for prefix, kept in (("flagged", np.flatnonzero(keep)), ("random", drawn)):
        answers = of_curves(u[kept], v[kept], w[kept], tiny_run.dataset.pairs).argmax(axis=1)
        names = [f"{prefix}{one}" for one in ("", "_precision", "_recall", "_repaired")]
        expected = flags_by_hand(tiny_run.dataset, answers)
        assert [values[name] for name in names] == pytest.approx(expected)
        shown = found.without.pruned if prefix == "flagged" else found.without.random
        np.testing.assert_array_equal(shown, answers)


def test_the_filtered_answer_by_numpy(tiny_run):
    """Each neuron keeps the frequency that is strongest in w, in all three of its curves."""
    spectra = [np.fft.rfft(one, axis=-1) for one in curves_by_hand(tiny_run)]
    strongest = np.abs(spectra[2][:, 1:]).argmax(axis=1) + 1
    mask = np.arange(P // 2 + 1) == strongest[:, None]
    curves = [np.fft.irfft(one * mask, n=P, axis=-1) for one in spectra]
    expected = of_curves(*curves, tiny_run.dataset.pairs).argmax(axis=1)
    np.testing.assert_array_equal(pair_table(tiny_run).without.filtered, expected)


# --- networks that are built -------------------------------------------------------------------


def test_a_built_memory_is_found_exactly():
    """Analytic neurons beside noise: pruned, it answers every pair with the truth."""
    network, kind = mixed_network(built=400, noise=30, dead=7)
    data = make_dataset(ADDITION, 0.5, 0.4)
    found = pair_table(network, dataset=data)
    wrong = data.given_label != data.true_label
    np.testing.assert_array_equal(found.without.pruned, data.true_label)
    np.testing.assert_array_equal(found.flagged, wrong)
    values = found.values()
    assert values["neurons_pruned"] == (kind > 0).sum() == 37
    assert (values["flagged_precision"], values["flagged_recall"]) == (1, 1)
    assert values["flagged_repaired"] == values["flagged"] == values["wrong"] == wrong.sum()


def history_of_built_networks():
    """Right on all pairs, then nothing, then right again."""
    good, nothing = analytic_network(TASK, 60), analytic_network(TASK, 60)
    nothing.set_curves(np.zeros((3, 60, P)))
    data = make_dataset(TASK, 0.6, 0.3)
    return network_run({0: good, 5: nothing, 9: good, 20: good}, data), data


def test_learned_and_forgotten_of_built_networks():
    run, data = history_of_built_networks()
    wrong = data.is_train & (data.given_label != data.true_label)
    found = pair_table(run)
    np.testing.assert_array_equal(found.learned, np.where(wrong, np.inf, 9))
    np.testing.assert_array_equal(found.forgotten, np.where(wrong, 0, 1))
    assert found.values()["corrected"] == wrong.sum()
    assert found.values()["memorized"] == 0


def test_where_all_logits_tie_nothing_is_answered():
    found = pair_table(history_of_built_networks()[0], 5)
    assert (found.answered == -1).all()
    assert not found.right.any()
    assert (found.margin == 0).all()
    frame = found.to_pandas()
    assert frame.answered.isna().all()
    np.testing.assert_allclose(frame.probability, 1 / P)
    # Without any weight there is no IPR, and so no cut.
    assert found.without.pruned is None
    assert frame.flagged.isna().all()
    assert frame.filtered.isna().all()  # the G-net ties too
    words = "two-class cut: expected at least two different IPRs among the living neurons, got 0"
    assert f"pruned: none ({words})" in found.note
    for name in ("flagged", "flagged_precision", "random_recall", "neurons_pruned"):
        assert found.values()[name] is None


# --- where something is missing ----------------------------------------------------------------

NO_HISTORY = "learned, forgotten: none (they need two checkpoints of a run)"


def test_a_checkpoint_has_no_history(tiny_run):
    found, whole = pair_table(tiny_run.checkpoint()), pair_table(tiny_run)
    assert found.learned is None
    assert found.forgotten is None
    assert found.caption == "tiny · no history · seed 0 · step 30"
    assert NO_HISTORY in found.note
    assert NO_HISTORY not in whole.note
    empty = found.to_pandas()[["learned", "forgotten"]]
    assert empty.isna().all().all()
    assert list(found.plot().layout.updatemenus[0].buttons)[-1].label == "answer"
    same = ["x", "answered", "margin", "loss", "pruned", "filtered", "flagged"]
    pd.testing.assert_frame_equal(found.to_pandas()[same], whole.to_pandas()[same])


def test_a_run_of_one_checkpoint():
    run = network_run(analytic_network(TASK, 60), make_dataset(TASK, 0.6, 0.3))
    found = MEASURES["pairs"](run)
    assert found.learned is None
    assert "1 checkpoint, step 1" in found.caption
    assert NO_HISTORY in found.note


def test_a_run_whose_data_is_not_known_says_so():
    data = make_dataset(TASK, 1.0)
    run = network_run(analytic_network(TASK, 60), data)
    about = {**run.origin.imported, "dataset_known": False}
    unknown = replace(run, origin=replace(run.origin, imported=about))
    words = "which pairs were trained on is not known: all count as trained"
    assert words in pair_table(unknown).note
    assert words not in pair_table(run).note
    values = pair_table(unknown).values()
    assert values["wrong"] == 0
    assert values["flagged_recall"] is None
    assert values["margin_test"] is None


def test_the_note_tells_what_probability_is_under_mse(tiny_run):
    words = "probability: softmax of the logits, which is flat under MSE"
    assert words in pair_table(tiny_run).note
    other = train(tiny_config(loss="cross_entropy"))
    found, logits = pair_table(other), by_hand(other)
    assert "flat" not in found.note
    np.testing.assert_allclose(found.loss, -np.log(found.probability), rtol=1e-9, atol=1e-12)
    soft = np.exp(logits - logits.max(axis=1, keepdims=True))
    soft /= soft.sum(axis=1, keepdims=True)
    rows = np.arange(len(soft))
    np.testing.assert_allclose(found.probability, soft[rows, scored_label(other.dataset)])


def test_a_test_pair_is_scored_against_the_truth_whatever_it_was_given():
    data = make_dataset(TASK, 0.5)
    other = replace(data, given_label=(data.true_label + 1) % P)
    found = pair_table(analytic_network(TASK, 60), dataset=other)
    np.testing.assert_array_equal(found.right, ~data.is_train)
    np.testing.assert_array_equal(found.margin > 0, ~data.is_train)
    np.testing.assert_array_equal(found.wrong, data.is_train)


MODEL = {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 0}


def test_a_network_without_neurons(tmp_path, capsys):
    run = train(tiny_config(model=MODEL), tmp_path / "run")
    found = pair_table(run)
    why = "pruned: none (an attention-only network has no neurons; see its heads)"
    assert found.plot().layout.title.subtitle.text.endswith(f"<br>{why}")
    assert why in found.note
    assert found.flagged is None
    assert found.where(wrong=True).pruned.isna().all()
    with pytest.raises(ValueError, match=r"^where: flagged is not known here; ") as caught:
        found.where(flagged=True)
    assert str(caught.value) == f"where: flagged is not known here; {why}"
    with pytest.raises(SystemExit):
        main(["pairs", str(run.path), "--flagged"])
    assert capsys.readouterr().err.startswith("interp: where: flagged is not known here; ")


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": 7}, "no checkpoint at step 7; expected one of 0, "),
        ({"layer": 1}, "layer: expected a hidden layer from 0 to 0, got 1"),
        ({"layer": -1}, "layer: expected a whole number of at least 0, got -1"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, got -1"),
        ({"dataset": 3}, "expected a dataset, such as interp.make_dataset(task, 0.5), got int 3"),
    ],
)
def test_what_is_refused(options, message, tiny_run):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        pair_table(tiny_run, **options)


def test_a_network_needs_a_dataset(tiny_run):
    with pytest.raises(ValueError, match=r"^dataset: expected one beside a network; a run brings"):
        pair_table(tiny_run.network())
    found = pair_table(tiny_run.network(), dataset=tiny_run.dataset)
    np.testing.assert_array_equal(found.answered, by_hand(tiny_run).argmax(axis=1))


# --- filters, the shell, the picture -----------------------------------------------------------


def test_filters_combine(tiny_run):
    found = pair_table(tiny_run)
    frame = found.to_pandas()
    both = found.where(memorized=True, flagged=True)
    expected = frame[frame.memorized & frame.flagged.to_numpy(dtype=bool)]
    pd.testing.assert_frame_equal(both, expected)
    assert 0 < len(both) < len(found.where(flagged=True))
    assert len(found.where(split="test")) == (~tiny_run.dataset.is_train).sum()
    with pytest.raises(ValueError, match=r"^where: expected .*, got 'wrongs'; nearest is wrong$"):
        found.where(wrongs=True)
    # What is given out may be changed.
    both["x"] = -1
    frame["x"] = -1
    assert (found.to_pandas().x >= 0).all()


def test_plain_data_has_counts_and_no_rows(tiny_run):
    found = pair_table(tiny_run).to_dict()
    assert list(found) == ["caption", "note", "values"]
    assert found["values"]["pairs"] == P * P


def test_the_command_as_json_and_its_table(tiny_run, tmp_path, capsys):
    out = tmp_path / "pairs.csv"
    words = ["pairs", str(tiny_run.path), "--wrong", "--flagged", "--table", str(out), "--json"]
    main(words)
    told = json.loads(capsys.readouterr().out)
    found = pair_table(tiny_run)
    flags = found.flagged & found.wrong
    assert told["only"] == ["wrong", "flagged"]
    assert told["matching"] == flags.sum()
    assert told["values"] == found.to_dict()["values"]
    assert [(row["x"], row["y"]) for row in told["rows"]] == [
        tuple(pair) for pair in tiny_run.dataset.pairs[flags][:20].tolist()
    ]
    learned = [row["learned"] for row in told["rows"]]
    expected = ["never" if np.isinf(one) else int(one) for one in found.learned[flags][:20]]
    assert learned == expected
    written = pd.read_csv(out)
    assert list(written.columns) == ["pair", *found.to_pandas().columns]
    assert written.pair.tolist() == np.flatnonzero(flags).tolist()


def test_the_command_in_words(tiny_run, tmp_path, capsys):
    main(["pairs", str(tiny_run.path), "--figure", str(tmp_path / "f.html"), "--step", "0"])
    shown = capsys.readouterr().out
    assert f"{P * P} pairs\n" in re.sub(" +\n", "\n", shown)
    assert f"the first 20 of {P * P} pairs; --table writes all, with all columns" in shown
    assert "…" not in shown, "no cell loses its words"
    assert (tmp_path / "f.html").stat().st_size > 1000
    main(["pairs", str(tiny_run.path), "--memorized"])
    count = pair_table(tiny_run).values()["memorized"]
    assert f"{count} pairs, memorized" in capsys.readouterr().out


def test_the_picture(tiny_run):
    found, data = pair_table(tiny_run), tiny_run.dataset
    figure = found.plot()
    margin, split_, answer, learned, hover, dots = figure.data
    for m, n in ((0, 3), (7, 2), (10, 10)):
        pair = m * P + n
        assert margin.z[n, m] == pytest.approx(found.margin[pair], rel=1e-6)
        assert answer.z[n, m] == found.answered[pair]
        assert split_.z[n, m] == data.parts[:, pair].argmax()
        since = found.learned[pair]
        band = 5 if np.isinf(since) else tiny_run.steps.index(since)
        assert learned.z[n, m] == band
        told = hover.customdata[n][m]
        assert told[1:4] == [data.true_label[pair], data.given_label[pair], found.answered[pair]]
        assert told[4] == f"{found.margin[pair]:.3f}"
        assert told[5] == ("never" if np.isinf(since) else f"step {since:.0f}")
        assert told[7:] == [found.without.pruned[pair], found.without.filtered[pair]]
    assert margin.zmin == -margin.zmax < 0
    assert margin.zmax == np.abs(found.margin).max()
    np.testing.assert_array_equal(np.stack([dots.x, dots.y], axis=1), data.pairs[found.wrong])
    assert [one.visible for one in figure.data[:4]] == [True, False, False, False]
    menu = figure.layout.updatemenus[0].buttons
    assert [one.label for one in menu] == ["margin", "split", "answer", "step learned"]
    for place, one in enumerate(menu):
        shown, traces = one.args
        assert shown["visible"] == [i == place for i in range(4)]
        assert list(traces) == [0, 1, 2, 3]
    assert learned.colorbar.ticktext[-1] == "never"


def test_a_partial_domain_has_gaps():
    task = make_task("x / y", P)
    network = analytic_network(task, 60)
    found = pair_table(network, dataset=make_dataset(task, 0.6, 0.3))
    assert isinstance(found, PairTable)
    cells = found.plot().data[0].z
    assert np.isnan(cells[0]).all()  # nothing is divided by 0
    assert not np.isnan(cells[1:]).any()


def test_only_pair_tables_are_drawn():
    message = r"^expected a pair table, such as interp\.measures\['pairs'\]\(run\), got int 3$"
    with pytest.raises(TypeError, match=message):
        pair_picture(3)
