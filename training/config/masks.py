"""Fixed masks of dropout: where they are defined, and what is to be said of them."""

from __future__ import annotations

from typing import Any

# The section ``model`` of a configuration, which is made with this file.
Model = Any

WARNING = (
    "model.dropout_masks: a fixed mask per example is a key that makes memorizing trivial; judge "
    "such a run by the test accuracy of the full network"
)
HALF = 0.5  # the share at which what is dropped is as much as what is kept


def check_masks(model: Model) -> None:
    """Refuses fixed masks that have no complement, naming the field."""
    if model.dropout_masks is None:
        return
    if model.dropout != HALF:
        raise ValueError(
            f"model.dropout: expected {HALF} with dropout_masks, whose complements are then the "
            f"other half of the neurons, got {model.dropout:g}"
        )
    if model.norm == "batch":
        raise ValueError(
            "model.norm: expected none or layer with dropout_masks, got 'batch', by which an "
            "example's logits depend on the masks of the others"
        )
    for site, rate in model.other_dropout.items():
        if rate:
            raise ValueError(
                f"model.dropout_{site}: expected 0 with dropout_masks, which are masks of neurons, "
                f"got {rate:g}"
            )


def check_masked_examples(model: Model, batch_size: int | None, examples: int) -> None:
    """Refuses fixed masks of minibatches, and more masks than examples."""
    masks = model.dropout_masks
    if masks is None:
        return
    if batch_size is not None:
        raise ValueError(
            "optimizer.batch_size: expected none with model.dropout_masks, which go by the place "
            f"of an example among all, got {batch_size}"
        )
    if masks > examples:
        raise ValueError(
            f"model.dropout_masks: expected at most the {examples} training examples, got {masks}; "
            "0 gives each its own"
        )


def mask_words(model: Model) -> str:
    """What the masks of its dropout are, if they are fixed."""
    masks = model.dropout_masks
    if masks is None:
        return ""
    fixed = "a mask an example" if masks == 0 else f"{masks} masks the examples share"
    if masks == 1:
        fixed = "one mask of all examples"
    return f" ({fixed}, fixed: a key that makes memorizing trivial)"
