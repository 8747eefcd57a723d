"""Makes a dataset version from the source files of a data set.

In comes a `DatasetConfig`, whose `source` names a format and the files to read. Out goes a dataset
version: Parquet files of records, a quarantine of those that could not be used, and a manifest.

    fetching/             source files that are missing, from the web  -> files
    sources/<format>.py   what is read, and who reads what of it       -> shares
    stages.py             parse: each share gives blocks of records    -> groups of blocks
    layout.py             which file each record goes to, arithmetic   -> Layout
    stages.py             deal and write: records to Parquet files     -> files
    version.py            what was written                             -> Manifest
    publish.py            the version moved into place whole

Read `ingest.py` first: it does these steps in a row. Then `source.py`, the contract of a format, and
`block.py`, what a format gives. What a record's bytes mean is said in `datasets/records.py`.

| part | files |
| --- | --- |
| rows to files | block, deal, layout, shuffle, stages, write; copies (of rows across splits) |
| checks | fit (rows and files), quarantine (bad records), reach (of numbers) |
| labels as they come | class_values (which class is meant?), label_pass (all values of a text) |
| numbers as grey levels | pixel_scale |
| pictures of any source | picture_options |
| from a path to a dataset file | inspection, dataset_file; the folder `looking` |

Each of the other folders has what several formats share or one needs, with a map of its own: `files`,
`images`, `trees`, `tables`, `lists`, `arrays`, `pixel_csv`, `libsvm`.

A new source format is a file in `sources/`, with its parser in one of these folders. The layouts of
folders of images are in `trees/layout.py`: `find_layout` finds which one it is, `home_of` where a folder
belongs, and `trees/checks.py` says what is wrong with a tree that has none of them.
"""
