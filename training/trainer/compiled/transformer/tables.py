"""Tables of a compiled step by row; threads share the rows, and those of products of weights."""

from __future__ import annotations

from typing import no_type_check

from interp.training.trainer.compiled.blas import TURNED_B, multiply
from interp.training.trainer.compiled.neurons import SUMS, inner


@inner()
@no_type_check  # a checker's wrapper cannot be compiled
def share(count, team):
    """The first and last of so many things that a thread takes."""
    return count * team.part // team.parts, count * (team.part + 1) // team.parts


@inner(fastmath=SUMS)
@no_type_check
def fill_stream(weights, rules, shown, tables, team):
    """The stream, and what reads it."""
    d, n, q, columns = rules.d, rules.neurons, rules.answers, rules.columns
    first, last = share(rules.rows, team)
    for r in range(first, last):
        token, place = shown.token[r] * d, shown.place[r] * d
        row, one = tables.stream[r * d : (r + 1) * d], weights.embed[token : token + d]
        other = weights.place[place : place + d]
        for i in range(d):
            row[i] = one[i] + other[i]
    first, last = share(d, team)
    for i in range(first, last):
        row = tables.onward[i * columns : (i + 1) * columns]
        read, way = weights.w_in[i * n : (i + 1) * n], row[n : n + q]
        for j in range(n):
            row[j] = read[j]
        if rules.tied:
            for j in range(q):
                way[j] = rules.output * weights.embed[j * d + i]
        else:
            read = weights.w_u[i * q : (i + 1) * q]
            for j in range(q):
                way[j] = rules.output * read[j]


@inner()
@no_type_check
def _projected(gemm, rules, given, affine, out):
    """Queries, keys or values of rows of the stream."""
    (weight, bias), d, k, width = affine, rules.d, rules.k, rules.heads * rules.k
    rows = len(given) // d
    for head in range(rules.heads):
        part = weight[head * d * k : (head + 1) * d * k]
        multiply(gemm, 0, (rows, d, k), (given, d), (part, k), (out[head * k :], width))
    _add_to_rows(out, bias, width, rows)


@inner(fastmath=SUMS)
@no_type_check
def _add_to_rows(values, bias, columns, rows):
    for r in range(rows if len(bias) else 0):
        row = values[r * columns : (r + 1) * columns]
        for i in range(len(bias)):
            row[i] += bias[i]


@inner()
@no_type_check
def fill_seen(weights, rules, tables, work, team):
    """Keys and values; products of weights."""
    d, n, q, columns, gemm = rules.d, rules.neurons, rules.answers, rules.columns, work.gemm
    width, onward = rules.heads * rules.k, (tables.onward, columns)
    first, last = share(rules.rows, team)
    given, mine = tables.stream[first * d : last * d], slice(first * width, last * width)
    _projected(gemm, rules, given, (weights.w_k, weights.b_k), tables.key[mine])
    _projected(gemm, rules, given, (weights.w_v, weights.b_v), tables.value[mine])
    first, last = share(width, team)
    w_o, into = (weights.w_o[first * d :], d), (tables.into[first * columns :], columns)
    multiply(gemm, 0, (last - first, d, columns), w_o, onward, into)
    first, last = share(n, team)
    w_out, read = (weights.w_out[first * d :], d), (tables.read[first * q :], q)
    multiply(gemm, 0, (last - first, d, q), w_out, (tables.onward[n:], columns), read)


@inner(fastmath=SUMS)
@no_type_check
def fill_asking(weights, rules, tables, work, team):
    """Queries of the last position's rows, and what the rows themselves add."""
    d, width, columns, gemm = rules.d, rules.heads * rules.k, rules.columns, work.gemm
    first, last = share(rules.asking, team)
    rows, before = last - first, rules.rows - rules.asking
    given = tables.stream[(before + first) * d : (before + last) * d]
    query = tables.query[first * width : last * width]
    _projected(gemm, rules, given, (weights.w_q, weights.b_q), query)
    for i in range(len(query)):
        query[i] *= rules.score
    start = tables.start[first * d : last * d]
    for i in range(len(start)):
        start[i] = given[i]
    _add_to_rows(start, weights.b_o, d, rows)
    own, onward = tables.own[first * columns : last * columns], (tables.onward, columns)
    multiply(gemm, 0, (rows, d, columns), (start, d), onward, (own, columns))
    _add_to_rows(own, weights.b_in, columns, rows)
    _add_output_biases(weights, rules, tables.onward, own)


@inner(fastmath=SUMS)
@no_type_check
def _add_output_biases(weights, rules, onward, own):
    """Adds to each row what the biases after the neurons add to the logits."""
    n, q, columns = rules.neurons, rules.answers, rules.columns
    for r in range(len(own) // columns):
        row = own[r * columns + n : r * columns + n + q]
        for j in range(len(weights.b_u)):
            row[j] += rules.output * weights.b_u[j]
        for i in range(len(weights.b_out)):
            way, bias = onward[i * columns + n : i * columns + n + q], weights.b_out[i]
            for j in range(q):
                row[j] += bias * way[j]


@inner()
@no_type_check
def fill_heads(rules, tables, work, team):
    """What each head adds where it looks at a row, and the scores of every row."""
    k, heads, columns, rows, gemm = rules.k, rules.heads, rules.columns, rules.rows, work.gemm
    width, asking = heads * k, rules.asking
    first, last = share(rows, team)
    low, high = share(asking, team)
    for head in range(heads):
        value, into = tables.value[first * width + head * k :], tables.into[head * k * columns :]
        seen = tables.seen[(first * heads + head) * columns :], heads * columns
        multiply(gemm, 0, (last - first, k, columns), (value, width), (into, columns), seen)
        query, key = tables.query[low * width + head * k :], tables.key[head * k :]
        score = tables.score[(head * asking + low) * rows :], rows
        multiply(gemm, TURNED_B, (high - low, k, rows), (query, width), (key, width), score)
