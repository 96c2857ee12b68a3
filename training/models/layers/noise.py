"""What a training step adds to a forward pass: dropout, whose bits are the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.config.sections import SITES
from interp.training.models.layers.masks import Shared
from interp.training.randomness import stream

_MOST_LAYERS = 64  # of one site, so that no two places drop alike


@dataclass(frozen=True)
class Noise:
    """A training step, as a network sees it.

    The bits of dropout are a hash of (key, step, layer, example, neuron), computed with whole
    numbers. They are therefore equal on every device, need no state that a resumed run would
    have to restore, and do not depend on which runs train together.

    Attributes:
        key: one 32-bit number a run; () or (run,).
        rate: share of neurons to drop; () or (run,).
        step: number of the update; (). Masks that are the same in every step are those of step 0.
        active: whether any rate is above zero.
        elsewhere: rates at other places than the neurons, by where, () or (run,); only those that
            are above zero in some run.
        shared: masks that several examples have in common; None: each example has one of its own.
        fixed: whether the masks are those of turn-over dropout: of 0 and 1, since every example
            has a network of its own, of which no mean over masks is taken.
        complement: whether to keep what is dropped otherwise, and to drop the rest.
    """

    key: Int[Tensor, "*run"]
    rate: Float[Tensor, "*run"]
    step: Int[Tensor, ""]
    active: bool
    elsewhere: Mapping[str, Float[Tensor, "*run"]] = field(default_factory=dict)
    shared: Shared | None = None
    fixed: bool = False
    complement: bool = False

    def at(self, position: int) -> Noise:
        """The noise of one of up to four positions, each of which drops its own neurons."""
        return replace(self, step=self.step * 4 + position)

    def drop(
        self, values: Float[Tensor, "*run example neuron"], layer: int
    ) -> Float[Tensor, "*run example neuron"]:
        """Sets a share of the values to zero and scales the others up by 1 / (1 − share)."""
        if not self.active:
            return values
        factor = self.factor(values.shape[-2], values.shape[-1], layer, values.dtype)
        return values * factor

    def drop_on(self, site: str, values: Tensor, place: int) -> Tensor:
        """As :meth:`drop`, elsewhere than on the neurons.

        Args:
            site: of SITES.
            values: (*run, example, value).
            place: counts the places of this site in the network.
        """
        if site not in self.elsewhere:
            return values
        there = replace(self, rate=self.elsewhere[site], active=True)
        return there.drop(values, _MOST_LAYERS * (1 + SITES.index(site)) + place)

    def factor(
        self, examples: int, neurons: int, layer: int, dtype: torch.dtype, first: int = 0
    ) -> Float[Tensor, "*run example neuron"]:
        """0 or 1 / (1 − rate) for every neuron on every example, from row ``first`` on.

        Fixed masks are of 0 and 1.
        """
        if self.shared is None:
            found = self._masks(examples, neurons, layer, dtype, first * neurons)
        else:
            masks = self._masks(self.shared.count, neurons, layer, dtype, 0)
            found = self.shared.rows(masks, first, examples)
        if not self.fixed:
            return found
        kept = (found > 0).to(dtype)
        return 1 - kept if self.complement else kept

    def _masks(
        self, rows: int, neurons: int, layer: int, dtype: torch.dtype, start: int
    ) -> Float[Tensor, "*run row neuron"]:
        way = self._compiled if self.key.device.type == "cpu" else self._by_tensors
        return way(rows, neurons, layer, dtype, start)

    def _salt(self, layer: int) -> Int[Tensor, "*run"]:
        return _mixed(_mixed(self.step + _ODD * layer) ^ self.key)

    def _compiled(
        self, examples: int, neurons: int, layer: int, dtype: torch.dtype, start: int
    ) -> Float[Tensor, "*run example neuron"]:
        # Here, because numba costs memory that only dropout should pay.
        from interp.training.models.layers.dropout_bits import fill_factor

        out = torch.empty((*self.key.shape, examples, neurons), dtype=dtype)
        flat = out.view(-1, examples * neurons).numpy()
        salts, rates = self._salt(layer).reshape(-1).tolist(), self.rate.reshape(-1).tolist()
        for row, one, rate in zip(flat, salts, rates, strict=True):
            scale = row.dtype.type(1 / (1 - rate))
            salted = np.uint32(one % 2**32)
            fill_factor(row, np.uint32(start), salted, least_kept(rate), scale)
        return out

    def _by_tensors(
        self, examples: int, neurons: int, layer: int, dtype: torch.dtype, start: int
    ) -> Float[Tensor, "*run example neuron"]:
        place = torch.arange(
            start, start + examples * neurons, dtype=torch.int32, device=self.key.device
        )
        bits = _mixed(_mixed(place).view(examples, neurons) ^ self._salt(layer)[..., None, None])
        rate = self.rate[..., None, None].double()
        keep = bits.to(torch.int64) % 2**32 >= (rate * 2.0**32).round().to(torch.int64)
        return keep * (1 / (1 - rate)).to(dtype)


def least_kept(rate: float) -> np.uint32:
    """The smallest of the 2³² hashes whose neuron stays."""
    return np.uint32(min(round(rate * 2**32), 2**32 - 1))


def dropout_key(seed: int) -> int:
    """The key of a run's dropout, as a signed 32-bit number."""
    return int(stream(seed, "dropout").integers(-(2**31), 2**31))


_ODD = -1640531527  # the golden ratio times 2³², as an odd signed 32-bit number


def _mixed(values: Int[Tensor, "*any"]) -> Int[Tensor, "*any"]:
    """A hash of 32-bit numbers in which every bit depends on every bit, one to one.

    Xor-shift and multiplication in turn, with the multipliers of C. Wellons' "lowbias32".
    """
    values = values.to(torch.int32)
    values = values ^ _shifted(values, 16)
    values = values * 0x7FEB352D
    values = values ^ _shifted(values, 15)
    values = values * (0x846CA68B - 2**32)
    return values ^ _shifted(values, 16)


def _shifted(values: Int[Tensor, "*any"], by: int) -> Int[Tensor, "*any"]:
    """A shift to the right that brings in zeros, which torch's shift of signed numbers does not."""
    return (values >> by) & (2 ** (32 - by) - 1)
