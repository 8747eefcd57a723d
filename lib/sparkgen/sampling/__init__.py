"""Makes samples of a portable model by id; a sample has the same bits wherever it is made.

In come a portable model, a `SamplingConfig`, and what is given to the model. Out goes a sample set:
Parquet files of records, a contact sheet, and a manifest.

    generate       samples of ids, batch by batch
    given/         where labels, pictures and masks come from: a source is one file there
    check          what a request can get wrong, seen without data
    sample         the Spark job: each task makes whole files
    columns        the columns of these files
    sample_set     what a sample set is, and how a half-made one is taken up
    prompts        texts without the prompts that they begin with
    contact_sheet  the picture of its first samples
    sampler        the registered model that MLflow loads

Read `generate.py` first, then `sample.py`. A new source of what is given is a file in `given/`.
"""
