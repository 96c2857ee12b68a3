"""A measure of one's own: how it is written and read, and its history over a run."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from interp.analysis.measure import Measure, NotDefined, measure
from interp.analysis.measures import MEASURES
from interp.analysis.numbers import Numbers
from interp.analysis.trajectory.history import History, history
from interp.training.data.dataset import make_dataset
from interp.training.models.analytic import analytic_network
from interp.training.runs.run import Run, load
from interp.training.runs.subject import as_checkpoint
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

pytestmark = pytest.mark.usefixtures("unchecked")


@pytest.fixture()
def largest() -> Iterator[Measure]:
    """The greatest weight: defined from step 1 on."""

    @measure("largest weight", source="none", refuses=at_the_start)
    def own(checkpoint, *, of: str = "unembed.W_U", power: float = 1.0):
        """The greatest weight of a matrix.

        Args:
            of: which parameter.
            power: that it is raised to.
        """
        matrix = checkpoint.network.get_parameter(of).detach()
        return {"largest": float(matrix.abs().max()) ** power}

    yield own
    MEASURES.remove("largest weight")


def at_the_start(checkpoint):
    return "nothing is learned at step 0" if checkpoint.step == 0 else None


def greatest(run: Run, step: int, power: float = 1.0) -> float:
    return float(np.abs(run.weights[step]["unembed.W_U"]).max()) ** power


def test_an_own_measure(largest, tiny_run):
    assert MEASURES["largest weight"] is largest
    for source in (tiny_run, tiny_run.path, str(tiny_run.path), tiny_run.checkpoint()):
        assert largest(source).values() == {"largest": greatest(tiny_run, 30)}
    step = tiny_run.steps[1]
    assert largest(tiny_run, step).values() == {"largest": greatest(tiny_run, step)}
    found = largest(tiny_run, power="2")
    assert found.values()["largest"] == pytest.approx(greatest(tiny_run, 30, 2.0))
    assert found.caption == "tiny · seed 0 · step 30"
    assert largest.title == "The greatest weight of a matrix."
    assert "power: that it is raised to" in largest.__doc__
    assert largest.label({"power": 2, "of": "unembed.W_U"}) == "largest weight(power=2.0)"


def test_captions_of_numbers_say_where_they_come_from(tiny_run):
    @measure("captions", reads="run")
    def of(run):
        return Numbers({"x": 1.0}) if run.config.steps == 30 else Numbers({"x": 1.0}, "mine")

    try:
        assert of(tiny_run).caption == "tiny · seed 0 · step 30"
        assert of(train(tiny_config(steps=20))).caption == "mine"
    finally:
        MEASURES.remove("captions")


def test_where_it_is_not_defined(largest, tiny_run):
    with pytest.raises(NotDefined, match=r"^measure largest weight: nothing is learned at step 0$"):
        largest(tiny_run, 0)


def test_a_measure_that_gives_something_else(tiny_run):
    wrong = Measure("wrong", "run", "", lambda run: 3)
    message = r"^measure wrong: expected a result or numbers, got int$"
    with pytest.raises(TypeError, match=message):
        wrong(tiny_run)


SIGNATURES = [
    (lambda: {}, "measure wrong: expected a function of a subject, got one of nothing"),
    (
        lambda run, lowest=0.5: {},
        "measure wrong: expected (subject, *, option=default, …), got lowest without the *",
    ),
    (
        lambda run, *, lowest: {},
        "measure wrong: expected (subject, *, option=default, …), got lowest without a default",
    ),
    (
        lambda run, **options: {},
        "measure wrong: expected (subject, *, option=default, …), got options without a default",
    ),
]


@pytest.mark.parametrize(("function", "message"), SIGNATURES)
def test_a_function_that_is_no_measure(function, message):
    with pytest.raises(ValueError) as caught:
        measure("wrong")(function)
    assert str(caught.value) == message
    assert "wrong" not in MEASURES


def test_a_name_is_taken_once(largest):
    def other(checkpoint):
        return {}

    with pytest.raises(ValueError, match=r"^measure 'largest weight' is there already, from tests"):
        measure("largest weight")(other)
    with pytest.raises(ValueError, match=r"^measure 'needed' is there already, from interp itself"):
        measure("needed")(other)


def test_the_digest_changes_with_options_and_formula():
    needed = MEASURES["needed"]
    assert needed.digest({}) == needed.digest({"accuracy": 0.99}) == replace(needed).digest({})
    changed = [
        needed.digest({"accuracy": 0.9}),
        replace(needed, version=2).digest({}),
        replace(needed, name="other").digest({}),
    ]
    assert len({needed.digest({}), *changed}) == 4
    one = Measure("own", "run", "", lambda run: {"x": 1})
    two = Measure("own", "run", "", lambda run: {"x": 2})
    assert one.digest({}) != two.digest({}), "the text of a function that is no row of the table"


def test_what_cannot_be_found_as_text_goes_by_its_code():
    functions = [eval(f"lambda run: {{'x': run {sign} run}}") for sign in "+-+"]
    first, second, third = (Measure("own", "run", "", f).digest({}) for f in functions)
    assert first == third
    assert first != second


def test_needed_asks_for_test_examples():
    task = make_task("x + y", 11)
    everything = as_checkpoint(analytic_network(task, 40), dataset=make_dataset(task, 1.0))
    message = "needed: expected test examples (α < 1), found none"
    with pytest.raises(ValueError) as caught:
        MEASURES["needed"](everything)
    assert str(caught.value) == message


# --- over a run --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["neurons", "scores", "embeddings"])
def test_a_history_is_the_measure_at_every_checkpoint(tiny_run, name):
    found = history(tiny_run.path, name)
    assert found.steps == tuple(tiny_run.steps)
    assert len(found.steps) >= 4
    for step, row in zip(found.steps, found.rows, strict=True):
        assert row == MEASURES[name](tiny_run, step).values()
    assert found.values() == MEASURES[name](tiny_run).values()
    assert found.caption == f"{name} · tiny · seed 0"
    frame = found.to_pandas()
    assert frame.index.name == "step"
    assert list(frame.index) == tiny_run.steps
    assert list(frame.columns) == list(found.rows[0])
    assert frame.iloc[1].to_dict() == pytest.approx(dict(found.rows[1]), nan_ok=True)
    drawn = {line.name: line for line in found.plot().data}
    values = {value.replace("_", " ").replace(".", ": "): value for value in frame.columns}
    assert set(drawn) <= set(values) and drawn
    for legend, line in drawn.items():
        value = values[legend]
        assert list(line.x) == [max(step, 1) for step in tiny_run.steps]  # on a scale of powers
        np.testing.assert_allclose(
            line.y.astype(float), frame[value].to_numpy(dtype=float), rtol=1e-6
        )


def test_a_history_where_a_measure_is_not_always_defined(largest, tiny_run):
    seen: list[int] = []
    found = history(tiny_run, largest, watch=seen.append, power=2.0)
    assert seen == tiny_run.steps
    assert found.rows[0] == {}
    assert found.problems == {0: "measure largest weight: nothing is learned at step 0"}
    for step, row in list(zip(found.steps, found.rows, strict=True))[1:]:
        assert row["largest"] == pytest.approx(greatest(tiny_run, step, 2.0))
    assert found.to_pandas()["largest"].isna().tolist() == [True] + [False] * (len(seen) - 1)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["measure"] == "largest weight(power=2.0)"
    assert plain["problems"] == {"0": found.problems[0]}
    assert plain["rows"][0] == {}


def test_steps_of_a_history(largest, tiny_run):
    last, first = tiny_run.steps[-1], tiny_run.steps[1]
    assert history(tiny_run, largest, [last, first]).steps == (first, last)
    with pytest.raises(ValueError, match="no checkpoint at step 29; expected one of "):
        history(tiny_run, largest, [29])
    with pytest.raises(ValueError, match="nothing is learned at step 0"):
        history(tiny_run, largest, [0])


def test_a_history_of_what_reads_a_whole_run(tiny_run):
    with pytest.raises(ValueError, match=r"^history: measure phase reads a whole run already$"):
        history(tiny_run, "phase")
    with pytest.raises(ValueError, match=r"^history: measure boundary reads a whole sweep already"):
        history(tiny_run, "boundary")


def test_what_a_history_refuses(tiny_run):
    with pytest.raises(ValueError, match=r"got 'neuron'; nearest is neurons$"):
        history(tiny_run, "neuron")
    message = r"^measure scores: unknown option 'layer'; its options are none$"
    with pytest.raises(ValueError, match=message):
        history(tiny_run, "scores", layer=1)
    with pytest.raises(TypeError, match=r"^expected a run or its folder, got int 3$"):
        history(3, "scores")


def test_a_history_of_a_run_without_a_checkpoint(tiny_folder):
    for folder in (tiny_folder / "checkpoints").iterdir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    with pytest.raises(ValueError, match=r"tiny: no checkpoint yet$"):
        history(load(tiny_folder), "scores")


def test_an_event_that_never_came_is_a_word_in_json():
    rows = ({"when": math.inf, "size": math.nan}, {"when": 3.0, "size": 1.0})
    found = History("events", (0, 5), rows, {}, "events")
    assert found.to_dict()["rows"] == [{"when": "never", "size": None}, {"when": 3.0, "size": 1.0}]
    assert found.values() == {"when": 3.0, "size": 1.0}
