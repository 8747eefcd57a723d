"""Makes a dataset version from the source files of a data set.

In comes a `DatasetConfig`, whose `source` names a format and the files to read. Out goes a dataset
version: Parquet files of records, a quarantine of those that could not be used, and a manifest.

    download.py           source files that are missing, from the web  -> files
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
| missing files | download (which), fetch, part (one file), web (one answer of a server) |
| any source | files, folder (paths and globs); compressed; archives, tar, zip, member |
| rows to files | block, deal, layout, shuffle, stages, write; copies (of rows across splits) |
| checks | fit (rows and files), quarantine (bad records) |
| trees of images | picture_layout, picture_paths, class_folders, picture_list; placement, its checks |
| images | picture_options, image_formats, image_shares, pictures; decode, colour, image_header, png |
| tables | table_names, table_columns, table_classes; parquet, table_shares; spark_table, delta |
| lists, webdataset | path_list, listed; webdataset |
| labels as they come | class_values (which class is meant?), label_pass (all values of a text) |
| csv, numpy, cifar | pixel_columns, pixel_lines; npy, array_pairs; pixel_scale (grey levels); cifar |
| inspection of a path | inspection, look (what is there), dataset_file |
| recognition | split_files, picture_guess, list_guess, array_guess, idx_files, shape_guess |
| survey of a source | survey (counts), glance (at pictures), table_look, libsvm_look |
| libsvm | lines, libsvm, libsvm_line; seen, evidence (does the configuration fit?), foreign |
| idx | idx |

A new source format is a file in `sources/`, with its parser beside these files. The layouts of folders
of images are in `picture_layout.py`: `find_layout` finds which one it is, `home_of` where a folder
belongs, and `placement_checks.py` says what is wrong with a tree that has none of them.
"""
