"""Makes networks: tasks, corrupted data, models, the trainer, run folders, sweeps.

Imported as ``interp.training``. Contents (import the module that holds the noun):

    tasks/      operations on residues, as one table; polynomials given as text; groups
    data/       all pairs with their truth; the six splits; kinds of corruption; scores
    config/     frozen run configurations: sections, kinds of network, errors in one line
    models/     MLPs, Transformers, what every network can do; the analytic solution
                layers/: hidden layers, attention, norms, activations, lookups, dropout
    losses/     the losses, as one table; one's own by its value
    trainer/    one or more runs of the same shapes together: loop, cohort, optimizer,
                gradients by hand and by autograd, batches, schedule, device
    runs/       run, checkpoint, run folder, tensor files with a digest, the folder's README;
                ``as_run`` and ``as_checkpoint``, the one door to a network
    sweep/      many runs: plan/ (grid, cells, manifest, cost), executors/ (serial, processes,
                cohorts, Ray), table/ (records, results, status); resumed, shared, sharded
    evaluation  accuracy and loss on every split; the only accuracy in the project
    display     what every result can do: numbers by name, a table, plain data, a figure
    registry    tables of kinds, to which plug-ins and users add
    randomness  one random stream per purpose
"""
