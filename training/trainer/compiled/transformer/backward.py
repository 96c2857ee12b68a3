"""Gradients of a compiled step's weights, from those of the tables.

Each thread adds to weight gradients of its own, from its share of the rows and of the products of
weights.
"""

from __future__ import annotations

from typing import no_type_check

from interp.training.trainer.compiled.blas import ADDED, TURNED_A, TURNED_B, multiply
from interp.training.trainer.compiled.neurons import SUMS, inner
from interp.training.trainer.compiled.transformer.tables import share


@inner(fastmath=SUMS)
@no_type_check  # a checker's wrapper cannot be compiled
def _summed(copies, team):
    """Adds the other threads' gradients to the first's, of this thread's share of the entries."""
    size = len(copies) // team.parts
    first, last = share(size, team)
    total = copies[first:last]
    for part in range(1, team.parts):
        one = copies[part * size + first : part * size + last]
        for i in range(last - first):
            total[i] += one[i]


@inner()
@no_type_check
def add_up(slopes, team):
    """Sums over the threads, which are then in the first copy."""
    _summed(slopes.score, team)
    _summed(slopes.read, team)
    _summed(slopes.seen, team)
    _summed(slopes.own, team)


@inner(fastmath=SUMS)
@no_type_check
def _add_columns(total, values, columns, rows):
    """Adds rows to the gradient of a bias."""
    for r in range(rows if len(total) else 0):
        row = values[r * columns : (r + 1) * columns]
        for i in range(len(total)):
            total[i] += row[i]


@inner()
@no_type_check
def _projected_backward(gemm, rules, slope, forward, backward):
    """From the gradient of queries, keys or values to those of weight, bias and stream, added."""
    d, k, width = rules.d, rules.k, rules.heads * rules.k
    (given, weight), (of_given, of_weight, of_bias) = forward, backward
    rows = len(given) // d
    for head in range(rules.heads):
        part, start, end = slope[head * k :], head * d * k, (head + 1) * d * k
        out = of_weight[start:end], k
        multiply(gemm, TURNED_A | ADDED, (d, rows, k), (given, d), (part, width), out)
        one = weight[start:end], k
        multiply(gemm, TURNED_B | ADDED, (rows, k, d), (part, width), one, (of_given, d))
    _add_columns(of_bias, slope, width, rows)


