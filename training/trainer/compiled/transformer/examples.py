"""What a compiled step does example by example: patterns, sums of rows, and the way back.

Neurons and logits of an example are a sum of rows: that of its own last token, and one of each
head and position, times the attention that the head pays to it. Examples with the same row at a
position are taken one after the other, four at a time on the way back: it stays near.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from interp.training.trainer.compiled.neurons import SUMS, activate, exp, inner


@inner()
@no_type_check  # a checker's wrapper cannot be compiled
def _scores_at(rules, shown, example):
    """Where the scores of an example start, those of its query on the first row."""
    asking = shown.source[(example + 1) * rules.sources - 1] - rules.rows + rules.asking
    return asking * rules.rows


@inner(fastmath=SUMS)
@no_type_check
def fill_patterns(tables, rules, shown, start, count, pattern):
    """The attention of some examples, (example, position, head): a softmax over the positions."""
    heads, places, size = rules.heads, rules.sources, rules.asking * rules.rows
    for e in range(count):
        row = shown.source[(start + e) * places : (start + e + 1) * places]
        scores, at = pattern[e * places * heads :], _scores_at(rules, shown, start + e)
        for h in range(heads):
            most = pattern.dtype.type(-np.inf)
            for s in range(places):
                one = tables.score[h * size + at + row[s]]
                scores[s * heads + h] = one
                most = one if one > most or one != one else most  # NaN stays NaN
            for s in range(places):
                scores[s * heads + h] -= most
    for i in range(count * places * heads):
        pattern[i] = exp(np.float64(pattern[i]))
    for e in range(count):
        scores = pattern[e * places * heads : (e + 1) * places * heads]
        for h in range(heads):
            total = pattern.dtype.type(0)
            for s in range(places):
                total += scores[s * heads + h]
            for s in range(places):
                scores[s * heads + h] /= total


@inner(fastmath=SUMS)
@no_type_check
def _add_heads(out, table, pattern):
    """Adds to a row that of each head, times its attention; four at a time."""
    columns, heads, h = len(out), len(pattern), 0
    while h + 4 <= heads:
        a, b = table[h * columns : (h + 1) * columns], table[(h + 1) * columns :]
        c, d = table[(h + 2) * columns :], table[(h + 3) * columns :]
        p, q, r, s = pattern[h], pattern[h + 1], pattern[h + 2], pattern[h + 3]
        for i in range(columns):
            out[i] += (p * a[i] + q * b[i]) + (r * c[i] + s * d[i])
        h += 4
    while h < heads:
        a, p = table[h * columns : (h + 1) * columns], pattern[h]
        for i in range(columns):
            out[i] += p * a[i]
        h += 1


@inner()
@no_type_check
def _copy(given, out):
    for i in range(len(out)):
        out[i] = given[i]


@inner()
@no_type_check
def sum_rows(tables, rules, shown, start, count, work):
    """Activations of some examples, their slopes, and logits but for what the neurons add."""
    n, columns, heads, places = rules.neurons, rules.columns, rules.heads, rules.sources
    q, before = rules.answers, rules.rows - rules.asking
    for s in range(places - 1, -1, -1):
        for i in range(count):
            e = shown.order[(start + i) * places + s]
            row, at = shown.source[(start + e) * places + s], (e * places + s) * heads
            pre = work.pre[e * columns : (e + 1) * columns]
            if s == places - 1:
                _copy(tables.own[(row - before) * columns :], pre)
            _add_heads(pre, tables.seen[row * heads * columns :], work.pattern[at : at + heads])
            if s == 0:
                activate(rules.phi, pre, work.post[e * columns :], n)
                _copy(pre[n:], work.logits[e * q : (e + 1) * q])


@inner(fastmath=SUMS)
@no_type_check
def _four_backward(grads, factors, row, of_row):
    """Adds the gradients of four examples to that of a row in them; returns their dots with it."""
    a, b, c, d = grads
    p, q, r, s = factors
    zero = row.dtype.type(0)
    one, two, three, four = zero, zero, zero, zero
    for i in range(len(row)):
        value = row[i]
        one += a[i] * value
        two += b[i] * value
        three += c[i] * value
        four += d[i] * value
        of_row[i] += (p * a[i] + q * b[i]) + (r * c[i] + s * d[i])
    return one, two, three, four


@inner(fastmath=SUMS)
@no_type_check
def _one_backward(grad, factor, row, of_row):
    """The same of one example."""
    total = row.dtype.type(0)
    for i in range(len(row)):
        total += grad[i] * row[i]
        of_row[i] += factor * grad[i]
    return total


@inner(fastmath=SUMS)
@no_type_check
def _add_four(grads, total):
    a, b, c, d = grads
    for i in range(len(total)):
        total[i] += (a[i] + b[i]) + (c[i] + d[i])


@inner(fastmath=SUMS)
@no_type_check
def _add_one(grad, total):
    for i in range(len(total)):
        total[i] += grad[i]


@inner(inline="always")
@no_type_check
def _through_activations(example, rules, work):
    """From the gradient of an example's activations to that of its sums, in their place."""
    n, q, columns = rules.neurons, rules.answers, rules.columns
    grad = work.post[example * columns : (example + 1) * columns]
    slope, logits = work.pre[example * columns :], work.logits[example * q : (example + 1) * q]
    for i in range(n):
        grad[i] *= slope[i]
    way = grad[n : n + q]
    for i in range(q):
        way[i] = logits[i]


