"""IPR histogram of a checkpoint: how many neurons are periodic, and how many are not.

python examples/ipr_histogram.py runs/coexistence ipr.html
"""

import sys

import interp

run = interp.load(sys.argv[1])
table = interp.neuron_table(run)  # the newest checkpoint; step=500 for another one
classes = interp.classify(table, "auto")  # or "null", or an IPR such as 0.3

print(table.caption)
print(f"threshold {classes.threshold:.3f} ({classes.rule}), mean IPR {table.mean_ipr:.3f}")
print(classes.counts)

interp.figures.save(interp.figures.ipr_histogram(table, classes), sys.argv[2])