@inner(fastmath=SUMS)
@no_type_check
def _to_embedding(grads, shown, first, slope, d):
    """Adds the gradients of rows of the stream to their tokens' and their positions'."""
    for r in range(len(slope) // d):
        token, place = shown.token[first + r] * d, shown.place[first + r] * d
        one, other = grads.embed[token : token + d], grads.place[place : place + d]
        row = slope[r * d : (r + 1) * d]
        for i in range(d):
            one[i] += row[i]
        for i in range(d):
            other[i] += row[i]


@inner()
@no_type_check
def seen_backward(net, rules, shown, filled, work, team):
    """What rows as they are seen by others, by key and value, add to the gradients."""
    (weights, grads), (tables, slopes) = net, filled
    d, k, heads, columns, asking = rules.d, rules.k, rules.heads, rules.columns, rules.asking
    width, (first, last) = heads * k, share(rules.rows, team)
    rows, mine = last - first, slice(first * width, last * width)
    key, value = slopes.key[mine], slopes.value[mine]
    for head in range(heads):
        seen = slopes.seen[(first * heads + head) * columns :], heads * columns
        into, out = (tables.into[head * k * columns :], columns), (value[head * k :], width)
        multiply(work.gemm, TURNED_B, (rows, columns, k), seen, into, out)
        score = slopes.score[head * asking * rules.rows + first :], rules.rows
        query, out = (tables.query[head * k :], width), (key[head * k :], width)
        multiply(work.gemm, TURNED_A, (rows, asking, k), score, query, out)
    stream, of_stream = tables.stream[first * d : last * d], slopes.stream[first * d : last * d]
    for i in range(len(of_stream)):
        of_stream[i] = 0
    of_key, of_value = (of_stream, grads.w_k, grads.b_k), (of_stream, grads.w_v, grads.b_v)
    _projected_backward(work.gemm, rules, key, (stream, weights.w_k), of_key)
    _projected_backward(work.gemm, rules, value, (stream, weights.w_v), of_value)
    _to_embedding(grads, shown, first, of_stream, d)


@inner()
@no_type_check
def asking_backward(net, rules, shown, filled, work, team):
    """What the last position's rows add to the gradients, by themselves and by their queries."""
    (weights, grads), (tables, slopes), gemm = net, filled, work.gemm
    d, k, columns, width = rules.d, rules.k, rules.columns, rules.heads * rules.k
    first, last = share(rules.asking, team)
    rows, before = last - first, rules.rows - rules.asking
    start, of_start = tables.start[first * d : last * d], slopes.start[first * d : last * d]
    own, onward = slopes.own[first * columns : last * columns], (tables.onward, columns)
    of_onward = work.onward, columns
    multiply(gemm, TURNED_B, (rows, columns, d), (own, columns), onward, (of_start, d))
    multiply(gemm, TURNED_A | ADDED, (d, rows, columns), (start, d), (own, columns), of_onward)
    _add_columns(grads.b_in, own, columns, rows)
    _add_columns(grads.b_o, of_start, d, rows)
    _output_biases_backward(net, rules, tables.onward, own, work)
    query = slopes.query[first * width : last * width]
    for head in range(rules.heads):
        score = slopes.score[(head * rules.asking + first) * rules.rows :], rules.rows
        key, out = (tables.key[head * k :], width), (query[head * k :], width)
        multiply(gemm, 0, (rows, rules.rows, k), score, key, out)
    for i in range(len(query)):
        query[i] *= rules.score
    stream = tables.stream[(before + first) * d : (before + last) * d]
    sides = of_start, grads.w_q, grads.b_q
    _projected_backward(gemm, rules, query, (stream, weights.w_q), sides)
    _to_embedding(grads, shown, before + first, of_start, d)


@inner(fastmath=SUMS)
@no_type_check
def _output_biases_backward(net, rules, onward, own, work):
    weights, grads = net
    n, q, columns = rules.neurons, rules.answers, rules.columns
    for r in range(len(own) // columns if len(weights.b_out) else 0):
        row = own[r * columns + n : r * columns + n + q]
        for j in range(len(grads.b_u)):
            grads.b_u[j] += rules.output * row[j]
        for i in range(len(weights.b_out)):
            first, last = i * columns + n, i * columns + n + q
            way, of_way, bias = onward[first:last], work.onward[first:last], weights.b_out[i]
            total = row.dtype.type(0)
            for j in range(q):
                total += row[j] * way[j]
                of_way[j] += bias * row[j]
            grads.b_out[i] += total


@inner()
@no_type_check
def products_backward(net, rules, filled, work, team):
    """From the gradients of products of two weights to those of the weights."""
    (weights, grads), (tables, slopes), gemm = net, filled, work.gemm
    d, n, q, k, columns = rules.d, rules.neurons, rules.answers, rules.k, rules.columns
    width, onward, of_onward = rules.heads * k, (tables.onward, columns), (work.onward, columns)
    first, last = share(width, team)
    for head in range(rules.heads):
        low, high = max(first, head * k), min(last, (head + 1) * k)
        value = tables.value[low:], width
        seen = slopes.seen[head * columns :], rules.heads * columns
        into = slopes.into[low * columns :], columns
        multiply(gemm, TURNED_A, (high - low, rules.rows, columns), value, seen, into)
    rows, into = last - first, (slopes.into[first * columns :], columns)
    w_o, of_w_o = (weights.w_o[first * d :], d), (grads.w_o[first * d :], d)
    multiply(gemm, TURNED_B | ADDED, (rows, columns, d), into, onward, of_w_o)
    multiply(gemm, TURNED_A | ADDED, (d, rows, columns), w_o, into, of_onward)
    first, last = share(n, team)
    rows, read = last - first, (slopes.read[first * q :], q)
    w_out, of_w_out = (weights.w_out[first * d :], d), (grads.w_out[first * d :], d)
    way, of_way = (tables.onward[n:], columns), (work.onward[n:], columns)
    multiply(gemm, TURNED_B | ADDED, (rows, q, d), read, way, of_w_out)
    multiply(gemm, TURNED_A | ADDED, (d, rows, q), w_out, read, of_way)
    _onward_backward(grads, rules, work.onward)


@inner(fastmath=SUMS)
@no_type_check
def _onward_backward(grads, rules, slope):
    """Adds the gradient of what reads the stream to that of its weights; it is zero afterwards."""
    d, n, q, columns = rules.d, rules.neurons, rules.answers, rules.columns
    for i in range(d):
        row, of_w_in = slope[i * columns : (i + 1) * columns], grads.w_in[i * n : (i + 1) * n]
        for j in range(n):
            of_w_in[j] += row[j]
        of_way = row[n : n + q]
        if rules.tied:
            for j in range(q):
                grads.embed[j * d + i] += rules.output * of_way[j]
        else:
            of_w_u = grads.w_u[i * q : (i + 1) * q]
            for j in range(q):
                of_w_u[j] += rules.output * of_way[j]
        for j in range(columns):
            row[j] = 0
