"""The loss that a network was trained with, as far as its logits tell."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from interp.exchange.truth.evidence import Told
from interp.training.config.sections import LossName

_ASSUMED: LossName = "mse"


def loss_told(
    known: LossName | None, logits: Float[Tensor, "pair answer"], is_trained: bool
) -> Told:
    """The loss that was named, found from the logits, or assumed.

    Args:
        known: as named by the user.
        logits: of the pairs that were trained on.
        is_trained: whether the network answers anything better than by chance; the logits of one
            that does not are no evidence of a training.
    """
    if known is not None:
        return Told(known)
    found, words = loss_of(logits)
    if found is not None and is_trained:
        return Told(found, recognized=f"loss {found}: {words}")
    if found is not None:
        return Told(found, assumed=f"loss {found}, by its logits alone ({words})")
    return Told(_ASSUMED, assumed=f"loss {_ASSUMED}, as the logits do not tell")


def loss_of(logits: Float[Tensor, "pair answer"]) -> tuple[LossName | None, str]:
    """The loss, and how it shows; None where the logits do not tell.

    Trained by MSE, logits come near one-hot vectors: their squared distance from that of the
    network's own answer is below 1, that of logits that are all zero. Trained by cross-entropy
    they are far from that, and the probability of the answer is far above chance.
    """
    answers = logits.argmax(dim=1)
    one_hot = functional.one_hot(answers, logits.shape[1]).to(logits.dtype)
    distance = float((logits - one_hot).square().sum(dim=1).double().mean())
    certain = float(logits.double().softmax(dim=1).amax(dim=1).mean())
    if distance < 0.85:
        return "mse", f"squared distance of the logits from one-hot {distance:.2g}"
    if distance > 1 and certain > max(0.25, 5 / logits.shape[1]):
        told = f"mean probability of the answer {certain:.2g}, squared distance {distance:.2g}"
        return "cross_entropy", told
    return None, ""
