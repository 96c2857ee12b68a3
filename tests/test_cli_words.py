"""The command line's own refusals: options that would be ignored, words of the parser, memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from interp.cli.app import app, main
from interp.training.config.options import option_fields
from interp.training.memory import check_memory, memory, shortage, size
from interp.training.sweep.plan.grid import parse_grid

from .test_cli_errors import complaint, contents
from .test_cli_errors import desk as desk

GRID = {"base": {"task": {"p": 7}, "model": {"width": 4}, "steps": 1}}
AXES = GRID | {"axes": {"data.fraction": [0.5, 0.6]}}

# A command line, and all that is said of it.
LINES = [
    (
        "--nonsense",
        "expected one of demo, train, ipr, prune, filter, repair, retrain, pairs, "
        "spectrum, heads, measure, compare, report",
    ),
    ("trian", "doctor, got 'trian'; nearest is train"),
    ("ipr RUN more", "ipr: expected no more arguments, got 'more' besides"),
    ("sweep status S more", "sweep status: expected no more arguments, got 'more' besides"),
    ("measure bands RUN more", "measure bands: expected no more arguments, got 'more' besides"),
    ("ipr RUN --treshold 1", "ipr: expected one of its options, got --treshold; nearest is --thr"),
    ("ipr RUN --step", "--step: expected a value, got none"),
    ("train tiny.yaml --out r --device -x", "; a value that begins with - is written --device=-x"),
    ("train tiny.yaml --out r --steps 1 --steps 2", "--steps: expected once, it is there twice"),
    ("ipr RUN --step 1.5", "--step: expected a whole number, got '1.5'"),
    ("sweep grid.yaml --out s --workers 0.6", "--workers: expected a whole number, got '0.6'"),
    ("measure bands RUN --layer 0.2", "--layer: expected a whole number, got '0.2'"),
    ("measure needed RUN --accuracy x", "--accuracy: expected a number, got 'x'"),
    ("ipr RUN --json=maybe", "--json: expected true or false, got 'maybe'"),
    (
        "ipr RUN --template papre",
        "--template: expected screen, paper or paper-wide, got 'papre'; n",
    ),
    ("sweep grid.yaml --out s --shard -1/2", "shard: expected i/n with i from 0 to n − 1, got -1"),
    # Options that would be ignored, because another one is absent or there.
    (
        "ipr RUN --template paper",
        "--template: expected beside --figure, got --template paper alone",
    ),
    ("prune RUN --template paper", "--template: expected beside --figure"),
    ("heads RUN --template paper", "--template: expected beside --figure"),
    ("spectrum RUN --template paper", "--template: expected beside --figure"),
    ("measure bands RUN --template screen", "--template: expected beside --figure"),
    ("phases S --template paper", "--template: expected beside --figure"),
    ("spectrum RUN --layer 0", "--layer: expected beside --neuron, got --layer 0 alone"),
    ("prune RUN --count 3 --share 0.5", "expected one of --threshold, --count and --share, got --"),
    ("prune RUN --threshold 0.3 --count 3", "got --threshold 0.3 and --count 3"),
    ("prune RUN --count 16", "count: expected 1 to 15 of 16 neurons, got 16"),
    ("prune RUN --count 2.5", "--count: expected a whole number, got '2.5'"),
    ("prune RUN --share 1", "share: expected a number above 0 and below 1, got 1.0"),
    ("prune RUN --share 0.01", "share: expected 1 to 15 of 16 neurons, got 0.01, which is 0"),
    ("doctor RUN", "doctor: expected no more arguments, got "),
    ("measure bands RUN --history --step 0", "--step: expected without --history"),
    ("sweep grid.yaml --dry-run --refine 2", "--refine: expected without --dry-run"),
    ("reproduce --workers 2", "reproduce: expected a name or --all beside --workers, got none"),
    ("reproduce --dry-run", "reproduce: expected a name or --all beside --dry-run, got none"),
    ("reproduce --budget paper", "reproduce: expected a name or --all beside --budget, got none"),
    ("reproduce --out r", "reproduce: expected a name or --all beside --out, got none"),
    ("compare RUN", "expected at least two to compare, got 1"),
    ("compare", "expected at least two to compare, got none"),
    ("compare RUN RUN", "expected each once, got 'tiny' and 'tiny' with the same settings and s"),
    ("compare RUN --of ipr", "--of: expected beside --figure, got --of ipr alone"),
    ("compare RUN --metric loss", "--metric: expected beside --of, got --metric loss alone"),
    ("compare RUN --each", "--each: expected beside --of, got --each alone"),
    ("compare RUN --template paper", "--template: expected beside --figure"),
    (
        "compare RUN --of ipr --metric loss --figure a.html",
        "--metric: expected beside --of training or pruning, got --of ipr",
    ),
    (
        "compare RUN --of training --step 3 --figure a.html",
        "--step: expected without --of training, which has all, got 3",
    ),
    ("compare RUN --of iprs --figure a.html", "--of: expected ipr, training, pruning or spectrum"),
    ("compare RUN --report a.pdf", "report a.pdf: expected a name that ends in .html"),
    ("compare RUN nothing", "nothing: expected a run folder (with config.json), found none"),
    # Grids in which nothing is varied.
    ("sweep empty.yaml --out s", "grid: expected some of base, axes, zip, points, seeds, measures"),
    ("sweep base.yaml --out s", "expected axes, zip, points or seeds that are varied, got base"),
]


@pytest.mark.parametrize(("arguments", "message"), LINES)
def test_a_line_is_refused(desk, capsys, tiny_run, arguments, message):
    for name, grid in (("grid", AXES), ("base", GRID), ("empty", None)):
        Path(f"{name}.yaml").write_text("" if grid is None else yaml.safe_dump(grid))
    before = contents(desk)
    words = [str(tiny_run.path) if one == "RUN" else one for one in arguments.split()]
    assert message in complaint(capsys, *words)
    assert contents(desk) == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"axes": {"data.fraction": [0.5, 0.6, 0.5]}},
            "axis data.fraction: expected each value on",
        ),
        ({"axes": {"data.fraction": [0.5, "0.5"]}}, "once, got '0.5' twice"),
        ({"axes": {"steps": [1, 1.0]}}, "axis steps: expected each value once, got 1.0 twice"),
        ({"axes": {"optimizer.betas": [[0.9, 0.98], [0.9, 0.98]]}}, "got [0.9, 0.98] twice"),
        ({"axes": {"model.norm": [None, None]}}, "axis model.norm: expected each value once"),
        ({"axes": {"steps": {"linspace": [3, 3, 2]}}}, "axis steps: expected each value once, got"),
        ({"zip": [{"steps": [1, 2, 1], "data.fraction": [0.5, 0.5, 0.5]}]}, "zip: expected each v"),
        ({"points": [{"steps": 1}, {"steps": 2}, {"steps": 1.0}]}, "points: expected each value o"),
        ({"seeds": [3, 4, 3]}, "seeds: expected each value once, got 3 twice"),
    ],
)
def test_what_stands_twice_is_refused(more, message):
    with pytest.raises(ValueError) as caught:
        parse_grid(GRID | more)
    assert message in str(caught.value)


def test_what_differs_stands_once():
    grid = parse_grid({"axes": {"model.bias": [True, False], "steps": [1, 2]}, "seeds": [0, 1]})
    assert grid.count == 8
    zipped = {"steps": [1, 2], "data.fraction": [0.5, 0.5]}
    assert parse_grid({"zip": [zipped]}).count == 2
    with pytest.raises(ValueError, match="grid: expected some of base, axes"):
        parse_grid({})


# In float32 with Adam: a weight, its gradient and two moments, 16 bytes of each of 3·11·10¹¹.
WIDE = "a network of 3,300,000,000,000 weights needs at least 48 TiB of memory, there is "


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--model.width=100000000000", WIDE),
        ("--model.width=1000000 --model.depth=4", "weights needs at least 29.1 TiB of memory, th"),
        ("--model.width=100000000000 --optimizer.name=sgd", "needs at least 24 TiB of memory, th"),
    ],
)
def test_what_cannot_fit_says_how_much_it_needs(desk, capsys, flags, message):
    before = contents(desk)
    found = complaint(capsys, "train", "tiny.yaml", "--out", "new", *flags.split())
    assert found.startswith("not enough memory (") and message in found
    assert contents(desk) == before


def test_memory_in_words(monkeypatch):
    assert [size(n) for n in (5, 2048, 3 * 2**30)] == ["5 bytes", "2 KiB", "3 GiB"]
    assert 2**20 < memory() < 2**50
    check_memory(2**20, "a mebibyte")
    with pytest.raises(MemoryError, match=r"^this needs at least 2 KiB of memory, there is 1 KiB$"):
        check_memory(2048, "this", 1024)
    torchs = (
        "[enforce fail at x.cpp:118] . can't allocate memory: you tried to allocate 4096 bytes."
    )
    assert shortage(RuntimeError(torchs)) == "4 KiB more were asked for"
    numpys = "Unable to allocate 7.28 TiB for an array with shape (1,) and data type float64"
    assert shortage(MemoryError(numpys)) == "7.28 TiB more were asked for"
    assert shortage(MemoryError()) == "none left"
    assert shortage(RuntimeError("of another kind")) is None


def test_flags_are_shown_with_their_types(capsys):
    """At a width of its own: the program keeps that of the first help which a process printed."""
    app.help_print(["train"], console=Console(width=200))
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert " STR " not in shown.partition("--loss")[2]
    for flag, kind in (
        ("--steps", "INT"),
        ("--data.fraction", "FLOAT"),
        ("--data.kind", "uniform|wrong|symmetric|…"),
        ("--model.norm", "none|batch|layer"),
        ("--model.bias", "true|false"),
        ("--optimizer.betas", "LIST"),
        ("--seeds.split", "INT"),
        ("--task.operation", "x + y|x - y|…"),
        ("--device", "auto|cpu|cuda"),
        ("--task.table", "TEXT"),
        ("--stop.for", "INT"),
        ("--model.exponent", "FLOAT"),
    ):
        assert f"{flag} {kind} " in shown
    for path, _, _ in option_fields():
        assert f"--{path}" in shown.replace(" .", ".").replace("--schedule.", "--schedule.")


def test_a_template_beside_a_figure_is_taken(tiny_run, tmp_path, capsys):
    place = tmp_path / "a.html"
    main(["ipr", str(tiny_run.path), "--figure", str(place), "--threshold", "0.3", "--json"])
    assert json.loads(capsys.readouterr().out)["threshold"] == 0.3
    assert place.is_file()
