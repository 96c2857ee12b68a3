"""Reads networks: every measure of a checkpoint, a run or a sweep.

Imported as ``interp.analysis``. Contents (import the module that holds the noun):

    measure, measures   what a measure is; every measure by name
    numbers, caption    a result of numbers; where numbers come from, in one line
    scoring     accuracy and loss of every split, as a measure
    fourier/    spectra in a group's basis; IPR and its conventions; the IPR of white noise
    neurons/    the neuron table, curves of any layer, classes; embeddings, norm weights,
                answers, bands; how near the analytic solution is
    ablation/   pruning: by class, at a threshold, by shares, in curves of every number; rankings;
                heads left out; the compiled passes (kernels) that curves are made of
    mechanism/  frequency filtration, restricted and excluded logits, phases, decoys, sparsity and
                geometry of embeddings, pizza or clock; untrained and lazy networks, lookup tables
    memorization/  which wrong labels are memorized, and who finds them
    phases/     the phase a run ended in, whether its budget was long enough; when it grokked and
                unlearned, the stages of training
    trajectory/ any measure over the checkpoints of a run; IPR, pruning and weights over training
    comparison/ runs beside one another: groups of seeds, paired differences, tests
    sweeps/     what is measured of a finished run; the sweep as people call it; phase diagrams,
                critical corruption with its interval, refinement between neighbours that differ
"""
