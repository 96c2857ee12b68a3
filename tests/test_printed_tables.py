"""What commands print: tables, letters and notes, against numbers that were found otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from interp import figures
from interp.analysis.ablation.prune import prune
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.axes import Axes
from interp.analysis.sweeps.boundary import critical
from interp.analysis.sweeps.diagram import phase_diagram
from interp.cli.app import main
from interp.cli.print_sweeps import print_phases
from interp.training.evaluation import scores
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.sweep_results import made

PLANE = ("data.fraction", "data.corruption")


def cells(text: str) -> list[list[str]]:
    """The cells of every line of a table that has any, blanks around them gone."""
    lines = [line.replace("┃", "│") for line in text.splitlines()]
    return [[cell.strip() for cell in line.strip("│ ").split("│")] for line in lines if "│" in line]


def test_a_diagram_in_letters(capsys):
    """At 0.3 all seeds leave after 0.2; at 0.6 one of three does, two after 0.4; at 0.9 none."""

    def outcome(fraction: float, corruption: float, seed: int) -> str:
        last = {0.3: 0.2, 0.6: 0.2 if seed == 2 else 0.4, 0.9: 0.6}[fraction]
        if (fraction, corruption, seed) == (0.9, 0.6, 0):
            return "full inversion"
        return "coexistence" if corruption <= last else "memorization"

    axes = {PLANE[0]: (0.3, 0.6, 0.9), PLANE[1]: (0.2, 0.4, 0.6)}
    results = made(axes, 3, outcome)
    print_phases("sweep", phase_diagram(results), critical(results))
    text = capsys.readouterr().out
    header, *rows = cells(text)
    assert header == [PLANE[1], "0.3", "0.6", "0.9"]
    assert rows == [
        ["0.6", "M", "M", "C 0.67"],
        ["0.4", "M", "C 0.67", "C"],
        ["0.2", "C", "C", "C"],
        ["critical", "0.3", "0.5 (0.3–0.5)", ">"],
    ]
    assert f"sweep ({PLANE[0]} →)" in text
    assert "C coexistence · M memorization\n" in text  # no letter that is not in the diagram
    assert "95% bootstrap interval" in text


def test_a_block_of_letters_for_each_panel(capsys):
    axes = {PLANE[0]: (0.3, 0.6), PLANE[1]: (0.2, 0.4), "seed.of": (1, 2)}
    results = made(axes, 1, lambda a, c, panel, seed: "confusion" if panel == 2 else "forgetting")
    diagram = phase_diagram(results, *PLANE, "seed.of")
    print_phases("sweep", diagram, critical(results, axes=Axes(*PLANE, "seed.of")))
    text = capsys.readouterr().out
    first, second = text.index("seed.of = 1"), text.index("seed.of = 2")
    letters = [
        [row[1:] for row in cells(part)[1:3]] for part in (text[first:second], text[second:])
    ]
    assert letters == [[["f", "f"]] * 2, [["c", "c"]] * 2]


def test_axes_in_letters_may_have_none_brackets_and_many_digits(capsys):
    kinds = {"optimizer.batch_size": (64, None), "optimizer.lr": (0.01, 0.010000001)}
    results = made(kinds, 1, lambda size, lr, seed: "coexistence" if size else "memorization")
    diagram = phase_diagram(results, *kinds)
    print_phases("sweep", diagram, critical(results, axes=Axes(*kinds)))
    header, *rows = cells(capsys.readouterr().out)
    assert header == ["optimizer.lr", "64", "None"]
    assert rows[:2] == [["0.010000001", "C", "M"], ["0.01", "C", "M"]]
    places = {"seed.of": ("[red]a", "[/red]b"), "data.corruption": (0.2, 0.4)}
    results = made(places, 1, lambda name, corruption, seed: "coexistence")
    diagram = phase_diagram(results, *places)
    print_phases("sweep", diagram, critical(results, axes=Axes(*places)))
    header, *_ = cells(capsys.readouterr().out)
    assert sorted(header[1:]) == ["[/red]b", "[red]a"]


def test_the_strongest_frequency_of_a_neuron_comes_first(tiny_run, capsys):
    table = neuron_table(tiny_run)
    power = [np.abs(np.fft.rfft(one[3])) ** 2 for one in table.curves]
    shares = [one / one.sum() for one in power]
    main(["spectrum", str(tiny_run.path), "--neuron", "3"])
    header, first, *_ = cells(capsys.readouterr().out)
    best = int(np.sum(shares, axis=0).argmax())
    assert header == ["frequency", "U", "V", "W"]
    assert first == [str(best), *(f"{one[best]:.4f}" for one in shares)]


@pytest.mark.parametrize("command", ["ipr", "spectrum", "prune", "heads"])
def test_a_figure_that_cannot_be_written_is_told_before_the_run_is_read(command, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, str(tmp_path / "no run"), "--figure", str(tmp_path / "figure.gif")])
    assert ended.value.code == 2
    assert ".gif" in capsys.readouterr().err


def test_a_pruning_of_a_layer_draws_that_layer(tmp_path, monkeypatch):
    """The curve passes through what is left after the pruning that is printed."""
    config = tiny_config(model={"width": 8, "depth": 3}, steps=4)
    run = train(config, tmp_path / "deep")
    drawn = []
    monkeypatch.setattr(figures, "save", lambda figure, *_, **__: drawn.append(figure))
    main(["prune", str(run.path), "--layer", "1", "--threshold", "0.3", "--draws", "2",
          "--figure", str(tmp_path / "pruning.html")])  # fmt: skip
    table = neuron_table(run, layer=1)
    left = scores(prune(run.network(), table.ipr >= 0.3, 1), run.dataset)
    curve = next(one for one in drawn[0].data if one.name == "train")
    pruned = int((table.ipr < 0.3).sum())
    assert 0 < pruned < 8
    place = list(curve.x).index(pruned)
    assert curve.y[place] == pytest.approx(left["train"].accuracy, abs=1e-6)
    assert "layer 1" in drawn[0].layout.title.subtitle.text
