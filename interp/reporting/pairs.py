"""The report's section on pairs and neurons: what each of them adds to the margin of which pair."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from interp.analysis.measure import NotDefined
from interp.analysis.memorization.additive import Additive, additive
from interp.analysis.memorization.pair_rows import PairTable
from interp.analysis.memorization.pair_table import pair_table
from interp.analysis.memorization.pair_votes import PairVotes, Sides, pair_votes, sides_of
from interp.figures.pair_looks import DIVERGING, OUTCOMES, layers_of, outcomes
from interp.reporting.arrays import packed, quantized
from interp.training.data.splits import PARTS
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run

MOST_BYTES = 3_000_000  # of what the votes are computed from, before they are compressed
HISTORY = 24  # checkpoints of which the page says when a pair was learned
# What the page's script can compute.
ACTIVATIONS = ("square", "relu", "cube", "quartic", "identity", "tanh", "silu", "gelu_tanh")


@dataclass(frozen=True)
class PairReading:
    """Every pair of a run at its newest checkpoint, and what its neurons add to the margins.

    Attributes:
        table: a row a pair.
        sides: the answers between which the margins are.
        votes: of the neurons, in few numbers where they can be, else one by one; None if there
            are none.
        layer: whose neurons they are.
        reason: why there are no votes.
        doubts: what the table warned of.
    """

    table: PairTable
    sides: Sides
    votes: Additive | PairVotes | None
    layer: int
    reason: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether votes and a constant sum to the margin."""
        return not isinstance(self.votes, PairVotes) or self.votes.exact


def pairs_of(run: Run, newest: Checkpoint, layer: int) -> PairReading:
    """Reads the pairs of a run; its checkpoints once more, for when they were learned."""
    sides = sides_of(newest)
    votes, reason = _votes(newest, sides, layer)
    shown = layer if newest.network.layers else 0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        table = pair_table(_thinned(run), layer=shown)
    # The page says it, to whoever looks at the answers of the pruned network.
    doubts = tuple(dict.fromkeys(str(one.message) for one in caught))
    if len(table.steps) < len(run.steps):
        doubts += (
            f"of the run's {len(run.steps)} checkpoints, {len(table.steps)} are read for when a "
            "pair was learned and how often it was forgotten, spread evenly",
        )
    return PairReading(table, sides, votes, layer, reason, doubts)


def _thinned(run: Run) -> Run:
    """The run with some of its checkpoints, the first and the last among them."""
    steps = run.steps
    if len(steps) <= HISTORY:
        return run
    places = np.linspace(0, len(steps) - 1, HISTORY).round().astype(int)
    return replace(run, weights={steps[i]: run.weights[steps[i]] for i in places})


def _votes(newest: Checkpoint, sides: Sides, layer: int) -> tuple[Additive | PairVotes | None, str]:
    """The votes in the form that takes the least room, or why the page has none."""
    layers = newest.network.layers
    if not layers:
        return None, "An attention-only network has no neurons, so no cell has any."
    task, width = newest.task, layers[layer].width
    least = width * min(4 * (2 * task.p + task.n_answers), 2 * len(sides.ahead))
    if least > MOST_BYTES:  # in either form
        return None, _too_large(least)
    found = additive(newest, layer)
    if found is not None and found.activation in ACTIVATIONS:
        numbers = found.first.size + found.second.size + found.readout.size
        return (found, "") if 4 * numbers <= MOST_BYTES else (None, _too_large(4 * numbers))
    size = 2 * len(sides.ahead) * layers[layer].width
    if size > MOST_BYTES:
        return None, _too_large(size)
    try:
        return pair_votes(newest, layer, sides), ""
    except NotDefined as error:
        return None, f"What neurons add to a margin is not defined here: {error}."


def _too_large(size: int) -> str:
    return (
        f"What neurons add to the margins is left out of this file: it would take "
        f"{size / 1e6:.1f} MB of at most {MOST_BYTES / 1e6:.0f}. The explorer shows it "
        "(interp explore)."
    )


