"""Defines the steps of the pipeline, such as train and evaluate, which commands and jobs run.

In comes a request. Out come artifacts: a dataset version, a run, a model version, a sample set; and a
dictionary of what was made, which the command prints as JSON.

    ingest, train, evaluate, promote, sample, run   one file for each step; `run` does them in a row
    inspect                                         the dataset file for what lies at a path
    counting, untrained                             training by counting, in Spark; no training
    weights                                         weights files of experiments: pretrained, or given
    named, start, parts                             saved models that a request names, and what for
    networks, hugging_face                          networks that others trained, as saved models
    judging                                         a model's own samples, judged
    preflight, places, master                       what a request can get wrong, before any work
    session, spark_progress                         the Spark session, and how far it is
    version, model                                  which dataset version and which model are meant
    journal, presence                               what a training leaves to be taken up again

Read `run.py` first, then `train.py`.
"""
