"""A measure and a ranking of one's own: does the weight norm tell what the IPR tells?

INTERP_PLUGINS=examples/own_measure.py interp measure norm_tells_ipr runs/coexistence
python examples/own_measure.py runs/coexistence out.html
"""

import sys

import numpy as np

import interp


def rank_correlation(first, second):
    ranks = [np.argsort(np.argsort(one)) for one in (first, second)]
    return float(np.corrcoef(ranks)[0, 1])


@interp.measure("norm_tells_ipr", source="this example")
def norm_tells_ipr(checkpoint, *, seed: int = 0):
    """How alike weight norm and IPR order the neurons, beside norms that are shuffled."""
    table = interp.neuron_table(checkpoint)
    ipr, norm = table.ipr[~table.dead], table.norm[~table.dead]
    shuffled = np.random.default_rng(seed).permutation(norm)
    control = {"rank_correlation": rank_correlation(ipr, shuffled)}
    return interp.Numbers({"rank_correlation": rank_correlation(ipr, norm)}, control=control)


@interp.ranking("answer norm")
def answer_norm(table):
    return table.norms[2]  # of the curves over the answers


if __name__ == "__main__":
    run = interp.load(sys.argv[1])
    print(norm_tells_ipr(run))
    print(interp.history(run, "norm_tells_ipr").to_pandas())
    curves = interp.pruning_curve(run, losses=False)  # pruned by "answer norm" as well
    interp.figures.save(curves.plot(), sys.argv[2])
