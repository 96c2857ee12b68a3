"""Networks that are open in the explorer: read once, pruned in the background, bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import torch

from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import Order
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.explorer.background import Background
from interp.explorer.catalog import Catalog
from interp.explorer.listing import Stamp, stamp_of
from interp.explorer.pairs_at import PairReadings, PairsAt
from interp.explorer.thresholds import threshold_by
from interp.training.lines import one_line
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run, load

MOST_RUNS, MOST_STEPS = 6, 64  # kept in memory
DRAWS = 20  # random prunings of a control
_SLOW_DRAWS = 5  # where each number of neurons is a forward pass
_REST = 0.6  # seconds that a slider must rest before the control is drawn
_QUICK: tuple[Order, ...] = (("IPR", "lowest"),)


@dataclass
class OpenRun:
    """A run with the neuron tables and pruning curves of the checkpoints that were looked at.

    Attributes:
        run: as it was when its files last changed.
        label: what it is called on the page; several runs may share it.
        name: by which the catalog finds it.
        computed: how many pruning curves have come from the background.
    """

    run: Run
    stamp: Stamp
    background: Background
    label: str = ""
    name: str = ""
    computed: int = 0
    _checkpoints: OrderedDict[int, Checkpoint] = field(default_factory=OrderedDict)
    _tables: OrderedDict[int, NeuronTable] = field(default_factory=OrderedDict)
    _quick: OrderedDict[int, PruningCurves] = field(default_factory=OrderedDict)
    _full: OrderedDict[int, PruningCurves] = field(default_factory=OrderedDict)
    _pairs: PairReadings = field(default_factory=PairReadings)
    _looked_at: int | None = None
    _asked: set[int] = field(default_factory=set)
    _problems: dict[int, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def named(self, figure: go.Figure) -> go.Figure:
        """A figure with the run's name in its title as the page says it; it is changed."""
        title = figure.layout.title
        title.text = title.text.replace(self.run.name, self.label)
        return figure

    def checkpoint(self, step: int) -> Checkpoint:
        """The network of a step, opened once."""
        with self._lock:
            if step not in self._checkpoints:
                self._checkpoints[step] = self.run.checkpoint(step)
                _bound(self._checkpoints)
            self._checkpoints.move_to_end(step)
            return self._checkpoints[step]

    def table(self, step: int) -> NeuronTable | None:
        """Neurons of the first hidden layer at a step; None for an attention-only network."""
        with self._lock:
            if step not in self._tables:
                checkpoint = self.checkpoint(step)
                if not checkpoint.network.layers:
                    return None
                self._tables[step] = neuron_table(checkpoint)
                _ = self._tables[step].ipr  # computed now, and kept with the table
                _bound(self._tables)
            self._tables.move_to_end(step)
            return self._tables[step]

    def pairs(self, step: int) -> PairsAt:
        """Every pair at a step, and what the neurons of the first hidden layer add to it."""
        return self._pairs.at(self.run, self.checkpoint(step))

    def threshold(self, step: int) -> float:
        """The two-class cut; without two different IPRs, a quantile of noise."""
        table = self.table(step)
        assert table is not None
        return threshold_by(table, "auto")

    def curves(self, step: int) -> PruningCurves | None:
        """Pruning curves at a step; None until the background has made the first of them.

        Where the logits are a sum over neurons the curve by IPR is there at once; the other
        rankings and the control follow.
        """
        with self._lock:
            self._looked_at = step
            if step not in self._full and step not in self._asked:
                self._asked.add(step)
                waiting = threading.Timer(_REST, self._fill_if_still, [step])
                waiting.daemon = True
                waiting.start()
            if step not in self._full and self._additive(step):
                self._prepare(step)
            return self._full.get(step) or self._quick.get(step)

    def _fill_if_still(self, step: int) -> None:
        """A slider on its way asks for nothing slow."""
        with self._lock:
            if self._looked_at != step:
                self._asked.discard(step)
                return
        self.background.now(lambda: self._fill(step))

    def prefetch(self) -> None:
        """Prepares every checkpoint for the slider, the newest first."""
        if self.run.steps and self._additive(self.run.last_step):
            for step in reversed(self.run.steps):
                self.background.later(partial(self._prepare_quietly, step))

    def problem(self, step: int) -> str | None:
        """Why the pruning curves of a step could not be made."""
        return self._problems.get(step)

    def _additive(self, step: int) -> bool:
        network = self.checkpoint(step).network
        return len(network.layers) > 0 and network.readout(0) is not None

    def _prepare(self, step: int) -> None:
        with self._lock:
            if step in self._quick:
                return
            table = self.table(step)
        checkpoint = self.checkpoint(step)
        curves = pruning_curve(checkpoint, draws=0, table=table, orders=_QUICK, losses=False)
        with self._lock:
            self._quick[step] = curves
            _bound(self._quick)

    def _prepare_quietly(self, step: int) -> None:
        """A damaged checkpoint says so when it is looked at."""
        with suppress(ValueError, OSError, MemoryError):
            self._prepare(step)

    def _fill(self, step: int) -> None:
        try:
            draws = DRAWS if self._additive(step) else _SLOW_DRAWS
            checkpoint, table = self.checkpoint(step), self.table(step)
            found = pruning_curve(checkpoint, draws=draws, table=table, losses=False)
        except (ValueError, OSError, MemoryError) as error:
            self._problems[step] = one_line(error)
        else:
            with self._lock:
                self._full[step] = found
                _bound(self._full)
                self._asked &= self._full.keys()
        self.computed += 1


class Readings:
    """The runs that were opened last.

    Args:
        catalog: of the folder that they must lie in.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._open: OrderedDict[str, OpenRun] = OrderedDict()
        self._lock = threading.Lock()
        self._background = Background()
        # Pruning in the background leaves the other cores to answer.
        torch.set_num_threads(max(1, torch.get_num_threads() // 2))

    def open(self, name: str) -> OpenRun:
        """A run, as its files are now; what was computed of its checkpoints stays.

        Raises:
            ValueError: if the name leads out of the folder or to no run, or the run is broken.
        """
        path = self._catalog.find(name)
        stamp = stamp_of(path)
        with self._lock:
            known = self._open.get(name)
            if known is None or known.stamp != stamp:
                known = self._read(name, path, stamp, known)
                self._open[name] = known
                while len(self._open) > MOST_RUNS:
                    self._open.popitem(last=False)
            self._open.move_to_end(name)
            return known

    def _read(self, name: str, path: Path, stamp: Stamp, known: OpenRun | None) -> OpenRun:
        self._catalog.check_links(path)
        run = load(path)
        if known is None or known.run.config != run.config:
            row = self._catalog.contents().row(name)
            label = run.name if row is None else row.label or run.name
            opened = OpenRun(run, stamp, self._background, label, name)
            opened.prefetch()
            return opened
        known.run, known.stamp = run, stamp  # a checkpoint never changes once it is written
        return known


def _bound(cache: OrderedDict[int, Any]) -> None:
    while len(cache) > MOST_STEPS:
        cache.popitem(last=False)
