"""Several runs as one self-contained HTML page: what differs, every quantity, overlays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from interp import figures
from interp.analysis.comparison.comparison import Comparison
from interp.analysis.comparison.groups import Group, is_hash
from interp.reporting.frame import Frame, footer
from interp.reporting.sections import section
from interp.training.arguments import as_path
from interp.training.lines import one_line
from interp.training.runs.files import check_place, write_bytes
from interp.words.compared import difference_rows, group_rows, labels, setting_rows, shared_words
from interp.words.sentences import PAPERS

# Overlays by the name of their section: heading, and what draws them.
_OVERLAYS: Mapping[str, tuple[str, Callable[[Sequence[Any]], go.Figure]]] = {
    "training": ("Training", figures.training_curves),
    "losses": ("Training loss", lambda runs: figures.training_curves(runs, metric="loss")),
    "ipr": ("IPR of the neurons", figures.ipr_histogram),
    "pruning": ("Pruning by IPR", figures.pruning_curves),
    "embedding": ("Spectrum of the embeddings", figures.embedding_spectrum),
}


def write_comparison(runs: Sequence[Any], result: Comparison, out: Path | str) -> Path:
    """Writes a page with tables and overlays of several runs.

    An overlay that the runs do not fit in, such as spectra of other moduli, says why instead.

    Args:
        runs: that were compared.
        result: what came of it.
        out: the file.

    Returns:
        Where it is.

    Raises:
        ValueError: if the file's name does not end in .html, or its folder does not exist.
    """
    target = as_path(out, "a file's name")
    check_place("report", target, ".html")
    drawn = {"comparison": result.plot()}
    parts = []
    for key, (heading, draw) in _OVERLAYS.items():
        try:
            drawn[key] = draw(runs)
            parts.append(section(key, heading, ""))
        except (ValueError, TypeError) as error:
            parts.append(_refused(heading, one_line(error)))
    main = "\n".join([_differ(result), _quantities(result), *parts, _about(result)])
    frame = Frame("Runs compared", _header(result), drawn)
    write_bytes(target, frame.around(main).encode())
    return target


def _header(result: Comparison) -> str:
    names = " against ".join(labels(result.groups))
    words = " · ".join(shared_words(result.groups))
    return f'<p class="story">{escape(names)}</p><p class="caption">{escape(words)}</p>'


def _differ(result: Comparison) -> str:
    heads = ["", *labels(result.groups)]
    rows = [*setting_rows(result.groups), ["runs", *map(_runs, result.groups.groups)]]
    table = f'<div class="long">{_table(heads, rows)}</div>'
    return f"<section><h2>What differs</h2>{table}</section>"


def _runs(group: Group) -> str:
    """Their names; how many there are where a name is a hash."""
    names = [one.name for one in group.members]
    return str(len(names)) if any(map(is_hash, names)) else ", ".join(names)


def _quantities(result: Comparison) -> str:
    tables = [_table(*group_rows(result))]
    tables += [_table(*difference_rows(result))] if result.differences else []
    note = f'<p class="note">{escape(result.note)}.</p>' if result.note else ""
    both = f'<div class="beside">{"".join(tables)}</div>'
    return f"{section('comparison', 'Quantities', '')}{note}{both}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _refused(heading: str, reason: str) -> str:
    words = f"Not drawn: {reason}."
    return f'<section><h2>{escape(heading)}</h2><p class="note">{escape(words)}</p></section>'


def _about(result: Comparison) -> str:
    papers = "".join(f"<li>{escape(paper)}</li>" for paper in PAPERS)
    return f"<section><h2>How to cite</h2><ul>{papers}</ul></section>{footer()}"
