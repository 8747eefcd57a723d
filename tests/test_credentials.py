"""Texts without the credentials of the URIs in them."""

import io
import logging
from typing import NamedTuple

import pytest

from sparkgen.credentials import Formatter, hide, hide_in
from sparkgen.errors import IngestError, ManifestError, RequestError
from sparkgen.unexpected import describe, whole


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://bob:hunter2@host:5000/x", "http://***@host:5000/x"),
        ("(postgresql+psycopg2://bob:h/u?n#t@er@db/x)", "(postgresql+psycopg2://***@db/x)"),
        ("s3://AKIA:sec%2Fret@bucket/a b", "s3://***@bucket/a b"),
        ("keras:VGG16@https://bob:pw@host/w.h5", "keras:VGG16@https://***@host/w.h5"),
        ("hdfs://bob@namenode/data", "hdfs://***@namenode/data"),
        ("https://h/f?sig=abc%3D&part=2", "https://h/f?sig=***&part=2"),
        (
            "https://h/f?X-Amz-Credential=me&X-Amz-Signature=12",
            "https://h/f?X-Amz-Credential=***&X-Amz-Signature=***",
        ),
        ("s3://b/p?access_key=a;secret_key=b", "s3://b/p?access_key=***;secret_key=***"),
        ("abfss://box:pw@account/x", "abfss://***@account/x"),
        ("of http://a:b@c/ and http://d:e@f/", "of http://***@c/ and http://***@f/"),
        ("http://bob:h,unter'2@host/x", "http://***@host/x"),
        ("http://bob:hun/ter2@host:80/x", "http://***@host:80/x"),
        ("http://bob:hun@ter2@host/x", "http://***@host/x"),
        ("s3://AKIA:12/a,b'c@bucket/x@y", "s3://***@bucket/x@y"),
        ("postgresql://bob:a'b,c/d@db/x", "postgresql://***@db/x"),
        ("'http://a:b@c','http://d:e@f'", "'http://***@c','http://***@f'"),
        ("https://h/f?token=a'b,c&n=2", "https://h/f?token=***&n=2"),
        ("https://h/f#access_token=abc&n=2", "https://h/f#access_token=***&n=2"),
        ("https://h/f?auth=abc&accessKeyId=b", "https://h/f?auth=***&accessKeyId=***"),
        ("https://h/f?pass=a&passphrase=b&jwt=c", "https://h/f?pass=***&passphrase=***&jwt=***"),
        (
            "mssql+pyodbc:///?odbc_connect=Server%3Dh%3BPwd%3Dhunter2",
            "mssql+pyodbc:///?odbc_connect=***",
        ),
    ],
)
def test_a_text_is_shown_without_credentials(text: str, shown: str) -> None:
    assert hide(text) == shown
    assert hide(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/bob@host/m.db?timeout=9",
        "abfss://container@account.dfs.core.windows.net/x",
        "hf://OWNER/NAME@0123456789",
        "models:/name/3",
        "/data/key=1/a@b?token=c",
        "http://host:5000/a@b",
        "http://[::1]:5000/a@b",
        "https://h/f?monkey=1&author=me&keyword=x&design=y&username_hint",
        "https://h/f?tokenizer=bytes&max_tokens=3&passage=4",
        "'http://a','x@y'",
        "bob@example.org",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert hide(text) == text


def test_values_in_sections_and_lists_have_none() -> None:
    values = {"a": ["http://u:p@h", 3], "b": {"http://u:p@h": ("x", None)}}
    assert hide_in(values) == {"a": ["http://***@h", 3], "b": {"http://***@h": ("x", None)}}


def test_texts_under_the_key_of_a_secret_are_hidden_as_a_whole() -> None:
    secret = (
        "spark.hadoop.fs.s3a.secret.key",
        "spark.hadoop.fs.s3a.access.key",
        "spark.hadoop.fs.s3a.session.token",
        "fs.azure.account.key.box.dfs.core.windows.net",
        "fs.azure.sas.fixed.token.box",
        "fs.azure.account.oauth2.client.secret",
        "spark.ssl.keyPassword",
        "spark.executorEnv.HF_TOKEN",
        "spark.es.net.http.auth.pass",
        "hf_token",
        "token",
        "password",
    )
    assert hide_in({"spark": dict.fromkeys(secret, "hunter2")}) == {
        "spark": dict.fromkeys(secret, "***")
    }


def test_settings_of_tokens_and_keys_that_are_no_secret_stay() -> None:
    values = {
        "tokenizer": "bytes",
        "unk_token": "<unk>",
        "max_new_tokens": 3,
        "partition.key": "day",
        "key": "image",
        "classes": {"secret": 1},
        "spark.executor.memory": "4g",
        "password": "",
    }
    assert hide_in(values) == values


def test_a_named_tuple_becomes_a_plain_one() -> None:
    class Place(NamedTuple):
        uri: str
        rows: int

    assert hide_in({"a": Place("http://u:p@h", 3)}) == {"a": ("http://***@h", 3)}


@pytest.mark.timeout(20)
def test_a_long_text_without_credentials_is_read_at_once() -> None:
    text = "http://host:5000/a?" + "a,b'c&" * 20_000 + " ://" * 20_000
    assert hide(text) == text


@pytest.mark.parametrize("kind", [IngestError, RequestError, ManifestError])
def test_no_error_says_them_nor_its_traceback(kind: type[Exception]) -> None:
    uri = "s3://me:hunter2@bucket/x"
    further = {} if kind is IngestError else {"found": uri, "mend": uri}
    try:
        raise kind(f"no {uri}", **further)
    except kind as error:
        texts = [str(error), repr(error), describe(error), whole(error), str(error.args)]
    try:
        raise OSError(f"cannot open {uri}")
    except OSError as error:
        texts += [describe(error), whole(error)]
    assert all("s3://***@bucket" in text and "hunter2" not in text for text in texts)


def test_no_line_of_a_log_says_them() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter("%(message)s"))
    log = logging.Logger("credentials")
    log.addHandler(handler)
    uri = "http://u:hunter2@h"
    try:
        raise OSError(uri)
    except OSError:
        log.exception("at %s", uri)
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("http://***@h") == 2
