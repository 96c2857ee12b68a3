"""A page for every measure, made of its registration and of what is known of it here."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import yaml

from generated import words
from interp.analysis.measures import MEASURES
from interp.gallery import FIGURES
from interp.training.display import Result

NOTES = Path(__file__).parents[1] / "notes.yaml"
ARXIV = re.compile(r"\b(\d{4}\.\d{5})\b")
KEYS = {"chapter", "control", "traps", "here", "guide", "picture"}


def own() -> list[str]:
    """The project's own measures, by name."""
    return sorted(name for name in MEASURES if MEASURES.is_own(name))


def notes() -> dict[str, dict[str, Any]]:
    """What is known of each measure.

    Raises:
        ValueError: if a measure has none, or there is one of something else.
    """
    found: dict[str, dict[str, Any]] = yaml.safe_load(NOTES.read_text("utf-8"))
    if set(found) != set(own()):
        raise ValueError(f"{NOTES}: expected every measure, differs in {set(found) ^ set(own())}")
    for name, note in found.items():
        if set(note) - KEYS or not {"chapter", "control"} <= set(note):
            raise ValueError(f"{NOTES}: {name}: expected chapter, control, perhaps {KEYS}")
    return found


def chapters() -> dict[str, list[str]]:
    """The measures of each chapter, in the order of the notes."""
    found: dict[str, list[str]] = {}
    for name, note in notes().items():
        found.setdefault(note["chapter"], []).append(name)
    return found


def navigation() -> list[Any]:
    """What the menu shows."""
    listed = [{c: [f"measures/{n}.md" for n in names]} for c, names in chapters().items()]
    return ["measures/index.md", *listed]


def pages() -> dict[str, str]:
    """The text of every page, by its place in the guide."""
    every = notes()
    found = {f"measures/{name}.md": page(MEASURES[name], every[name]) for name in every}
    return {"measures/index.md": index(), **found}


def page(measure: Any, note: dict[str, Any]) -> str:
    """One measure."""
    lines = [f"# {measure.name}", "", words.text(measure.title), ""]
    lines += [words.body(measure.compute), ""]
    lines += ["```bash", _command(measure), "```", "", "```py", _call(measure), "```", ""]
    lines += [f"**Reads** {_subject(measure)}. **Source**: {_linked(measure.source)}.", ""]
    lines += _options(measure)
    lines += ["## Control", "", note["control"].strip(), ""]
    for key, title in (("traps", "Traps"), ("here", "What it says here")):
        if note.get(key):
            lines += [f"## {title}", "", note[key].strip(), ""]
    if note.get("guide"):
        lines += [f"More: {note['guide'].strip()}", ""]
    if note.get("picture"):
        lines += [f"![{note['picture']['says']}](../pictures/{note['picture']['file']})", ""]
    return "\n".join([*lines, *_result(measure)])


def index() -> str:
    """The list of all measures."""
    lines = [(Path(__file__).parents[1] / "measures.md").read_text("utf-8")]
    for chapter, names in chapters().items():
        lines += [f"## {chapter}", "", "| measure | what it tells | reads |", "|---|---|---|"]
        for name in names:
            title = words.cell(words.text(MEASURES[name].title))
            lines.append(f"| [`{name}`]({name}.md) | {title} | {MEASURES[name].reads} |")
        lines.append("")
    return "\n".join(lines)


def _command(measure: Any) -> str:
    if measure.reads == "sweep":
        return f"interp measure {measure.name} runs/diagram"
    return f"interp measure {measure.name} runs/coexistence"


def _call(measure: Any) -> str:
    if measure.reads == "sweep":
        return f'interp.measures["{measure.name}"](results)  # of interp.sweep(…)'
    return f'interp.measures["{measure.name}"](run)'


def _subject(measure: Any) -> str:
    said = {
        "checkpoint": "a checkpoint: `--step` takes another one, `--history` all of them",
        "run": "a whole run",
        "sweep": "the results of a sweep",
    }[measure.reads]
    return (
        f"{said}, and is refused in one line where it is not defined" if measure.refuses else said
    )


def _linked(source: str) -> str:
    source = words.text(source)
    return ARXIV.sub(r"[\1](https://arxiv.org/abs/\1)", source) or "this project"


def _options(measure: Any) -> list[str]:
    if not measure.options:
        return ["It has no options.", ""]
    said = words.arguments(measure.compute)
    lines = ["| option | default | meaning |", "|---|---|---|"]
    for name, option in measure.options.items():
        default = "–" if option.default is None else f"`{option.default}`"
        lines.append(f"| `{name}` | {default} | {words.cell(said.get(name, ''))} |")
    return [*lines, ""]


def _kinds(compute: Any) -> list[type]:
    """The classes of what a measure's function gives; its other annotations are for checkers."""
    named = str(compute.__annotations__["return"]).split(" | ")
    return [inspect.unwrap(compute).__globals__[name] for name in named]


def _result(measure: Any) -> list[str]:
    lines = ["## Result", ""]
    for kind in _kinds(measure.compute):
        first = words.text((kind.__doc__ or "").strip().split("\n")[0])
        first = first.replace("the names of `WORDS`", "name")
        own = any(one.__name__ in FIGURES for one in kind.__mro__ if one is not Result)
        drawn = "a figure of its own" if own else "its numbers, drawn"
        lines += [f"`{kind.__name__}`: {first} `plot()` gives {drawn}.", ""]
    lines += [
        "`values()` are its numbers by name, as grids and recipes have them; `to_pandas()` is the "
        "table, with the control's rows or columns. The caption says where they come from: IPR "
        "convention and basis where there is one, layer, seed, step "
        "([conventions](../reference/conventions.md#captions)).",
        "",
    ]
    return lines
