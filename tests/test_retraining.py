"""Networks trained again on other examples: which examples, as by hand; scores from brute force."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.memorization.case import Case
from interp.analysis.memorization.detection import judged
from interp.analysis.memorization.detectors import DETECTORS, detector
from interp.analysis.memorization.influence import influenced
from interp.analysis.memorization.retraining import kinds, scores
from interp.analysis.memorization.retraining.derived import left_out
from interp.analysis.memorization.retraining.retrain import Retrained, retrain, ways_of
from interp.analysis.memorization.retraining.trainers import InSweep, in_memory
from interp.analysis.memorization.turnover import turnover_logits
from interp.cli.app import main
from interp.exchange import import_checkpoint
from interp.training.config.run_config import parse_config
from interp.training.data.given import given_dataset
from interp.training.runs.run import Run
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.shim import killed
from tests.writing_commands import run_quietly

WAYS = ("folds", "second_split", "halves")


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


@pytest.fixture(scope="module")
def again(tiny_run: Run) -> Retrained:
    return retrain(tiny_run, WAYS, in_memory)


@pytest.fixture(scope="module")
def few(monkeypatch_module: pytest.MonkeyPatch) -> None:
    """Fewer networks where examples are left out."""
    for name, value in {"LEFT_OUT": 8, "GROUPS": 3, "REPEATS": 3, "SUBSETS": 6}.items():
        monkeypatch_module.setattr(kinds, name, value)


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def weights(run: Run) -> np.ndarray:
    return np.concatenate([one.ravel() for _, one in sorted(run.weights[run.last_step].items())])


# --- which examples ------------------------------------------------------------------------------


def test_each_fold_is_left_out_once_and_nothing_else_changes(tiny_run, again):
    data, folds = tiny_run.dataset, again.of("folds")
    assert len(folds) == 5
    missing = np.stack([data.is_train & ~run.dataset.is_train for run in folds])
    np.testing.assert_array_equal(missing.sum(axis=0), data.is_train)
    assert np.ptp(missing.sum(axis=1)) <= 1
    for run in folds:
        kept = run.dataset.is_train
        np.testing.assert_array_equal(run.dataset.given_label[kept], data.given_label[kept])
        np.testing.assert_array_equal(run.dataset.is_redrawn[kept], data.is_redrawn[kept])
        np.testing.assert_array_equal(weights_at_start(run), weights_at_start(tiny_run))


def weights_at_start(run: Run) -> np.ndarray:
    return np.concatenate([one.ravel() for _, one in sorted(run.weights[0].items())])


def test_a_fold_is_trained_as_a_run_on_given_data_is(tiny_run, again):
    """By the public way: a dataset of given labels and a given training set."""
    fold = again.of("folds")[2]
    data = given_dataset(
        fold.dataset.task,
        tiny_run.dataset.given_label,
        np.flatnonzero(fold.dataset.is_train),
    )
    values = tiny_run.config.to_dict() | {"data": data}
    np.testing.assert_array_equal(weights(train(parse_config(values))), weights(fold))


def test_a_second_split_is_of_unseen_pairs_and_starts_from_the_run(tiny_run, again):
    data, (at_rate, slower) = tiny_run.dataset, again.of("second_split")
    for run in (at_rate, slower):
        second = run.dataset
        assert not (second.is_train & data.is_train).any()
        assert second.is_train.sum() == round(0.3 * 121)
        share = data.is_redrawn.sum() / data.is_train.sum()
        assert second.is_redrawn.sum() == round(share * second.is_train.sum())
        assert (second.is_train | ~second.is_redrawn).all()
        right = second.given_label == second.true_label
        assert right[~second.is_redrawn].all() and not right[second.is_redrawn].all()
        np.testing.assert_array_equal(weights_at_start(run), weights(tiny_run))
        assert run.steps == list(range(101))
    assert at_rate.config.optimizer.lr == tiny_run.config.optimizer.lr
    assert slower.config.optimizer.lr == pytest.approx(tiny_run.config.optimizer.lr / 10)


def test_each_half_is_followed_by_the_other(tiny_run, again):
    one, other, after_one, after_other = again.of("halves")
    both = np.stack([one.dataset.is_train, other.dataset.is_train])
    np.testing.assert_array_equal(both.sum(axis=0), tiny_run.dataset.is_train)
    for first, second, data in ((one, after_one, other), (other, after_other, one)):
        np.testing.assert_array_equal(weights_at_start(second), weights(first))
        np.testing.assert_array_equal(second.dataset.is_train, data.dataset.is_train)


def test_the_phase_that_scores_are_read_in(tiny_run, again):
    def tests(runs):
        return np.mean([run.measurement().scores["test"].accuracy for run in runs])

    assert again.accuracy["folds"] == pytest.approx(tests(again.of("folds")))
    assert again.accuracy["halves"] == pytest.approx(tests(again.of("halves")[:2]))
    assert again.accuracy["second_split"] == pytest.approx(tests([tiny_run]))
    found = judged(tiny_run, again)
    assert f"test accuracy of halves: {again.accuracy['halves']:.2f}" in found.note
    assert found.values()["folds.test_accuracy"] == again.accuracy["folds"]


def test_what_is_left_out_one_by_one_in_groups_and_at_random(few, tiny_run):
    data = tiny_run.dataset
    ones = [config.make_task() and config for config in kinds._one_out(tiny_run, 0)]
    missing = [_missing(tiny_run, config) for config in ones]
    assert [len(places) for places in missing] == [1] * 8
    assert len({int(places[0]) for places in missing}) == 8
    assert sum(bool(data.is_wrong[places[0]]) for places in missing) == 4
    groups = [_missing(tiny_run, config) for config in kinds._groups_out(tiny_run, 0)]
    for repeat in range(3):
        parts = groups[3 * repeat : 3 * repeat + 3]
        assert sorted(np.concatenate(parts)) == np.flatnonzero(data.is_train).tolist()
    assert set(groups[0]) != set(groups[3])
    subsets = [_missing(tiny_run, config) for config in kinds._subsets(tiny_run, 0)]
    assert {len(places) for places in subsets} == {round(0.3 * data.is_train.sum())}
    assert len({tuple(sorted(places)) for places in subsets}) == 6


def _missing(run: Run, config) -> np.ndarray:
    made = config.data.make_dataset(config.make_task(), 0, 0)
    return np.flatnonzero(run.dataset.is_train & ~made.is_train)


# --- scores --------------------------------------------------------------------------------------


def test_out_of_fold_logits_are_those_of_the_network_that_never_saw_the_example(tiny_run, again):
    case = Case(tiny_run, retrained=again)
    logits, data = case.out_of_fold, tiny_run.dataset
    for example in (0, 17, 40):
        place = np.flatnonzero(data.is_train)[example]
        (network,) = [run.network() for run in again.of("folds") if not run.dataset.is_train[place]]
        expected = network(torch.as_tensor(data.pairs[place : place + 1])).detach()[0]
        torch.testing.assert_close(logits[example], expected)
    margin = DETECTORS["out_of_fold"].score(case)
    own = logits[0].clone()
    given = own[case.given[0]].item()
    own[case.given[0]] = -np.inf
    assert margin[0] == pytest.approx(own.max().item() - given, rel=1e-5)


def test_an_example_is_forgotten_when_it_is_wrong_until_the_end():
    """By example: always right; lost at step 2; lost, right again, lost at 3; never right."""
    margins = np.array([[1.0, 1, 1, -1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, -1]])
    assert scores.forgotten(margins).tolist() == [-4, -2, -3, 0]


def test_second_stage_scores_by_a_loop_over_the_steps(tiny_run, again):
    case = Case(tiny_run, retrained=again)
    data, (at_rate, slower) = tiny_run.dataset, again.of("second_split")
    pairs = torch.as_tensor(data.pairs[data.is_train])

    def right(run, step):
        with torch.no_grad():
            return run.network(step)(pairs).argmax(dim=1).numpy() == case.given

    wrong_since = np.zeros(len(case.given))
    for step in at_rate.steps:
        wrong_since = np.where(right(at_rate, step), step + 1, wrong_since)
    np.testing.assert_array_equal(DETECTORS["second_split"].score(case), -wrong_since)
    margins = [case.margin_of(slower.network(step)) for step in slower.steps]
    np.testing.assert_allclose(
        DETECTORS["second_split_margin"].score(case), -np.mean(margins, axis=0), rtol=1e-5
    )
    halved = DETECTORS["halved_split"].score(case)
    own = again.of("halves")[1].dataset.is_train[data.is_train]
    margins = np.stack([case.margin_of(again.of("halves")[3].network(s)) for s in range(101)])
    np.testing.assert_array_equal(halved[own], scores.forgotten(margins)[own])


def test_memorization_by_loops():
    random = np.random.default_rng(0)
    right, out = random.random((6, 9)) < 0.5, random.random((6, 9)) < 0.4
    out[:, 0], out[:, 1] = False, True
    found = scores.memorized(right, out)
    for example in range(9):
        inside = [right[run, example] for run in range(6) if not out[run, example]]
        outside = [right[run, example] for run in range(6) if out[run, example]]
        if inside and outside:
            assert found[example] == pytest.approx(np.mean(inside) - np.mean(outside))
        else:
            assert np.isnan(found[example])


def test_confident_learning_by_its_formula(tiny_run, again):
    """Northcutt et al. 2021: probabilities less the class's mean self-confidence, then margins."""
    case = Case(tiny_run, retrained=again)
    probability = case.out_of_fold.double().softmax(dim=1).numpy()
    given = case.given
    assert set(given.tolist()) == set(range(11))
    threshold = np.array([probability[given == one, one].mean() for one in range(11)])
    adjusted = probability - threshold + threshold.max()
    adjusted /= adjusted.sum(axis=1, keepdims=True)
    own = adjusted[np.arange(len(given)), given].copy()
    adjusted[np.arange(len(given)), given] = -np.inf
    margin = own - adjusted.max(axis=1)
    np.testing.assert_allclose(scores.confident_learning(case), 1 - (margin + 1) / 2, rtol=1e-9)


