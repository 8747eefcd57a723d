"""Tracking: MLflow keeps the runs and the registered models.

In come an `EnvironmentConfig` and names. Out go runs that take figures and files, and model versions.

    server     where the tracking server is, and whether it answers
    database   the SQLite file that serves as tracking server, made whole or not at all
    runs       one run for each training: the driver opens it, rank 0 writes to it
    run_logger what is logged to a run, and read from it
    machine    the load of the machine that trains
    registry   model versions as samplers, with the aliases `challenger` and `champion`
    signature  the columns that a sampler takes and gives
    card       what the page of a model version says

Read `runs.py` first. MLflow is used in this room and in `sampling/sampler.py` alone.
"""