def pair_payload(found: PairReading) -> tuple[dict[str, Any], str]:
    """Words and numbers as plain data, and the arrays as text."""
    places, blob = packed({**_columns(found), **_vote_arrays(found.votes)})
    votes, data = found.votes, found.table.dataset
    return {
        "p": data.task.p,
        "answers": data.task.n_answers,
        "neurons": 0 if votes is None else _width(votes),
        "activation": votes.activation if isinstance(votes, Additive) else None,
        "exact": found.exact,
        "steps": list(found.table.steps),
        "parts": PARTS,
        "outcomes": [*OUTCOMES],
        "diverging": DIVERGING,
        "layers": [
            {"name": one.name, "look": one.look, "words": one.words}
            for one in layers_of(found.table).values()
        ],
        "arrays": places,
    }, blob


def _width(votes: Additive | PairVotes) -> int:
    return len(votes.first) if isinstance(votes, Additive) else votes.each.shape[1]


def _columns(found: PairReading) -> Mapping[str, np.ndarray]:
    """The pair table as arrays; what is not known has no array."""
    table, data, sides = found.table, found.table.dataset, found.sides
    whole = {
        "x": data.pairs[:, 0],
        "y": data.pairs[:, 1],
        "true": data.true_label,
        "given": data.given_label,
        "answer": table.answered,
        "ahead": sides.ahead,
        "behind": sides.behind,
        "pruned": table.without.pruned,
        "filtered": table.without.filtered,
        "forgotten": table.forgotten,
    }
    real = {"between": sides.margin, "loss": table.loss, "probability": table.probability}
    flags = {"wrong": data.is_wrong, "redrawn": data.is_redrawn}
    # A tie is −1 as an answer, and has no colour; one step more than there are stands for never.
    colours = {name: one.values for name, one in layers_of(table).items() if name != "answer"}
    return {
        **{name: one.astype(np.int32) for name, one in whole.items() if one is not None},
        **{name: one.astype(np.float32) for name, one in real.items()},
        **{name: one.astype(np.uint8) for name, one in flags.items()},
        **{name: _small(one) for name, one in colours.items()},
    }


def _small(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32 if values.dtype.kind == "f" else np.uint16)


def _vote_arrays(votes: Additive | PairVotes | None) -> Mapping[str, np.ndarray]:
    if isinstance(votes, Additive):
        arrays = {"first": votes.first, "second": votes.second, "readout": votes.readout}
        return {name: array.astype(np.float32) for name, array in arrays.items()}
    if votes is None:
        return {}
    values, scale = quantized(votes.each.T, 16)
    return {"votes": values, "vote_scale": scale}


def pair_section(found: PairReading, template: str) -> str:
    """The section: its words stand before any script runs."""
    table = found.table
    counts = [
        f"{int(number):,} {word}"
        for word, number in zip(
            OUTCOMES,
            np.bincount(outcomes(table), minlength=len(OUTCOMES)),
            strict=True,
        )
    ]
    notes = [
        f"<p>{escape(note[0].upper() + note[1:])}.</p>" for note in (*table.gaps, *found.doubts)
    ]
    if not table.wrong.any():
        notes.append("<p>No training pair is known to have a wrong label.</p>")
    if not found.exact:
        notes.append(
            "<p>The logits are no sum over this layer’s neurons: votes are activation × gradient, "
            "what a margin loses to first order without a neuron.</p>"
        )
    if found.reason:
        notes.append(f"<p>{escape(found.reason)}</p>")
    layer = "" if found.votes is None else f" · hidden layer {found.layer}"
    return (
        template.replace("<!--caption-->", escape(f"{table.caption}{layer}"))
        .replace("<!--counts-->", escape(" · ".join(counts)))
        .replace("<!--notes-->", f'<div class="note">{"".join(notes)}</div>' if notes else "")
        .replace("<!--no neurons-->", "" if found.votes is not None else " hidden")
    )
