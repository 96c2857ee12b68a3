"""What is known of a pair, in words; the report's script has the same of its own."""

from __future__ import annotations

import numpy as np

from interp.analysis.memorization.pair_rows import PairTable
from interp.analysis.memorization.pair_votes import PairVotes
from interp.figures.pair_looks import OUTCOMES, outcomes
from interp.training.data.splits import PARTS


def pair_facts(found: PairTable, pair: int) -> list[tuple[str, str]]:
    """Name and value of everything in the table's row."""
    data, without = found.dataset, found.without
    part = PARTS[int(data.parts[:, pair].argmax())]
    lucky = data.is_redrawn[pair] and not data.is_wrong[pair]
    outcome = [*OUTCOMES][int(outcomes(found)[pair])]
    facts = [
        ("split", f"{part}, redrawn but right by chance" if lucky else part),
        ("true, given label", f"{data.true_label[pair]}, {data.given_label[pair]}"),
        ("answer", f"{_answer(found.answered[pair])} ({outcome})"),
        ("margin of the label", f"{found.margin[pair]:.3f}"),
        ("loss, probability", f"{found.loss[pair]:.3g}, {found.probability[pair]:.3g}"),
    ]
    if found.learned is not None:
        step = found.learned[pair]
        facts.append(("learned", f"step {step:.0f}" if np.isfinite(step) else "never"))
    if found.forgotten is not None:
        facts.append(("times forgotten", f"{found.forgotten[pair]}"))
    for name, answers in (("pruned", without.pruned), ("filtered", without.filtered)):
        if answers is not None:
            facts.append((f"{name} network answers", _answer(answers[pair])))
    return facts


def margin_words(found: PairTable, votes: PairVotes, pair: int) -> str:
    """Which margin of a pair the neurons' votes add up to."""
    sides = votes.sides
    ahead, behind = sides.ahead[pair], sides.behind[pair]
    over = f"{ahead}, its label, over {behind}, the strongest other"
    if found.wrong[pair]:
        over = f"the given {ahead} over the true {behind}"
    order = "" if votes.exact else " to first order"
    added = votes.each[pair].sum(dtype=np.float64)
    return (
        f"margin of {over}: {sides.margin[pair]:.3g} logits, of which all {votes.each.shape[1]} "
        f"neurons add {added:.3g}{order}"
    )


def vote_means(found: PairTable, votes: PairVotes, neuron: int) -> str:
    """What a neuron adds to the margins on average, wrong labels apart from other training."""
    train, wrong = found.dataset.is_train, found.wrong
    groups = {"wrong labels": wrong, "other training": train & ~wrong, "test": ~train}
    each = votes.each[:, neuron].astype(np.float64)
    told = [f"{name} {each[of].mean():.3g}" for name, of in groups.items() if of.any()]
    return f"mean over {', '.join(told)}"


def _answer(answer: int) -> str:
    return "none (a tie)" if answer < 0 else f"{answer}"
