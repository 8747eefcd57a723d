"""Reads a request: YAML files and `--set` become one checked `ExperimentConfig`.

In come paths of YAML files and `--set` texts. Out go pydantic objects, or a `RequestError` of one line
that names the wrong key and the nearest right one.

    dataset, experiment, environment   the sections and their keys, with a meaning under each
    request                            all sections in one object
    load                               files to objects; overrides, yaml_text below it
    refusal, keys, nearest             one line on what is wrong
    options                            options of `generate`: which there are, of what type and range

Read `request.py` first, then `load.py`. A new key is a field with a docstring; what a field may be is
said by its type. Nothing here imports other rooms: a source format and a model check their own keys.
"""
