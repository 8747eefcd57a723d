"""Distribution: one function runs on several data-parallel workers, which average gradients.

In come a function, its request as JSON, and a number of workers. Out comes what the function returned
on rank 0; a worker that dies or hangs is started again.

    launcher                        starts the workers, in this process, on this machine or in Spark
    local, barrier                  workers as processes of this machine, or as tasks of Spark
    cluster                         waits for the executors of Spark
    process, supervisor, slots      one worker's process, what watches it, which rank it has
    ring                            what a worker may ask of the others: its rank, sums, broadcasts
    backends                        by what they do that: Horovod, or TensorFlow
    joining, counted                how a worker joins its ring, whose exchanges are all counted
    gpus                            which of its machine's GPUs a worker has
    optimizer, half, statistics     gradients and batch statistics averaged over the workers
    board, board_server             short messages between driver and workers
    attendance, heartbeat, watch    who is there, who hangs, how far each is
    routes                          by which address a machine reaches another one
    voice                           what rank 0 says, on the driver's standard error
    outcome, trouble, signals       how a worker ended, and what the driver says of it

Read `launcher.py` first, then `ring.py`, then `backends/__init__.py`.
"""
