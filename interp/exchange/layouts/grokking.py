"""The original grokking paper's Transformer and its descendants: every matrix transposed."""

from __future__ import annotations

from interp.exchange.layouts.layout import (
    TURNED,
    Hints,
    Layout,
    Recognized,
    Taken,
    Tensors,
    check_shape,
)
from interp.exchange.layouts.scores import scores_of
from interp.exchange.layouts.transformer import (
    OUT_OF_HEADS,
    PARTS,
    attention_of,
    check_known,
    count_blocks,
    recognized,
)

_HEADS_TURNED = "head d_head d_model -> head d_model d_head"
_AS_THEIRS, _AS_OURS = "d × tokens", "tokens × d"


def _matches(tensors: Tensors) -> bool:
    output = tensors.get("blocks.0.attn.W_O")
    return "embed.W_E" in tensors and output is not None and output.ndim == 2


def _read(tensors: Tensors, hints: Hints) -> Recognized:
    """``W_E`` d×tokens, ``W_Q`` head×d_head×d, ``W_O`` d×(head·d_head), ``W_in`` d_mlp×d."""
    check_known(tensors, hints)
    taken = Taken(tensors)
    heads, d_head, d_model = check_shape(tensors, "blocks.0.attn.W_Q", None, None, None).shape
    _take_table(taken, hints, "embed.W_E", d_model, rows=True)
    _take_table(taken, hints, "unembed.W_U", d_model, rows=False)
    answers = taken.weights["unembed.W_U"].shape[1]
    taken.take_any("unembed.b_U", "unembed.b_U", (answers,))
    positions = check_shape(tensors, "pos_embed.W_pos", None, None)
    is_turned = positions.shape[1] != d_model
    shape = (d_model, None) if is_turned else (None, d_model)
    taken.take("pos_embed.W_pos", "pos_embed.W_pos", shape, TURNED if is_turned else "")
    for index in range(count_blocks(tensors, "blocks.")):
        _take_block(taken, f"blocks.{index}.", (heads, d_head, d_model))
    if not hints.config:
        scores_of(taken, hints)
        taken.assumed.append("no norm in use: no tensor tells it")
    return recognized(taken, hints, _attention(hints, taken))


def _take_table(taken: Taken, hints: Hints, name: str, d_model: int, rows: bool) -> None:
    """Takes an embedding (one row a token) or unembedding (one column), stored either way."""
    tensor = check_shape(taken.tensors, name, None, None)
    if d_model not in tensor.shape:
        check_shape(taken.tensors, name, d_model, None)
    by_columns = tensor.shape[0] == d_model
    if tensor.shape[0] == tensor.shape[1]:
        words = f"{name} is square and read as {{}}"
        by_columns = taken.choose(hints, name, (_AS_THEIRS, _AS_OURS), words) == _AS_THEIRS
    taken.put(name, name, tensor.T if by_columns == rows else tensor)


def _take_block(taken: Taken, start: str, shape: tuple[int, int, int]) -> None:
    heads, d_head, d_model = shape
    for part in PARTS:
        name = f"{start}attn.W_{part}"
        taken.take(name, name, shape, _HEADS_TURNED)
        bias = f"{start}attn.b_{part}"
        taken.take_any(bias, bias, (heads, d_head))
    name, joined = f"{start}attn.W_O", (d_model, heads * d_head)
    taken.take(name, name, joined, OUT_OF_HEADS, head=heads)
    taken.take_any(f"{start}attn.b_O", f"{start}attn.b_O", (d_model,))
    width = taken.tensors.get(f"{start}mlp.W_in")
    if width is not None or f"{start}mlp.W_out" in taken.tensors:
        neurons = check_shape(taken.tensors, f"{start}mlp.W_in", None, d_model).shape[0]
        taken.take(f"{start}mlp.W_in", f"{start}mlp.W_in", (neurons, d_model), TURNED)
        taken.take(f"{start}mlp.W_out", f"{start}mlp.W_out", (d_model, neurons), TURNED)
        taken.take_any(f"{start}mlp.b_in", f"{start}mlp.b_in", (neurons,))
        taken.take_any(f"{start}mlp.b_out", f"{start}mlp.b_out", (d_model,))


def _attention(hints: Hints, taken: Taken) -> str:
    """Causal where a lower triangle is stored as mask, which this code always applies."""
    masks = [one for name, one in hints.constants.items() if name.endswith("attn.mask")]
    triangles = [bool((one.float() == one.float().tril()).all()) for one in masks]
    if triangles and all(triangles) and "attention" not in hints.model:
        return "causal"
    return attention_of(hints, "causal", taken)


GROKKING = Layout(
    "grokking",
    "embed.W_E (d × tokens), blocks.l.attn.W_Q (head, d_head, d), blocks.l.attn.W_O "
    "(d × head·d_head), blocks.l.mlp.W_in (d_mlp × d), unembed.W_U",
    _matches,
    _read,
)