@inner(inline="always")
@no_type_check
def _seen_by_four(filled, rules, row, examples, s, work):
    """Adds four examples to the gradients of the row that they all have at a position."""
    (tables, slopes), heads, columns = filled, rules.heads, rules.columns
    e, f, g, h = examples
    grads = (
        work.post[e * columns : (e + 1) * columns],
        work.post[f * columns : (f + 1) * columns],
        work.post[g * columns : (g + 1) * columns],
        work.post[h * columns : (h + 1) * columns],
    )
    if s == rules.sources - 1:
        own = (row - rules.rows + rules.asking) * columns
        _add_four(grads, slopes.own[own : own + columns])
    for head in range(heads):
        first, last = (row * heads + head) * columns, (row * heads + head + 1) * columns
        a, b = (e * rules.sources + s) * heads + head, (f * rules.sources + s) * heads + head
        c, d = (g * rules.sources + s) * heads + head, (h * rules.sources + s) * heads + head
        factors = work.pattern[a], work.pattern[b], work.pattern[c], work.pattern[d]
        table, of_table = tables.seen[first:last], slopes.seen[first:last]
        found = _four_backward(grads, factors, table, of_table)
        work.slope[a], work.slope[b], work.slope[c], work.slope[d] = found


@inner(inline="always")
@no_type_check
def _seen_by_one(filled, rules, row, example, s, work):
    """The same of one example."""
    (tables, slopes), heads, columns = filled, rules.heads, rules.columns
    grad = work.post[example * columns : (example + 1) * columns]
    if s == rules.sources - 1:
        own = (row - rules.rows + rules.asking) * columns
        _add_one(grad, slopes.own[own : own + columns])
    for head in range(heads):
        first, last = (row * heads + head) * columns, (row * heads + head + 1) * columns
        at = (example * rules.sources + s) * heads + head
        table, of_table = tables.seen[first:last], slopes.seen[first:last]
        work.slope[at] = _one_backward(grad, work.pattern[at], table, of_table)


@inner()
@no_type_check
def rows_backward(filled, rules, shown, start, count, work):
    """Gradients of tables, from those of activations and logits."""
    places = rules.sources
    for s in range(places - 1, -1, -1):
        i, order = 0, shown.order[start * places + s :]
        while i < count:
            e = order[i * places]
            row, last = shown.source[(start + e) * places + s], e
            if i + 4 <= count:
                last = order[(i + 3) * places]
            # They are sorted by their rows at the position.
            four = last != e and shown.source[(start + last) * places + s] == row
            if s == places - 1:
                for one in range(4 if four else 1):
                    _through_activations(order[(i + one) * places], rules, work)
            if four:
                examples = e, order[(i + 1) * places], order[(i + 2) * places], last
                _seen_by_four(filled, rules, row, examples, s, work)
            else:
                _seen_by_one(filled, rules, row, e, s, work)
            i += 4 if four else 1
    for e in range(count):
        at = e * places * rules.heads
        pattern, slope = work.pattern[at:], work.slope[at:]
        _pattern_backward(filled[1], rules, shown, start + e, pattern, slope)


@inner(fastmath=SUMS)
@no_type_check
def _pattern_backward(slopes, rules, shown, example, pattern, slope):
    """From the gradient of an example's attention to that of the scores, added."""
    heads, places, size = rules.heads, rules.sources, rules.asking * rules.rows
    row = shown.source[example * places : (example + 1) * places]
    at = _scores_at(rules, shown, example)
    for h in range(heads):
        mean = slope.dtype.type(0)
        for s in range(places):
            mean += pattern[s * heads + h] * slope[s * heads + h]
        for s in range(places):
            score = pattern[s * heads + h] * (slope[s * heads + h] - mean)
            slopes.score[h * size + at + row[s]] += score
