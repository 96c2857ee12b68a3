"""Anybody's module as a network: its logits are the module's own, its neurons are watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interp.training.config.sections import ModelConfig
from interp.training.models.blocks import check_operands
from interp.training.models.hooks import HookedRootModule, HookPoint
from interp.training.models.layers.noise import Noise
from interp.training.models.module.inputs import read_logits
from interp.training.models.module.layer import AdaptedBlock, AdaptedLayer, Change, visit_of
from interp.training.models.module.parts import Parts, parts_of
from interp.training.models.module.readout import affine_rows
from interp.training.models.module.source import Source
from interp.training.models.module.watched import Tap, watched
from interp.training.tasks.task import Task


class Adapted(HookedRootModule):
    """A module of somebody's own code; made by :func:`interp.adapt`.

    Its tensors are ``module.*``, under the module's own names, and ``blocks.l.mlp.keep``. Hook
    points: ``blocks.l.mlp.hook_pre`` and ``.hook_post``. Outside of a pass the module bears no
    hook.

    Args:
        task: what its operands and answers mean.
        model: its section of a configuration.
        source: the module, or what makes it, or another adapted network, which is copied; by
            default what ``model.module`` names.

    Raises:
        ValueError: if there is no source and no name of one, or the module does not fit.
    """

    def __init__(
        self, task: Task, model: ModelConfig, source: Source | Parts | Adapted | None = None
    ) -> None:
        super().__init__()
        self.task, self.model = task, model
        parts = _parts(task, model, source)
        self.module, self.inputs, self.told = parts.module, parts.inputs, parts.told
        self._wide = False
        if parts.places[0].width != model.width:
            raise ValueError(
                f"model.width: expected the {parts.places[0].width} neurons of "
                f"{parts.places[0].path!r}, got {model.width}"
            )
        layers = (AdaptedLayer(index, place) for index, place in enumerate(parts.places))
        blocks = nn.ModuleList(AdaptedBlock(layer) for layer in layers)
        self.blocks = cast("Sequence[AdaptedBlock]", blocks)
        self.setup()

    def setup(self) -> None:
        """Names the hook points; parts of the module, which may have names of theirs, keep them."""
        points = {
            f"blocks.{layer.index}.mlp.{name}": part
            for layer in self.layers
            for name, part in layer.named_children()
            if isinstance(part, HookPoint)
        }
        for name, point in points.items():
            point.name = name
        self.mod_dict, self.hook_dict = {**points}, {**points}

    @property
    def layers(self) -> list[AdaptedLayer]:
        """The hidden layers that were named."""
        return [block.mlp for block in self.blocks]

    @property
    def width(self) -> int:
        """Neurons in the first of the hidden layers; a layer has its own ``width``."""
        return self.layers[0].width

    @property
    def heads(self) -> list[tuple[int, int]]:
        """None that are known."""
        return []

    @property
    def read_out(self) -> None:
        """None: which matrix makes the logits is not known; see :meth:`readout`."""
        return None

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(self.module.parameters()).dtype

    def forward(self, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
        """The module's logits; refuses operands that are no residues."""
        check_operands(pairs, self.task.p)
        return self.logits(pairs)

    def logits(
        self, pairs: Int[Tensor, "pair 2"], noise: Noise | None = None
    ) -> Float[Tensor, "pair answer"]:
        """As :meth:`forward`, for pairs that are known to be right."""
        if noise is not None:
            raise ValueError("model.kind: an adapted module is not trained here")
        return self.changed(pairs, {})

    def changed(
        self, pairs: Int[Tensor, "pair 2"], changes: Mapping[int, Change]
    ) -> Float[Tensor, "pair answer"]:
        """Logits with the activations of some layers changed, after the mask."""
        taps = [Tap(one.place, visit_of(one, changes.get(one.index))) for one in self.layers]
        return read_logits(self.output(pairs, taps), len(pairs), self.task.n_answers)

    def output(self, pairs: Int[Tensor, "pair 2"], taps: Sequence[Tap]) -> Any:
        """What the module gives while taps see and change its values."""
        return self.output_of(*self.inputs(pairs, self.dtype), taps)

    def output_of(self, args: Sequence[Any], named: Mapping[str, Any], taps: Sequence[Tap]) -> Any:
        """As :meth:`output`, of the module's own arguments."""
        with watched(self.module, taps, self._wide):
            return self.module(*args, **named)

    def post(
        self, pairs: Int[Tensor, "pair 2"], layer: int
    ) -> Float[Tensor, "pair *position neuron"]:
        """Activations of a layer; at the one position that matters, where there is one."""
        found: list[Tensor] = []

        def see(values: Tensor) -> Tensor:
            found.append(self.where_it_matters(values, layer))
            return values

        self.changed(pairs, {layer: see})
        return found[0]

    def where_it_matters(self, values: Tensor, layer: int) -> Tensor:
        """A layer's values at the one position that matters; all where there is no such one."""
        at = self.layers[layer].place.position
        return values if at is None else values[:, at : at + 1]

    def tail(
        self, pairs: Int[Tensor, "pair 2"], layer: int
    ) -> tuple[Float[Tensor, "pair *position neuron"], Callable[[Tensor], Tensor]]:
        """Activations of a layer, and the function to the logits from what takes their place.

        The function runs the whole module, in which the activations are replaced.
        """
        at = self.layers[layer].place.position

        def finish(written: Tensor) -> Tensor:
            def replace(values: Tensor) -> Tensor:
                if at is None:
                    return written
                values = values.clone()
                values[:, at : at + 1] = written
                return values

            return self.changed(pairs, {layer: replace})

        return self.post(pairs, layer), finish

    def read_by(self, layer: int) -> nn.Parameter:
        """The identity: what follows the neurons is run as it is, on their activations."""
        width = self.layers[layer].width
        return nn.Parameter(torch.eye(width, dtype=self.dtype), requires_grad=False)

    def readout(self, layer: int) -> Float[Tensor, "neuron answer"] | None:
        """What each neuron adds to the logits, times its activation; None if they are no sum.

        The rows are found on unit activations, in float64, and tried on activations of both signs
        and twice the size that the module's have: the logits must be affine in them to 1e-9 of
        the largest one (1e-4 where the module computes in float32 only).
        """
        with torch.no_grad():
            rows = affine_rows(deepcopy(self).double(), layer)
        return None if rows is None else rows.to(self.dtype)

    def double(self) -> Adapted:
        """The network itself in float64.

        Where the module's code asks for float32 by name, what it computes is turned to float64 as
        it comes about; where even so it cannot be run, the network stays as it was.
        """
        before = deepcopy(self.module)
        super().double()
        for self._wide in (False, True):
            try:
                with torch.no_grad():
                    self.logits(torch.as_tensor(self.task.pairs[:2]))
                return self
            except RuntimeError:
                continue
        self.module, self._wide = before, False
        return self


def _parts(task: Task, model: ModelConfig, source: Any) -> Parts:
    if isinstance(source, Parts):
        return source
    if isinstance(source, Adapted):
        places = tuple(layer.place for layer in source.layers)
        return Parts(deepcopy(source.module), source.inputs, places, source.told)
    source = source or model.module
    if not source:
        raise ValueError(
            "model.module: the folder does not name the module's code: needs module=, the module "
            "or its import path, as interp.load(path, module=...) takes"
        )
    return parts_of(task, source, model.neurons_at, model.inputs, model.arguments)


def no_weights(
    network: Adapted, init: str, random: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """None: a module brings its weights along."""
    yield from ()