def test_outcomes_of_a_known_cell():
    """Coexistence ξ .2 of memorization.md: forgetting on a fresh split, halves, folds."""
    config = tiny_config(
        task={"p": 47},
        data={"fraction": 0.65, "corruption": 0.2},
        model={"width": 200},
        optimizer={"lr": 0.01, "betas": [0.9, 0.98]},
        steps=500,
        schedule={"checkpoints": 2},
    )
    run = train(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = judged(run, retrain(run, WAYS, in_memory)).values()
    assert values["second_split.auroc"] >= 0.97 and values["second_split.precision"] >= 0.95
    assert values["second_split_margin.auroc"] >= 0.97
    assert values["halved_split.auroc"] == pytest.approx(0.45, abs=0.07)
    assert values["halves.test_accuracy"] <= 0.05  # it memorizes, whatever the run does
    assert values["out_of_fold.auroc"] == pytest.approx(0.97, abs=0.03)
    assert values["out_of_fold.precision"] == pytest.approx(0.8, abs=0.07)
    assert values["confident_learning.auroc"] <= values["second_split.auroc"]


# --- influence -----------------------------------------------------------------------------------


def test_influence_by_hand(few, tiny_run):
    again = retrain(tiny_run, ("one_out", "groups_out", "subsets"), in_memory)
    found = influenced(tiny_run, again)
    data, train_places = tiny_run.dataset, np.flatnonzero(tiny_run.dataset.is_train)
    values = found.values()
    guessed = []
    for run, place, change, wrong in zip(
        again.of("one_out"), found.places, found.change, found.wrong, strict=True
    ):
        pair = train_places[place]
        assert not run.dataset.is_train[pair] and data.is_train[pair]
        assert wrong == data.is_wrong[pair]
        label = torch.nn.functional.one_hot(torch.as_tensor(data.given_label[pair]), 11)
        with torch.no_grad():
            logits = [
                one.network()(torch.as_tensor(data.pairs[pair : pair + 1]))[0]
                for one in (run, tiny_run)
            ]
        left, own = (float(((one - label) ** 2).mean()) for one in logits)
        assert change == pytest.approx(left - own, rel=1e-3, abs=1e-6)
        guessed.append(bool(logits[0].argmax() == data.given_label[pair]))
    assert values["one_out.wrong"] == np.mean(np.array(guessed)[found.wrong])
    assert values["one_out.right"] == np.mean(np.array(guessed)[~found.wrong])
    score = DETECTORS["final_loss"].score(Case(tiny_run))[found.places]
    expected = np.corrcoef(score, found.change)[0, 1]
    assert values["final_loss.correlation"] == pytest.approx(expected, rel=1e-6)
    within = np.corrcoef(score[found.wrong], found.change[found.wrong])[0, 1]
    assert values["final_loss.within_wrong"] == pytest.approx(within, rel=1e-6)
    _check_memorization(tiny_run, again, values)
    frame = found.to_pandas()
    assert set(frame.index[frame["control"]]) == {"random_margin", "low_margin", "vote_margin"}
    assert frame.loc["groups_out", "auroc"] == values["groups_out.auroc"]
    _check_figure(found)
    changes = found.changes()
    np.testing.assert_array_equal(changes[found.places], found.change)
    assert changes.isna().sum() == data.is_train.sum() - len(found.places)
    for way in ("one_out", "groups_out", "subsets"):
        assert f"{way} {again.accuracy[way]:.2f}" in found.note


def _check_figure(found) -> None:
    """A mark a score for all left out, another for the wrong labels among them."""
    values, frame = found.values(), found.to_pandas()
    shown = {
        (name, trace.name): (x, trace.marker.symbol.endswith("-open"))
        for trace in found.plot().data
        for name, x in zip(trace.customdata, trace.x, strict=True)
    }
    for name in found.scores:
        for metric, words in (
            ("correlation", "all left out"),
            ("within_wrong", "wrong labels among them"),
        ):
            if values[f"{name}.{metric}"] is None:
                assert (name, words) not in shown
            else:
                hollow = bool(frame.loc[name, "control"])
                assert shown[name, words] == (pytest.approx(values[f"{name}.{metric}"]), hollow)


def _check_memorization(run: Run, again: Retrained, values) -> None:
    data = run.dataset
    given, wrong = data.given_label[data.is_train], data.is_wrong[data.is_train]
    pairs = torch.as_tensor(data.pairs[data.is_train])
    right = np.stack(
        [one.network()(pairs).argmax(dim=1).numpy() == given for one in again.of("groups_out")]
    )
    out = np.stack([~one.dataset.is_train[data.is_train] for one in again.of("groups_out")])
    each = np.array(
        [right[~out[:, e], e].mean() - right[out[:, e], e].mean() for e in range(len(given))]
    )
    assert values["groups_out.wrong"] == pytest.approx(each[wrong].mean())
    assert values["groups_out.right"] == pytest.approx(each[~wrong].mean())
    held = [
        (one.network()(pairs).argmax(dim=1).numpy() == data.true_label[data.is_train])[o].mean()
        for one, o in zip(again.of("groups_out"), out, strict=True)
    ]
    assert values["groups_out.held_out_true"] == pytest.approx(np.mean(held))
    parts = [
        [
            right[k : k + 3][~out[k : k + 3, e], e].mean()
            - right[k : k + 3][out[k : k + 3, e], e][0]
            for e in range(len(given))
        ]
        for k in (0, 3, 6)
    ]
    repeats = np.mean([np.corrcoef(parts[i], parts[j])[0, 1] for i, j in ((0, 1), (0, 2), (1, 2))])
    assert values["groups_out.repeats"] == pytest.approx(repeats)


def test_the_measure_trains_by_itself(few, tiny_run):
    found = MEASURES["influence"](tiny_run)
    assert found.values()["one_out.test_accuracy"] is not None


# --- sweeps --------------------------------------------------------------------------------------


def test_a_sweep_trains_the_same_and_nothing_twice(tiny_run, again, tmp_path):
    place = tmp_path / "again"
    found = retrain(tiny_run, WAYS, InSweep(place, "serial"))
    for way in WAYS:
        for ours, theirs in zip(found.of(way), again.of(way), strict=True):
            np.testing.assert_array_equal(weights(ours), weights(theirs))
            np.testing.assert_array_equal(left_out(tiny_run, ours), left_out(tiny_run, theirs))
    done = {path: path.stat().st_mtime_ns for path in place.glob("runs/*/DONE")}
    assert len(done) == 11
    retrain(tiny_run, WAYS, InSweep(place, "serial"))
    assert {path: path.stat().st_mtime_ns for path in place.glob("runs/*/DONE")} == done


@pytest.mark.parametrize("at", [3, 40, 200])
def test_a_sweep_that_was_killed_goes_on(tiny_run, again, tmp_path, at):
    """By the same command; at call 3 of those that write, 40 and 200."""
    words = ["retrain", str(tiny_run.path), "--out", str(tmp_path / "again"), "--json"]
    words += ["--executor", "serial", "--ways", "folds, halves"]
    with killed(tmp_path, at):
        run_quietly(words)
    assert not list((tmp_path / "again").glob("runs/*/DONE")) or at > 3
    assert run_quietly(words) == (0, [])
    assert len(list((tmp_path / "again").glob("runs/*/DONE"))) == 9
    found = retrain(tiny_run, ("folds", "halves"), InSweep(tmp_path / "again", "serial"))
    for ours, theirs in zip(found.of("halves"), again.of("halves"), strict=True):
        np.testing.assert_array_equal(weights(ours), weights(theirs))


def test_a_run_in_memory_is_retrained_by_a_sweep_too(tmp_path):
    run = train(tiny_config(steps=3))
    found = retrain(run, ("second_split",), InSweep(tmp_path / "again", "serial"))
    np.testing.assert_array_equal(weights_at_start(found.of("second_split")[0]), weights(run))
    assert list((tmp_path / "again" / "given").glob("*.safetensors"))


def test_a_sweep_refuses_other_folders_and_says_what_failed(tiny_run, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with refused("other: expected a new folder or one of a sweep, it has contents"):
        retrain(tiny_run, ("folds",), InSweep(tmp_path / "other", "serial"))
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["letter.txt"]
    wild = replace(tiny_run, config=tiny_run.config.replace("optimizer.lr", 1e18))
    with refused(": expected every network retrained; "):
        retrain(wild, ("folds",), InSweep(tmp_path / "wild", "serial"))
    with pytest.raises(ArithmeticError):
        retrain(wild, ("folds",), in_memory)


# --- what cannot be ------------------------------------------------------------------------------


def test_scores_without_retraining_say_how_to_get_them(tiny_run):
    problems = MEASURES["detection"](tiny_run).problems
    asked = "expected networks that were trained again (folds): interp retrain trains them"
    assert problems["out_of_fold"] == problems["confident_learning"] == asked


def test_ways_by_name():
    assert ways_of("none") == ()
    assert set(ways_of("influence")) == {"one_out", "groups_out", "subsets"}
    assert not set(ways_of("all")) & set(ways_of("influence"))
    assert ways_of("folds, halves,folds") == ("folds", "halves")
    assert set(ways_of("all, influence")) == {*ways_of("all"), *ways_of("influence")}
    with refused("retrain: expected none, or some of all, influence, folds, second_split, halves"):
        ways_of("fold")


def test_runs_that_cannot_be_trained_again(tiny_run):
    young = replace(tiny_run, finished=False)
    unfinished = "expected a finished run, got one that is not marked as done, at step 30 of 30"
    with refused(f"retrain: {unfinished}"):
        MEASURES["detection"](young, retrain="folds")
    with refused(f"measure influence: {unfinished}"):
        MEASURES["influence"](young)


def test_imported_networks_are_not_trained_again(tiny_run):
    state = {name: torch.as_tensor(v) for name, v in tiny_run.weights[30].items()}
    made = import_checkpoint(state, operation="x + y").run
    with refused("retrain: expected a run that was trained here, got one imported"):
        retrain(made, ("folds",), in_memory)


def test_a_way_that_is_not_possible_leaves_the_others(tmp_path):
    run = train(tiny_config(data={"fraction": 1.0, "corruption": 0.3}, steps=2))
    found = retrain(run, ("folds", "second_split"), in_memory)
    why = "expected pairs that were not trained on, for a second split, found none"
    assert found.problems == {"second_split": why}
    with pytest.raises(NotDefined, match=re.escape(why)):
        found.of("second_split")
    small = train(tiny_config(data={"fraction": 0.03, "corruption": 0.3}, steps=2))
    problems = retrain(small, ("folds",), in_memory).problems
    assert problems["folds"] == "expected more than 5 training examples, got 4"


@pytest.mark.filterwarnings("ignore:model.dropout_masks")
def test_turnover_is_trained_with_a_mask_an_example(tiny_run):
    found = retrain(tiny_run, ("turnover",), in_memory)
    (network,) = found.of("turnover")
    assert (network.config.model.dropout, network.config.model.dropout_masks) == (0.5, 0)
    np.testing.assert_array_equal(network.dataset.is_train, tiny_run.dataset.is_train)
    own, other = turnover_logits(network)
    given = torch.nn.functional.one_hot(torch.as_tensor(Case(tiny_run).given), 11)
    expected = ((other - given) ** 2).mean(dim=1) - ((own - given) ** 2).mean(dim=1)
    score = DETECTORS["turnover"].score(Case(tiny_run, retrained=found))
    np.testing.assert_allclose(score, expected.numpy(), rtol=1e-4, atol=1e-6)
    note = judged(tiny_run, found).note
    assert f"test accuracy of turnover: {found.accuracy['turnover']:.2f}" in note
    masked = retrain(network, ("turnover",), in_memory).problems
    assert masked["turnover"] == "expected a run without turn-over dropout, got one with it"
    batches = train(tiny_config(optimizer={"batch_size": 8}, steps=1))
    why = retrain(batches, ("turnover",), in_memory).problems["turnover"]
    assert why.startswith("optimizer.batch_size: expected none with model.dropout_masks")


def test_warm_up_is_no_longer_than_a_second_stage():
    run = train(tiny_config(optimizer={"warmup": 200}, steps=300, schedule={"checkpoints": 2}))
    (at_rate, _) = retrain(run, ("second_split",), in_memory).of("second_split")
    assert at_rate.config.optimizer.warmup == 100


# --- the command ---------------------------------------------------------------------------------


def test_the_command(tiny_run, tmp_path, capsys):
    table = tmp_path / "examples.csv"
    arguments = [str(tiny_run.path), "--out", str(tmp_path / "again"), "--executor", "serial"]
    main(["retrain", *arguments, "--ways", "folds", "--table", str(table)])
    shown = capsys.readouterr().out
    assert "without its fold, of 5" in shown and "test accuracy of folds" in shown
    frame = pd.read_csv(table)
    data = tiny_run.dataset
    assert len(frame) == data.is_train.sum() and frame["wrong"].sum() == data.is_wrong.sum()
    np.testing.assert_array_equal(frame["given"], data.given_label[data.is_train])
    main(["retrain", *arguments, "--ways", "folds", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert "out_of_fold.auroc" in told["values"] and "influence" not in told
    by_score = frame["out_of_fold"].rank()
    wins = by_score[frame["wrong"]].sum() - frame["wrong"].sum() * (frame["wrong"].sum() + 1) / 2
    expected = wins / (frame["wrong"].sum() * (~frame["wrong"]).sum())
    assert told["values"]["out_of_fold.auroc"] == pytest.approx(expected, abs=1e-6)


def test_the_command_shows_what_leaving_out_changes(few, tiny_run, tmp_path, capsys):
    arguments = [str(tiny_run.path), "--out", str(tmp_path / "again"), "--executor", "serial"]
    main(["retrain", *arguments, "--ways", "influence"])
    shown = capsys.readouterr().out
    assert "what leaving" in shown and "correlation" in shown and "random 70%" in shown


def test_the_command_refuses_before_it_trains(tmp_path, capsys):
    clean = train(tiny_config(data={"fraction": 0.6, "corruption": 0}, steps=1), tmp_path / "run")
    with pytest.raises(SystemExit):
        main(["retrain", str(clean.path), "--out", str(tmp_path / "again")])
    said = capsys.readouterr().err
    assert "retrain: expected training examples with a wrong label, found none" in said
    assert not Path(tmp_path / "again").exists()


def test_warnings_of_other_processes_are_one_line(tiny_run, tmp_path, capfd):
    arguments = [str(tiny_run.path), "--out", str(tmp_path / "again"), "--executor", "processes"]
    main(["retrain", *arguments, "--workers", "1", "--ways", "turnover"])
    lines = capfd.readouterr().err.splitlines()
    notes = [line for line in lines if "dropout_masks" in line]
    assert len(notes) == 1 and notes[0].startswith("interp: note: model.dropout_masks: a fixed")
    assert not [line for line in lines if "UserWarning" in line or "train_many" in line]


# --- settings of a run that its retraining keeps --------------------------------------------------


def test_a_run_that_stops_by_its_scores_is_retrained_so(tmp_path):
    """Second stages do not stop; the others are scored as often as the run."""
    config = tiny_config(stop={"train_accuracy": 0.2, "for": 2}, steps=60)
    run = train(config, tmp_path / "run")
    found = retrain(run, WAYS, InSweep(tmp_path / "again", "serial"))
    fold, (at_rate, _) = found.of("folds")[0], found.of("second_split")
    assert fold.config.stop == run.config.stop
    assert fold.config.schedule.evaluations == run.config.schedule.evaluations
    assert at_rate.stopped is None and at_rate.last_step == 100
    again = retrain(run, WAYS, in_memory)
    for way in WAYS:
        for ours, theirs in zip(found.of(way), again.of(way), strict=True):
            np.testing.assert_array_equal(weights(ours), weights(theirs))


def test_what_is_frozen_stays_so(tiny_run):
    start = {"run": str(tiny_run.path), "freeze": ["unembed.*"]}
    run = train(tiny_config(start=start, steps=5))
    found = retrain(run, WAYS, in_memory)
    for one in (*found.of("second_split"), *found.of("halves"), *found.of("folds")):
        assert one.config.start.freeze == ("unembed.*",)
        before, after = (one.weights[step]["unembed.W_U"] for step in (0, one.last_step))
        np.testing.assert_array_equal(before, after)


def test_a_second_split_is_corrupted_as_the_run_was():
    wrong = train(tiny_config(data={"fraction": 0.6, "corruption": 0.5, "kind": "wrong"}, steps=1))
    made = kinds.second_split(wrong, 0)
    assert (made.given_label != made.true_label)[made.is_redrawn].all()
    alike = {"fraction": 0.5, "corruption": 0.5, "kind": "symmetric"}
    made = kinds.second_split(train(tiny_config(data=alike, steps=1)), 0)
    labels = made.given_label.reshape(11, 11)
    both = (made.is_redrawn.reshape(11, 11)) & (made.is_redrawn.reshape(11, 11).T)
    assert both.sum() > 5
    np.testing.assert_array_equal(labels[both], labels.T[both])


def test_without_test_examples_no_accuracy_is_told():
    run = train(tiny_config(data={"fraction": 1.0, "corruption": 0.3}, steps=2))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        found = judged(run, retrain(run, ("turnover", "second_split"), in_memory))
    assert "nan" not in found.note and "turnover" not in found.retrained
    assert "not there: second_split (expected pairs that were not trained on" in found.note


def test_small_sets_have_no_different_subsets():
    small = train(tiny_config(data={"fraction": 0.04, "corruption": 0.3}, steps=1))
    problems = retrain(small, ("subsets",), in_memory).problems
    assert problems["subsets"] == f"expected more than {kinds.SUBSETS} training examples, got 5"


def test_a_damaged_file_of_a_dataset_is_written_anew(tiny_run, tmp_path):
    place = tmp_path / "again"
    retrain(tiny_run, ("folds",), InSweep(place, "serial"))
    file = sorted((place / "given").glob("*.npz"))[0]
    whole = file.read_bytes()
    file.write_bytes(b"no such thing")
    retrain(tiny_run, ("folds",), InSweep(place, "serial"))
    assert file.read_bytes() == whole


def test_a_sweep_of_networks_needs_a_folder(tiny_run, tmp_path):
    (tmp_path / "file").touch()
    with refused("file: expected a folder, that is a file"):
        retrain(tiny_run, ("folds",), InSweep(tmp_path / "file", "serial"))
    with refused("memory://x: expected a folder of this machine, got an address"):
        retrain(tiny_run, ("folds",), InSweep("memory://x", "serial"))


def test_random_controls_are_drawn_among_the_living(tiny_run):
    """Seven of sixteen neurons are dead; as many of the others stay as in the pruned network."""
    run = train(tiny_config())
    weights = {step: dict(arrays) for step, arrays in run.weights.items()}
    last = weights[run.last_step]
    last["blocks.0.mlp.W_in"] = last["blocks.0.mlp.W_in"].copy()
    last["blocks.0.mlp.W_in"][:, :7] = 0
    case = Case(replace(run, weights=weights))
    assert case.table.dead.sum() == 7
    random = np.random.default_rng(0)
    for _ in range(5):
        keep = case.as_many(random)
        assert not keep[:7].any() and keep.sum() == case.high.sum()


@pytest.mark.parametrize(
    ("score", "why"),
    [
        (lambda case: np.full(len(case.train), np.nan), "got 73 that are none"),
        (lambda case: np.zeros(3), "got shape (1, 3)"),
        (lambda case: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_a_detector_that_fails_leaves_the_others(tiny_run, score, why):
    detector("failing")(score)
    try:
        found = MEASURES["detection"](tiny_run)
    finally:
        DETECTORS.remove("failing")
    assert why in found.problems["failing"] and "not there: failing (" in found.note
    assert "final_loss" in found.found
