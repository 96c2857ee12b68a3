"""All verdicts on one page: markdown, JSON, and HTML with every figure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from plotly.offline import get_plotlyjs

from interp.figures.export import ON_A_PHONE, fitting_script, part_of_page
from interp.reproduction.criteria import WITH_NULL, Judged, Word, asked, shown
from interp.reproduction.verdict import Verdict
from interp.training.runs.files import make_folder, together, write_bytes

_MARK: dict[Word, str] = {
    "holds": "holds",
    WITH_NULL: f"**{WITH_NULL}**",
    "does not hold": "**does not hold**",
    "undecided": "*undecided*",
}


def write_scoreboard(verdicts: Sequence[Verdict], out: Path) -> dict[str, Path]:
    """Writes ``scoreboard.md``, ``.json`` and ``.html`` into a folder, all or none.

    Returns:
        Where each is.
    """
    make_folder(out)
    content = {
        "verdicts": [one.to_dict() for one in verdicts],
        "counts": counts(verdicts),
    }
    texts = {
        "md": markdown(verdicts),
        "json": json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n",
        "html": page(verdicts),
    }
    places = {kind: out / f"scoreboard.{kind}" for kind in texts}
    with together():
        for kind, text in texts.items():
            write_bytes(places[kind], text.encode())
    return places


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many recipes hold, hold as their null does, do not hold, and are undecided."""
    return {word: sum(one.word == word for one in verdicts) for word in _MARK}


def heading(verdicts: Sequence[Verdict]) -> str:
    """Counts, budget, date, versions and hardware in a sentence."""
    found = counts(verdicts)
    about = verdicts[0].surroundings
    budgets = ", ".join(sorted({one.budget for one in verdicts}))
    once = {run: seconds for one in verdicts for run, seconds in one.training.items()}
    hours = sum(once.values()) / 3600
    with_null = f"{found[WITH_NULL]} as their null does, " if found[WITH_NULL] else ""
    return (
        f"{found['holds']} of {len(verdicts)} hold, {with_null}{found['does not hold']} "
        f"do{'es' if found['does not hold'] == 1 else ''} not, "
        f"{found['undecided']} undecided · budget {budgets} · {about['date']} · "
        f"interp {about['interp']}, Python {about['python']}, torch {about['torch']}, "
        f"numpy {about['numpy']} · {about['processor']}, {about['cores']} cores · "
        f"{hours:.1f} core-hours of training, a run that recipes share counted once"
    )


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The table, and below it every criterion with its values."""
    lines = ["# Scoreboard", "", heading(verdicts), "", *table_rows(verdicts), ""]
    for one in verdicts:
        lines += [f"## {one.recipe.label}: {one.recipe.title}", "", *_details(one), ""]
    return "\n".join(lines)


def table_rows(verdicts: Sequence[Verdict]) -> list[str]:
    """The rows of a markdown table, a recipe each."""
    rows = ["| recipe | what | verdict | first criterion: measured |", "|---|---|---|---|"]
    for one in verdicts:
        first = next((j for j in one.judged if j.word == one.word), one.judged[0])
        cells = (
            f"{one.recipe.label} `{one.recipe.name}`",
            one.recipe.title,
            _MARK[one.word],
            f"{first.criterion.says}: {measured(first)}",
        )
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def measured(judged: Judged) -> str:
    """Mean and range over the seeds, of what they are compared with, and of the null."""
    against = f" against {shown(judged.others)}" if judged.others else ""
    null = f"; null {shown(judged.nulls)}" if judged.criterion.null else ""
    return shown(judged.values) + against + null


def _details(one: Verdict) -> list[str]:
    lines = [
        one.recipe.claim,
        "",
        f"**{one.word}**: {one.why}. {one.recipe.source}. Budget {one.budget}, seeds "
        f"{', '.join(map(str, one.seeds))}, {one.cells} runs, "
        f"{one.seconds / 60:.0f} core-minutes of training.",
        "",
        "| criterion | asked | measured: mean [range over seeds] | verdict |",
        "|---|---|---|---|",
    ]
    for judged in one.judged:
        cells = (judged.criterion.says, asked(judged.criterion), measured(judged), judged.word)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if one.recipe.note:
        lines += ["", one.recipe.note]
    if one.failed:
        lines += ["", f"Without {len(one.failed)} runs that failed: {one.failed[0]}"]
    return lines


def page(verdicts: Sequence[Verdict]) -> str:
    """One HTML page that needs no network: table, criteria, and all figures."""
    style = (files("interp.reproduction") / "scoreboard.css").read_text(encoding="utf-8")
    rows = "".join(_html_row(one) for one in verdicts)
    sections = "".join(_html_section(one) for one in verdicts)
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f"{ON_A_PHONE}<title>Scoreboard</title><style>{style}</style>"
        f"<script>{get_plotlyjs()}</script>{fitting_script()}</head><body><main>"
        f"<h1>What holds, claim by claim</h1><p>{escape(heading(verdicts))}</p>"
        "<table><thead><tr><th>recipe</th><th>what</th><th>verdict</th><th>why</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{sections}</main></body></html>\n"
    )


def _html_row(one: Verdict) -> str:
    return (
        f"<tr><td><a href='#{one.recipe.name}'>{escape(one.recipe.label)}</a></td>"
        f"<td>{escape(one.recipe.title)}</td>{_cell(one.word)}<td>{escape(one.why)}</td></tr>"
    )


def _cell(word: Word) -> str:
    name = word.replace(",", "").replace(" ", "-")
    return f"<td class='{name}'>{word}</td>"


def _measured_cell(judged: Judged) -> str:
    """What :func:`measured` says, the null in a line of its own."""
    claim, _, null = escape(measured(judged)).partition("; null ")
    return f"<td>{claim}" + (f"<br><span class='null'>null {null}</span>" if null else "") + "</td>"


def _html_section(one: Verdict) -> str:
    criteria = "".join(
        f"<tr><td>{escape(j.criterion.says)}</td><td>{escape(asked(j.criterion))}</td>"
        f"{_measured_cell(j)}{_cell(j.word)}</tr>"
        for j in one.judged
    )
    drawn = "".join(
        part_of_page(figure, f"figure-{one.recipe.name}-{place}")
        for place, figure in enumerate(one.figures)
    )
    note = f"<p class='note'>{escape(one.recipe.note)}</p>" if one.recipe.note else ""
    about = (
        f"{one.recipe.source} · budget {one.budget} · seeds {', '.join(map(str, one.seeds))} · "
        f"{one.cells} runs · interp reproduce {one.recipe.name}"
    )
    return (
        f"<section id='{one.recipe.name}'><h2>{escape(one.recipe.label)}: "
        f"{escape(one.recipe.title)}</h2><p>{escape(one.recipe.claim)}</p>"
        f"<p class='about'>{escape(about)}</p>"
        "<table><thead><tr><th>criterion</th><th>asked</th>"
        "<th>measured: mean [range over seeds]</th><th>verdict</th></tr></thead>"
        f"<tbody>{criteria}</tbody></table>{note}{drawn}</section>"
    )
