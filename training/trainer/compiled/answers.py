"""Losses and biases of the answers in a compiled step."""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from interp.training.trainer.compiled.neurons import SUMS, exp, inner


@inner(fastmath=SUMS)
@no_type_check  # a checker's wrapper cannot be compiled
def squares(logits, label, rows, scale, answers):
    """Logits minus one-hot labels, times ``scale``; returns the sum of the squares."""
    total, one = 0.0, logits.dtype.type(1)
    for r in range(len(rows)):
        row = logits[r * answers : (r + 1) * answers]
        row[label[rows[r]]] -= one
        squares = one - one
        for j in range(answers):
            squares += row[j] * row[j]
            row[j] *= scale
        total += squares
    return total


@inner(fastmath=SUMS)
@no_type_check
def exponentials(logits, label, rows, scale, answers):
    """Probabilities minus one-hot labels, times ``scale``; returns the sum of the losses.

    At the label it is minus the sum of the others, which does not round to zero.
    """
    total = 0.0
    for r in range(len(rows)):
        row, at = logits[r * answers : (r + 1) * answers], label[rows[r]]
        most, own, whole, others = np.float64(row[0]), np.float64(row[at]), 0.0, 0.0
        for j in range(answers):
            most = most if most >= row[j] else np.float64(row[j])
        for j in range(answers):
            one = exp(np.float64(row[j]) - most)
            whole += one
            row[j] = one
        total += np.log(whole) + most - own
        row[at] = 0
        share = scale / whole
        for j in range(answers):
            one = row[j] * share
            others += one
            row[j] = one
        row[at] = -others
    return total


@inner(fastmath=SUMS)
@no_type_check
def score(logits, scored, start, count, cross_entropy, sums):
    """Adds right answers and losses of some pairs, in float64, to ``sums`` (2, label, part).

    An answer is right if its logit is strictly the greatest.
    """
    answers = len(logits) // count
    for r in range(count):
        row, most, squares, whole = logits[r * answers : (r + 1) * answers], -np.inf, 0.0, 0.0
        for j in range(answers):
            most = most if most >= row[j] else np.float64(row[j])
        alone = 0
        for j in range(answers):
            alone += 1 if row[j] == most else 0
        if cross_entropy:
            for j in range(answers):
                whole += exp(np.float64(row[j]) - most)
        else:
            for j in range(answers):
                squares += np.float64(row[j]) * np.float64(row[j])
        part = scored.part[start + r]
        for kind in range(2):
            own = np.float64(row[scored.labels[kind, start + r]])
            loss = np.log(whole) + most - own
            if not cross_entropy:
                loss = (squares - 2 * own + 1) / answers
            sums[0, kind, part] += 1 if own == most and alone == 1 else 0
            sums[1, kind, part] += loss


@inner(fastmath=SUMS)
@no_type_check
def add_bias(logits, bias, rows):
    """Adds a bias to each of some rows of logits."""
    for r in range(rows):
        row = logits[r * len(bias) : (r + 1) * len(bias)]
        for j in range(len(bias)):
            row[j] += bias[j]


@inner(fastmath=SUMS)
@no_type_check
def add_rows(total, logits, rows):
    """Adds each of some rows of logits to the gradient of the bias."""
    for r in range(rows):
        row = logits[r * len(total) : (r + 1) * len(total)]
        for j in range(len(total)):
            total[j] += row[j]
