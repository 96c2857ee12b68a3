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
"""
