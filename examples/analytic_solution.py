"""The network that is known on paper: right on all pairs, and every neuron has IPR 1.

python examples/analytic_solution.py 97 500
"""

import sys

import numpy as np

import interp

p, width = int(sys.argv[1]), int(sys.argv[2])
task = interp.make_task("x + y", p)
network = interp.analytic_network(task, width)
dataset = interp.make_dataset(task, fraction=0.5)

table = interp.neuron_table(network)
print(f"accuracy on all pairs: {interp.scores(network, dataset)['all'].accuracy:.3f}")
print(f"IPR of every neuron: {table.ipr.min():.6f} to {table.ipr.max():.6f}")
print(f"largest |a + b − c|: {np.abs(table.phase_error).max():.1e} rad")
print(table.caption)
