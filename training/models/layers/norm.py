"""Batch and layer normalization with an optional leading ``run`` axis."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interp.training.models.arrays import NORM_EPS
from interp.training.models.hooks import HookPoint
from interp.training.models.layers.noise import Noise

Values = Float[Tensor, "*run example feature"]

MOMENTUM = 0.1  # of the running statistics, torch's default


class BatchNorm(nn.Module):
    """(x − mean) / sqrt(var + ε) · w + b over the examples of a batch.

    In training the batch's own mean and variance are used and the running ones follow; otherwise
    the running ones are used. Buffers: ``mean`` and ``var`` (feature).
    """

    mean: Tensor
    var: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(features))
        self.b = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("var", torch.ones(features))
        self.hook_normalized = HookPoint()

    def forward(self, values: Values, noise: Noise | None = None) -> Values:
        """Normalizes; with ``noise``, by the batch."""
        if noise is None:
            scale = self.scale().unsqueeze(-2)
            shift = (self.b - self.mean * self.scale()).unsqueeze(-2)
            normalized: Tensor = self.hook_normalized(values * scale + shift)
            return normalized
        if values.ndim == 2:
            return torch.nn.functional.batch_norm(
                values, self.mean, self.var, self.w, self.b, True, MOMENTUM, NORM_EPS
            )
        mean, var = _mean_and_variance(values, -2)
        self._follow(mean.squeeze(-2), var.squeeze(-2), values.shape[-2])
        gain = self.w.unsqueeze(-2) * torch.rsqrt(var + NORM_EPS)
        return values * gain + (self.b.unsqueeze(-2) - mean * gain)

    def scale(self) -> Float[Tensor, "*run feature"]:
        """What each feature is multiplied by outside training, w / sqrt(var + ε)."""
        return self.w * torch.rsqrt(self.var + NORM_EPS)

    @torch.no_grad()
    def _follow(self, mean: Tensor, var: Tensor, count: int) -> None:
        # The running variance is the unbiased one, as torch's.
        self.mean.lerp_(mean, MOMENTUM)
        self.var.lerp_(var * (count / (count - 1)), MOMENTUM)


class LayerNorm(nn.Module):
    """(x − mean) / sqrt(var + ε) · w + b over the features of each example."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(features))
        self.b = nn.Parameter(torch.zeros(features))
        self.hook_scale = HookPoint()
        self.hook_normalized = HookPoint()

    def forward(self, values: Tensor, noise: Noise | None = None) -> Tensor:
        """Normalizes, in training and outside alike."""
        del noise
        mean, var = _mean_and_variance(values, -1)
        scale = self.hook_scale(torch.sqrt(var + NORM_EPS))
        w: Tensor = self.w
        b: Tensor = self.b
        if w.ndim > 1:
            w, b = (one.reshape(len(one), *[1] * (values.ndim - 2), -1) for one in (w, b))
        normalized: Tensor = self.hook_normalized((values - mean) / scale * w + b)
        return normalized


def _mean_and_variance(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Both along one axis, which stays; on a CPU ``torch.var_mean`` takes eight times as long."""
    mean = values.mean(dim=dim, keepdim=True)
    return mean, (values - mean).square().mean(dim=dim, keepdim=True)
