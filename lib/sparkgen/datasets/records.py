"""What the Parquet files of a dataset version hold."""

import pyarrow as pa

IMAGE_SCHEMA = pa.schema(
    [("id", pa.int64()), ("label", pa.int32()), ("image", pa.binary())],
)
"""`id`: the record's number among the records of its source split that the label filter left, from 0,
in source order; where a limit leaves records out, their numbers are missing.
`image`: H * W * C bytes, row major."""

QUARANTINE_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("source", pa.string()),
        ("position", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
    ],
)
"""`source`: the file's name. `position`: the line, from 1, or the member of a folder or archive.
`record`: the first `RAW_BYTES` bytes as they were found."""

RAW_BYTES = 4096
