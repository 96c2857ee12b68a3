"""What tells compared runs apart, and what they share, in the words of legends and captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interp.analysis.comparison.compare import at_words
from interp.analysis.comparison.comparison import Comparison
from interp.analysis.comparison.groups import NAME, SEED, STEP, Group, Groups
from interp.analysis.comparison.paired import Tested
from interp.analysis.comparison.spread import Spread
from interp.training.config.run_config import RunConfig
from interp.words.options import short_name

BAND = "line: mean over seeds, band: least to greatest"
QUANTITIES: Mapping[str, str] = {
    "mean_ipr": "mean IPR",
    "high_ipr": "above threshold",
    "low_ipr": "below threshold",
    "threshold": "threshold (IPR)",
    "dead": "dead neurons",
}
_COUNTS = ("high_ipr", "low_ipr", "dead")
_TEST = ("difference", "interval", "p")


def labels(found: Groups) -> list[str]:
    """The name of each group in a legend: values of what differs, and how many seeds it has."""
    return [_label(group, found.folded) for group in found.groups]


def _label(group: Group, folded: bool) -> str:
    count = len(group.members)
    seeds = f"{count} seed{'' if count == 1 else 's'}"
    start = group.title or " · ".join(setting(path, one) for path, one in group.settings.items())
    if not start:
        return seeds
    return f"{start} ({seeds})" if folded else start


def setting(path: str, value: Any) -> str:
    """A setting and its value in few words: ``wd 5``, ``φ relu``, ``seed 3``, ``step 1000``."""
    name = str(path) if path in (SEED, STEP) else short_name(path)
    if path in (NAME, "loss", "optimizer.name", "task.operation"):
        return value_words(value)
    return f"{name} {value_words(value)}"


def value_words(value: Any) -> str:
    """A value of a setting as people write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, value)) or "none"
    return "none" if value is None or value == "" else str(value)


def shared_words(found: Groups, whole: bool = False) -> list[str]:
    """What all runs have in common, for a caption; nothing of results, which do not say it.

    Args:
        found: the runs.
        whole: whether their training is shown, and not a checkpoint of each.
    """
    configs = [one.config for one in found.members]
    words = [] if None in configs else _of_configs([one for one in configs if one is not None])
    seeds = {one.seed for one in found.members}
    if len(seeds) == 1 and None not in seeds:
        words.append(f"seed {seeds.pop()}")
    if not whole and any(one.at is not None for one in found.members):
        words.append(at_words(found))
    return words


def _of_configs(configs: Sequence[RunConfig]) -> list[str]:
    """The setting, as far as it is the same."""
    parts = [
        [
            config.task.title,
            f"α = {config.data.fraction:g}",
            f"ξ = {config.data.corruption:g}",
            config.optimizer.name,
            f"wd {config.optimizer.weight_decay:g}",
            config.model.summary,
        ]
        for config in configs
    ]
    return [one[0] for one in zip(*parts, strict=True) if len(set(one)) == 1]


def setting_rows(found: Groups) -> list[list[str]]:
    """A row a setting that differs, a column a group, then one of their seeds."""
    rows = []
    for path in found.differing:
        if path not in (SEED, NAME):
            cells = [value_words(one.settings.get(path)) for one in found.groups]
            rows.append([short_name(path), *cells])
    seeds = [[one.seed for one in group.members] for group in found.groups]
    return [*rows, ["seeds", *map(_seeds, seeds)]]


def _seeds(seeds: Sequence[int | None]) -> str:
    """``0–4`` for neighbours, else one by one; a dash where none is known."""
    known = sorted({one for one in seeds if one is not None})
    if len(known) > 2 and known == list(range(known[0], known[-1] + 1)):
        return f"{known[0]}–{known[-1]}"
    return ", ".join(map(str, known)) or "–"


def comparison_rows(result: Comparison) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a comparison's table: a row a quantity, a column a group, then the test.

    The interval's head names its level, as the caption does.
    """
    heads, rows = group_rows(result)
    if not result.differences:
        return heads, rows
    tests, cells = difference_rows(result)
    return [*heads, *tests[1:]], [[*row, *more[1:]] for row, more in zip(rows, cells, strict=True)]


def group_rows(result: Comparison) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of what the groups have: a row a quantity, a column a group."""
    rows = [
        [quantity(name), *(_cell(one.get(name), name) for one in result.spreads)]
        for name in result.quantities
    ]
    return ["", *labels(result.groups)], rows


def difference_rows(result: Comparison) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the difference of two groups: a row a quantity."""
    rows = []
    for name in result.quantities:
        found = result.differences.get(name)
        rows.append([quantity(name), *test_cells(None if found is None else found.tested, name)])
    return ["", *_TEST], rows


def quantity(name: str) -> str:
    """The name of a quantity in words: ``test accuracy``, ``mean IPR``."""
    return QUANTITIES.get(name, name.replace("_", " "))


def _cell(found: Spread | None, name: str) -> str:
    """``0.998 (0.990–1.000)``, mean with least and greatest; of one run its value."""
    if found is None or not found.count:
        words = sorted({one for one in (found.values if found else ()) if isinstance(one, str)})
        return ", ".join(words) or "–"
    if found.never:
        return f"never in {found.never} of {found.count}" if found.count > 1 else "never"
    assert found.mean is not None and found.least is not None and found.greatest is not None
    if found.least == found.greatest:
        return number(found.mean, name)
    return (
        f"{number(found.mean, name)} ({number(found.least, name)}–{number(found.greatest, name)})"
    )


def number(value: float, name: str) -> str:
    """A value of a quantity: accuracies with three decimals, counts of neurons with one.

    Others with three decimals, or of large and small numbers three digits; whole ones as they are.
    """
    whole = abs(value - round(value)) < 1e-9 and abs(value) < 1e6  # as means of whole numbers are
    if name.endswith("accuracy"):
        text = f"{value:z.3f}"
    elif whole:
        text = f"{round(value)}"
    elif name in _COUNTS:
        text = f"{value:z.1f}"
    else:
        text = f"{value:.3f}" if 0.1 <= abs(value) < 1000 else f"{value:.3g}"
    return f"−{text[1:]}" if text.startswith("-") else text


def test_cells(found: Tested | None, name: str) -> list[str]:
    """Difference, interval and p of a table's row; a dash for what does not exist."""
    if found is None:
        return ["–"] * len(_TEST)
    mean = number(found.mean, name)
    sign = "+" if found.mean > 0 and float(mean) else ""
    interval = "–"
    if found.low is not None and found.high is not None:
        interval = f"{number(found.low, name)} to {number(found.high, name)}"
    # Of five pairs the least is 0.0625.
    p_value = "–" if found.p_value is None else f"{found.p_value:.3g}"
    return [f"{sign}{mean}", interval, p_value]
