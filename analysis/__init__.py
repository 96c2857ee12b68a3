"""Reads networks: spectra, IPR, the neuron table, classes, pruning, phases, dynamics.

Contents (import the module that holds the noun):

    spectrum   Fourier coefficients in the characters of the operation's group
    ipr, null  inverse participation ratio, Gini coefficient; the IPR of white noise
    neurons    NeuronTable: one row a neuron
    composition, embedding, norms   curves of any layer, embeddings, norm weights beside IPR
    classify   generalizing, memorizing, dead: three named rules
    pruning    prune by class, beside random controls of the same size
    curves     scores after every number of pruned neurons (cumulative: the compiled pass)
    tail, heads   a network from a layer on, with neurons or heads left out
    phases     the phase a run ended in
    dynamics   IPR over training; when it grokked, when it unlearned
    grok       the grok step by four definitions
    settled    whether the budget was long enough; a run's state: its phase, or why it has none
    row        what is measured of a finished run, as plain columns
    diagram, plane   phase diagram of a sweep: the state of each point by the vote of its seeds
    boundary, bootstrap   critical corruption at each data fraction, with its interval
    refine     new points for a sweep where neighbours differ
"""
