"""Small promises that nothing else holds to: each was once broken unnoticed."""

from __future__ import annotations

from collections import Counter
from math import inf
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest

from interp import figures
from interp.analysis.neurons.answers import AnswerPlanes
from interp.analysis.sweeps.boundary import boundary
from interp.analysis.sweeps.sweep import _measuring
from interp.cli.print_runs import _cell
from interp.explorer.page import _table_section
from interp.figures.numbers import _MOST, numbers
from interp.training.config.start_file import digest_of
from interp.training.data.pair_forms import pairs_of
from interp.training.sweep.executors.machine import Machine
from interp.training.sweep.table.tally import Tally
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.sweep_results import made


@pytest.mark.parametrize("third", [(2, 9), (-1, 2)])
def test_a_third_column_that_is_neither_token_nor_label_is_refused(third):
    task = make_task("x + y", 5)
    with pytest.raises(ValueError, match="a third column of labels from 0 to 4"):
        pairs_of(task, np.array([[0, 1, third[0]], [1, 2, third[1]]]), "pairs")


def test_a_run_that_was_trained_on_everything_knows_its_data():
    run = train(tiny_config(data={"fraction": 1.0, "corruption": 0.0}, steps=1))
    assert run.dataset.is_train.all()
    assert run.knows_data


def test_a_digest_tells_names_precisions_and_shapes():
    """All five hold the same bytes, or none."""
    zeros = np.zeros(4, dtype=np.float32)
    named = [{"a": zeros}, {"b": zeros}, {"a": zeros.reshape(2, 2)}, {"a": zeros.view(np.int32)}]
    named.append({"a": zeros + 1})
    assert len({digest_of(one) for one in named}) == 5


def test_a_record_is_counted_once(unchecked):
    tally = Tally(total=3)
    tally.add(SimpleNamespace(status="done", state="confusion"))
    assert (tally.status, tally.states) == (Counter(done=1), Counter(confusion=1))
    assert tally.left == 2


def test_the_level_of_a_measured_boundary_is_that_asked_for():
    axes = {"data.fraction": (0.3,), "data.corruption": (0.2, 0.4)}
    results = made(axes, 3, lambda a, c, seed: "coexistence" if c < 0.3 else "memorization")
    assert boundary(results, level=0.5).level == 0.5


def test_the_machine_that_measures_is_the_one_asked_for():
    assert _measuring(Machine(executor="serial")).executor == "serial"
    assert _measuring(Machine(workers=2)).executor == "processes"
    assert _measuring(Machine(workers=1)).executor == "serial"


def test_places_of_answers_are_by_element():
    points = np.arange(6.0).reshape(3, 2)
    planes = SimpleNamespace(
        residues=np.array([0, 1, 2]),
        pca=SimpleNamespace(points=points),
        tsne=SimpleNamespace(points=-points),
    )
    table = AnswerPlanes.to_pandas(planes)
    assert table.index.name == "element"
    assert table["pca_2"].tolist() == [1, 3, 5]
    assert table["tsne_1"].tolist() == [0, -2, -4]


@pytest.mark.parametrize(
    ("value", "text"),
    [(inf, "never"), (0.123456789, "0.123457"), (None, "–"), (3, "3"), ("a", "a")],
)
def test_a_cell_of_printed_values(value, text):
    assert _cell(value) == text


@pytest.mark.parametrize("count", [_MOST, _MOST + 1])
def test_a_figure_of_numbers_says_what_it_leaves_out(count):
    values = {f"v{k}": float(k) for k in range(count)}
    figure = numbers(SimpleNamespace(values=lambda: values, caption="c"), "t")
    [marks] = figure.data
    assert len(marks.y) == _MOST
    assert list(marks.x) == list(range(_MOST))
    left_out = f"the first {_MOST} of {count} values" in figure.layout.title.subtitle.text
    assert left_out == (count > _MOST)


def test_a_colour_bar_for_a_paper_is_narrow_and_its_words_small():
    shown = go.Heatmap(z=[[1]], colorbar={"title": {"text": "share"}})
    hidden = go.Heatmap(z=[[1]], showscale=False)
    first, second = figures.paper(go.Figure([shown, hidden])).data
    assert first.colorbar.thickness == 8
    assert first.colorbar.tickfont.size == first.colorbar.title.font.size < 12
    assert second.colorbar.thickness is None


def test_rows_of_the_explorer_are_ticked_in_any_number():
    [table] = [one for one in _table_section([]).children if getattr(one, "id", "") == "table"]
    assert table.dashGridOptions["rowSelection"]["mode"] == "multiRow"
