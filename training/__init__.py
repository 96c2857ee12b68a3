"""Makes networks: tasks, corrupted data, models, the trainer and run folders.

Contents (import the module that holds the noun):

    tasks, polynomial   the operations, as one table, and polynomials given as text
    data, randomness    all pairs with their truth; one random stream per purpose
    config, schedule    frozen run configurations; when to evaluate and to save
    models              MLPs, Transformers, their tables, norms and dropout; the analytic solution
    evaluation          accuracy and loss on every split; the only accuracy in the project
    groups              residues in the order of an operation's group
    cohort, loop        the trainer: one or more runs of the same shapes together
    examples, loss, gradients, autograd, optimizer, stack, device   what it is made of
    files, plain_data   files that appear whole or not at all; configurations as plain data
    checkpoint, folder  tensor files with a digest; the run folder, the only file format
    run, sink, card     a run; where the trainer puts its results; a run folder's README
    sweep/              many runs: grid, manifest, store, executors, records, results, status
"""
