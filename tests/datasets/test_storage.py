import os
from pathlib import Path

import pytest
from pyarrow import fs

from sparkgen.datasets import storage
from sparkgen.datasets.storage import absolute, as_uri, check_answers, open_uri, read_bytes
from sparkgen.errors import RequestError

ODD = "a b%20c [v2]#ü?"


def test_a_path_is_taken_letter_by_letter(tmp_path: Path) -> None:
    (tmp_path / ODD).write_bytes(b"x")
    assert read_bytes(f"{tmp_path}/{ODD}") == b"x"
    assert open_uri(f"{tmp_path}/{ODD}")[1] == f"{tmp_path}/{ODD}"


def test_a_file_uri_is_unquoted(tmp_path: Path) -> None:
    (tmp_path / ODD).write_bytes(b"x")
    assert absolute((tmp_path / ODD).as_uri()) == f"{tmp_path}/{ODD}"
    assert read_bytes((tmp_path / ODD).as_uri()) == b"x"


def test_a_colon_in_a_name_makes_no_uri() -> None:
    assert absolute("run:1/data") == f"{os.getcwd()}/run:1/data"


def test_a_path_becomes_a_uri_where_it_would_read_otherwise() -> None:
    assert as_uri("/plain/path-1") == "/plain/path-1"
    assert as_uri("/a%20b") == "file:///a%2520b"
    assert absolute(as_uri(f"/{ODD}")) == f"/{ODD}"


@pytest.mark.parametrize(
    "uri", ["foo://x/y", "http://x/y", "abfss://c@a/x", "file://host/x", "hdfs://"]
)
def test_a_uri_that_leads_nowhere_is_refused(uri: str) -> None:
    with pytest.raises(RequestError) as refused:
        open_uri(uri)
    assert uri in str(refused.value)


def test_a_storage_that_does_not_answer_is_given_up() -> None:
    with pytest.raises(RequestError, match=r"no answer in 0\.01 seconds"):
        check_answers("gs://sparkgen-nowhere/x", seconds=0.01)


def test_a_storage_whose_error_says_nothing_is_refused_by_its_class(monkeypatch) -> None:
    def fail(uri: str, *, writes: bool) -> None:
        raise TimeoutError

    monkeypatch.setattr(storage, "_try", fail)
    with pytest.raises(RequestError, match="answers at s3://bucket, found TimeoutError"):
        check_answers("s3://bucket")


def test_a_storage_that_answers_is_no_problem(tmp_path: Path) -> None:
    check_answers(str(tmp_path / "not there yet"))
    assert isinstance(open_uri(str(tmp_path))[0], fs.LocalFileSystem)
