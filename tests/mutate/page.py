"""The table of a mutation run."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from tests.mutate.children import Outcome
from tests.mutate.covering import PACKAGES, git

EQUIVALENT = Path(__file__).parent / "equivalent.toml"
NOTICED = ("killed", "timed out", "crashed")
NOTE = """Each drawn line gets one of its mutations, drawn too, and the tests that run it: the \
quickest and most specific first, up to 90 s of them. A mutant counts as noticed if one of them \
fails, ends the process, or takes longer than 20 s and eight times its own time; each such test \
passes without the mutation. A line that no test runs has survived. Processes that a test starts \
with a command of their own run the code as it is, so what only they run counts as survived. Not \
mutated: docstrings, imports, annotations, text that is only shown, and sizes and colours of \
figures."""


def page(
    done: Sequence[Outcome],
    arguments: argparse.Namespace,
    sources: dict[str, bytes],
    minutes: float,
) -> str:
    """Counts by package, then every survivor and every equivalent mutant with its argument."""
    known = {(row["file"], row["line"], row["mutation"]): row["why"] for row in _known()}
    what = (
        f"files that differ from {arguments.base}"
        if arguments.base
        else (f"{arguments.lines} random lines of each package, seed {arguments.seed}")
    )
    lines = ["# Mutations of single lines", ""]
    lines += [
        f"date {date.today()} · commit {git('rev-parse', '--short', 'HEAD').strip()} · {what}"
    ]
    lines += [f"· {minutes:.0f} minutes", "", NOTE, ""]
    lines += [
        "| package | lines | noticed | of these: timed out, ended | equivalent | survived | rate |"
    ]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [_row(package, done, known, sources) for package in PACKAGES]
    lines += ["", "## Survived", "", *_listed(done, known, sources, False)]
    lines += ["", "## Equivalent", "", *_listed(done, known, sources, True)]
    return "\n".join(lines) + "\n"


def _known() -> list[dict[str, str]]:
    return tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("mutant", [])


def _row(package: str, done: Sequence[Outcome], known: dict, sources: dict[str, bytes]) -> str:
    own = [one for one in done if one.trial.name.startswith(f"{package}/")]
    if not own:
        return f"| {package} | 0 | | | | | |"
    noticed = [one for one in own if one.status in NOTICED]
    late, ended = (sum(one.status == word for one in own) for word in NOTICED[1:])
    same = sum(one not in noticed and key(one, sources) in known for one in own)
    rate = len(noticed) / max(1, len(own) - same)
    left = len(own) - same - len(noticed)
    cells = [package, len(own), len(noticed), f"{late}, {ended}", same, left, f"{rate:.0%}"]
    return "| " + " | ".join(map(str, cells)) + " |"


def key(one: Outcome, sources: dict[str, bytes]) -> tuple[str, str, str]:
    """A mutant by its file, the text of its line, and what is changed."""
    mutation = one.trial.mutation
    assert mutation is not None
    text = sources[one.trial.name].decode().splitlines()[mutation.line - 1].strip()
    return one.trial.name, text, mutation.label


def _listed(
    done: Sequence[Outcome], known: dict, sources: dict[str, bytes], equivalent: bool
) -> Iterator[str]:
    for one in sorted(done, key=lambda one: (one.trial.name, one.trial.mutation.line)):  # type: ignore[union-attr]
        name, text, label = key(one, sources)
        why = known.get((name, text, label))
        if one.status in NOTICED or (why is not None) != equivalent:
            continue
        said = f"; {why}" if why else "" if one.trial.tests else "; no test runs it"
        said += "" if one.status == "survived" else f"; {one.status}: {one.by}"
        yield f"- `{name}:{one.trial.mutation.line}` `{text}`: {label}{said}"  # type: ignore[union-attr]
