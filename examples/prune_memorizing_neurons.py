"""Prune the neurons of low IPR, re-evaluate every split, and compare with random pruning.

python examples/prune_memorizing_neurons.py runs/coexistence pruning.html
"""

import sys

import interp

run = interp.load(sys.argv[1])
table = interp.neuron_table(run)
classes = interp.classify(table, 0.3)  # neurons with IPR ≥ 0.3 stay

network = interp.prune(run.network(), keep=classes.generalizing)
before = interp.scores(run.network(), run.dataset)
after = interp.scores(network, run.dataset)
control = interp.prune_by_class(run, table, classes).control  # 50 random prunings of this size

print(table.caption)
print(f"{'accuracy':10} before  after  random control (mean, 5–95 %)")
for split in before:
    random = control[split]["accuracy"]
    print(
        f"{split:10}  {before[split].accuracy:.3f}  {after[split].accuracy:.3f}  "
        f"{random['mean']:.3f} ({random['low']:.3f}–{random['high']:.3f})"
    )

curves = interp.pruning_curve(run)  # every number of neurons, both directions, with controls
pruned = int(classes.memorizing.sum())
interp.figures.save(interp.figures.pruning_curves(curves, pruned=pruned), sys.argv[2])
