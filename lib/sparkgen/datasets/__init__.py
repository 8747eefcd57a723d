"""Defines dataset versions: the form of a record, the files of the rows, and how they are read.

In comes the URI of a version. Out go its `Manifest`, and its rows as arrays and batches.

    records    what the bytes of a record mean: one class for each kind, such as images and tokens
    manifest   what a version is: splits, files, sources, configuration; and its id
    rows       rows of files and splits as arrays; a batch for a model
    files      a file of an artifact, held to its size and SHA-256
    sealed     JSON that carries its own SHA-256
    storage    local folders and object stores by URI

Read `records.py` first, then `manifest.py` and `rows.py`. A new kind of record is a class in `records.py`
with an entry in `KINDS`: its dtype, what a model sees of it, and how people look at it. What reads such
records is a source in `ingest/sources`; `tests/tokens` shows one kind from its source to its samples.
"""
