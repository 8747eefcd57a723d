"""An ingest that ends at any of its requests to object storage, as one that is killed there does.

From a request on the server refuses all others, so the bucket stays as a killed process leaves it. The
end of an upload by this process is left to `tests/s3_kills.py`: pyarrow holds Python's lock when it tries
that again, and the server is in this process.
"""

import re

import pytest
from pyspark.sql import SparkSession
from s3_server import S3Server

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.versions import list_versions
from sparkgen.errors import IngestError
from sparkgen.ingest.ingest import ingest

DIGITS = DatasetConfig.model_validate(
    {
        "name": "digits",
        "source": {"format": "builtin"},
        "shape": [8, 8, 1],
        "limit": 60,
        "lanes": 2,
        "shards": 2,
    }
)
VERSION = r"/digits/[0-9a-f]{16}"


def whole(root: str) -> list[Manifest]:
    """The versions that there are, each of whose files has the bytes that its manifest says."""
    found = list_versions(root, "digits")
    for manifest in found:
        for file in manifest.all_files(f"{root}/digits/{manifest.version}"):
            file.read()
    return found


@pytest.mark.parametrize(
    ("request_", "number", "versions"),
    [
        (r"POST .*/\.staging-.*/scratch/.*uploads", 1, 0),
        (r"PUT .*/\.staging-.*/train/.*partNumber", 1, 0),
        (rf"PUT .*{VERSION}/train/part-", 1, 0),
        (rf"PUT .*{VERSION}/", 3, 0),
        (rf"PUT .*{VERSION}/manifest\.json.*partNumber", 1, 0),
        (r"POST /bucket\?delete", 2, 1),
    ],
)
def test_no_version_lacks_a_file_and_the_next_ingest_makes_it_whole(
    s3: S3Server, spark: SparkSession, request_: str, number: int, versions: int
) -> None:
    root, seen = f"s3://bucket/cut/{abs(hash((request_, number)))}", []

    def cut(method: str, asked: str) -> bool:
        if re.match(request_, f"{method} {asked}"):
            seen.append(asked)
        return len(seen) >= number

    s3.watchers.append(cut)
    try:
        with pytest.raises((IngestError, OSError)):
            ingest(spark, DIGITS, datasets_uri=root)
    finally:
        s3.watchers.remove(cut)
    assert len(seen) >= number
    assert len(whole(root)) == versions
    assert [m.version for m in whole(root)] in (
        [],
        [ingest(spark, DIGITS, datasets_uri=root).version],
    )
    assert len(whole(root)) == 1
