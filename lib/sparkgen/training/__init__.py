"""Training: every worker runs this code, from a request to a saved model.

In come a `TrainRequest` and the worker's `Ring`. Out come checkpoints, figures of every epoch, and the
folder of the saved model.

    request                           what is trained, and what must stay where it is taken up again
    worker, run                       the function that the launcher starts; the training in order
    setting, building                 data, model, optimizers: what one training is made of
    device, optimizers, transfer      the device; optimizers and schedules; weights to start from
    loop, pulse, learner, state       steps, agreement between workers, what a step changes
    validation, statistics            figures of held-out rows; batch statistics of averaged weights
    checkpoints, resume               what is written on the way, and how a training goes on
    artifact, report, latent_report, class_report, run_log, progress, attempt   what is left and shown

Read `run.py` first, then `loop.py`. Nothing here knows of Spark.
"""
