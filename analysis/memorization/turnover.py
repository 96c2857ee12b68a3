"""Turn-over dropout: the training examples under their own masks and under the complements."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from interp.analysis.measure import NotDefined
from interp.training.models.layers.masks import shared_masks
from interp.training.models.layers.noise import Noise, dropout_key
from interp.training.runs.run import Run

Logits = Float[Tensor, "example answer"]


@torch.no_grad()
def turnover_logits(run: Run, step: int | None = None) -> tuple[Logits, Logits]:
    """Logits of the training examples, each under its own mask and under the complementary one.

    The sub-network that an example trains, and the one that never saw it; where few masks are
    shared, the one that saw it in no step. A fixed mask per example is a key that makes memorizing
    trivial: the test accuracy of the full network has to stand beside whatever is read of them.
    Source: Kobayashi et al. 2020 (arXiv 2012.04207), section 3, with the mask on the neurons.

    Args:
        run: trained with ``model.dropout_masks``.
        step: which checkpoint; the newest by default.

    Returns:
        Own and complement, examples in the order of the pairs.

    Raises:
        NotDefined: if the run was not trained so, or its neurons are not those that were.
    """
    noise = _noise(run)
    network = run.checkpoint(step).network
    pairs = torch.as_tensor(run.dataset.pairs[run.dataset.is_train])
    own: Tensor = network.logits(pairs, noise)
    other: Tensor = network.logits(pairs, replace(noise, complement=True))
    return own, other


def _noise(run: Run) -> Noise:
    """The masks of a run's training step."""
    masks = run.config.model.dropout_masks
    if masks is None:
        raise NotDefined("expected a run trained with model.dropout_masks, got one without")
    if not run.origin.trained_here:
        raise NotDefined(
            "expected a run as it was trained, whose neurons the masks are counted by, got one "
            f"that was {run.origin.kind}"
        )
    seed, examples = run.config.seed_of("dropout"), int(run.dataset.is_train.sum())
    return Noise(
        torch.tensor(dropout_key(seed), dtype=torch.int32),
        torch.tensor(run.config.model.dropout, dtype=torch.float64),
        torch.zeros((), dtype=torch.int32),
        active=True,
        fixed=True,
        shared=shared_masks(masks, examples, [seed], False, torch.device("cpu")),
    )
