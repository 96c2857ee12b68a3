"""The table of figures: each is reached by the ``plot()`` of a result of its class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

import plotly.graph_objects as go
import pytest

from interp.analysis.measures import MEASURES
from interp.analysis.numbers import Numbers
from interp.gallery import FIGURES, figure, plot
from interp.training.display import Displayed, Result

OWN = list(FIGURES)


@dataclass(frozen=True, repr=False)
class Fruit(Numbers):
    """A result of one's own."""


@pytest.fixture()
def fruit_figure() -> Iterator[None]:
    @figure(Fruit)
    def fruit(result, colour="red"):
        return go.Figure(layout={"title": {"text": f"a {colour} fruit of {result.caption}"}})

    yield
    FIGURES.remove("Fruit")


def title(found: go.Figure) -> str:
    return found.layout.title.text


def classes() -> dict[str, type]:
    """Every class that can be plotted, by name; all measures are loaded, and what they give."""
    for place in ("analysis.trajectory.history", "analysis.comparison.comparison"):
        import_module(f"interp.{place}")
    import_module("interp.experiments.outcome")
    for name in MEASURES:
        assert MEASURES[name]
    found: dict[str, type] = {}
    waiting = [Displayed]
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if one.__module__.startswith("interp."):
            assert found.setdefault(one.__name__, one) is one, "the table goes by the name"
    return found


@pytest.mark.parametrize("name", OWN)
def test_is_the_figure_of_a_class_that_there_is(name, monkeypatch):
    kind = classes()[name]
    called = []
    monkeypatch.setitem(FIGURES._rows, name, lambda result, **rest: called.append((result, rest)))
    result = kind.__new__(kind)
    result.plot(title="mine")
    assert called == [(result, {"title": "mine"})]


@pytest.mark.parametrize("name", OWN)
def test_can_be_loaded(name):
    assert callable(FIGURES[name])


def test_every_result_has_a_figure():
    for kind in classes().values():
        if kind is not Displayed:
            assert any(one.__name__ in FIGURES for one in kind.__mro__), kind


def test_a_result_without_a_figure_of_its_own_has_its_numbers_drawn():
    found = Numbers({"speed": 2.0, "speed_control": 1.0, "kind": "slow"}, "seed 3").plot()
    assert title(found) == "Numbers"
    assert found.layout.title.subtitle.text == "seed 3"
    marks = {trace.name: (list(trace.y), list(trace.x)) for trace in found.data}
    assert marks == {"value": (["speed"], [2.0]), "control": (["speed"], [1.0])}
    assert Fruit({"speed": 2.0}, "seed 3").plot().data


def test_an_own_figure(fruit_figure):
    assert title(Fruit({"x": 1.0}, "seed 3").plot()) == "a red fruit of seed 3"
    assert title(Fruit({"x": 1.0}, "seed 3").plot(colour="green")) == "a green fruit of seed 3"


def test_a_subclass_is_drawn_by_its_parents_row(fruit_figure):
    class Apple(Fruit):
        """Has no row."""

    assert title(Apple({"x": 1.0}, "seed 3").plot()) == "a red fruit of seed 3"

    @figure(Apple)
    def apple(result):
        return go.Figure(layout={"title": {"text": "an apple"}})

    try:
        assert title(Apple({"x": 1.0}, "seed 3").plot()) == "an apple"
        assert title(Fruit({"x": 1.0}, "seed 3").plot()) == "a red fruit of seed 3"
    finally:
        FIGURES.remove("Apple")


def test_a_class_has_one_figure(fruit_figure):
    def other(result):
        raise AssertionError("never drawn")

    with pytest.raises(
        ValueError, match=r"^figure 'Fruit' is there already, from tests\.contracts"
    ):
        figure(Fruit)(other)
    with pytest.raises(
        ValueError, match=r"^figure 'Result' is there already, from interp itself; "
    ):
        figure(Result)(other)


def test_what_has_no_figure():
    with pytest.raises(TypeError, match=r"^plot: expected a result with a figure, got int$"):
        plot(3)
