"""Fourier spectrum of the embeddings, over all neurons and over one class of them.

python examples/embedding_spectrum.py runs/coexistence spectrum.html
"""

import sys

import numpy as np

import interp

run = interp.load(sys.argv[1])
table = interp.neuron_table(run)
classes = interp.classify(table, 0.3)

# Coefficients of U, V and W: (curve, neuron, frequency), the constant first.
power = np.abs(table.coefficients) ** 2
words = classes.words
for name, members in ((words.high, classes.generalizing), (words.low, classes.memorizing)):
    share = power[:, members].max(axis=2) / power[:, members].sum(axis=2)
    print(f"{name:12} strongest frequency holds {np.mean(share):.0%} of a curve's power")
print(table.caption)

interp.figures.save(interp.figures.embedding_spectrum(interp.embedding_table(run)), sys.argv[2])
