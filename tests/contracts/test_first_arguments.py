"""Every public function says what it expected as its first argument, and what came."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import interp
from interp import figures
from interp.training.arguments import as_path, of_kind, several

# What is called besides the first argument, where more is needed.
MORE: dict[str, tuple[Any, ...]] = {
    "history": ("needed",),
    "make_dataset": (0.5,),
    "make_task": (7,),
    "neuron_curves": (0,),
    "prune": ([],),
    "prune_by_class": (3, 3),
    "save": ("figure.html",),
    "save_all": ("figure.html", "title"),
    "save_page": ("figure.html", "title"),
    "sweep": ("folder",),
}
# Decorators and a null take names and numbers; a recipe's name is looked up in its table.
OTHERS = {"activation", "figure", "loss", "measure", "null_ipr", "operation", "ranking"}
OTHERS |= {"reproduce"}


def functions(module: Any) -> list[Any]:
    found = [getattr(module, name) for name in module.__all__ if name not in OTHERS]
    return [one for one in found if inspect.isfunction(one)]


@pytest.mark.parametrize(
    "function", functions(interp) + functions(figures), ids=lambda one: one.__qualname__
)
def test_a_number_is_refused(function, unchecked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = function.__name__
    with pytest.raises((TypeError, ValueError), match=r"expected [a-z][^\n]*, got int 3$"):
        function(3, *MORE.get(name, ()))
    assert not list(tmp_path.iterdir())


def test_a_run_is_taken_where_a_network_is(tiny_run):
    """Of the same weights: a run, its folder, its checkpoint, its network with the dataset."""
    checkpoint = tiny_run.checkpoint()
    expected = interp.scores(tiny_run.network(), tiny_run.dataset, tiny_run.config.loss).to_dict()
    for source in (tiny_run, tiny_run.path, str(tiny_run.path), checkpoint):
        assert interp.scores(source).to_dict() == expected
    kept = interp.prune(tiny_run.path, keep=np.arange(3))
    assert (kept.layers[0].W_in.abs().sum(dim=0) > 0).sum() == 3
    assert interp.figures.training_curves(tiny_run.path) == interp.figures.training_curves(tiny_run)


def test_curves_are_not_a_number(unchecked):
    with pytest.raises(
        TypeError, match=r"^curves: expected real numbers, \(…, element\), got int 3$"
    ):
        interp.ipr(3)


def test_words(unchecked):
    with pytest.raises(TypeError, match=r"^expected a word, got int 3$"):
        of_kind(3, str, "a word")
    with pytest.raises(TypeError, match=r"^expected a place, got list \[\]$"):
        as_path([], "a place")
    with pytest.raises(TypeError, match=r"^expected words, got str 'one'$"):
        several("one", str, "words")
    with pytest.raises(TypeError, match=r"^expected words, got int 3$"):
        several(["one", 3], str, "words")
