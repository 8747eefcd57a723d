"""The feed turns a split of a dataset version into `tf.data` batches for one worker.

In come a manifest, a seed, and the rank of the worker. Out go batches as in `models/contract.py`. The
order of training rows is a function of (manifest, seed, epoch); neither the number of workers nor the
feed changes it.

    plan         which rows come in which step, arithmetic only   -> Plan, Span
    shards       files as arrays, in the order asked for, opened ahead of need
    feeds        what reads files is called a feed: what it must have, and which one is taken
    petastorm    the feed of Petastorm
    arrow        the feed of pyarrow alone
    training     the plan carried out: arrays of many steps
    evaluation   a worker's share of a split, in file order
    reader       batches of TensorFlow: `training_batches`, `evaluation_batches`
    failure      errors of the feed on their way through TensorFlow

Read `plan.py` first: it says what a lane is. Then `reader.py`.
"""
