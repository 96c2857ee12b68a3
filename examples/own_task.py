"""An operation, an activation and a loss of one's own, which a configuration names.

INTERP_PLUGINS=examples/own_task.py interp train --task.operation="sum or difference" --out runs/own
python examples/own_task.py 31 300
"""

import sys

import numpy as np

import interp


@interp.operation("sum or difference")
def sum_or_difference(x, y, p):
    return np.where(x % 2 == 0, x + y, x - y) % p


@interp.activation("sine")
def sine(pre):
    return pre.sin()


@interp.loss("hinge")
def hinge(logits, labels):
    right = logits.gather(1, labels[:, None])
    return (1 + logits - right).clamp(min=0).sum(dim=1) - 1  # the label's own term is 1


if __name__ == "__main__":
    p, steps = map(int, sys.argv[1:])
    task = {"operation": "sum or difference", "p": p}
    data = {"fraction": 0.7, "corruption": 0.1}
    model = {"activation": "sine", "width": 100}
    run = interp.train(
        interp.RunConfig(task=task, data=data, model=model, loss="hinge", steps=steps)
    )
    print(interp.scores(run))
    print(interp.neuron_table(run))
