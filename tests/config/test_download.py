from typing import Any

import pytest

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.load import parse
from sparkgen.errors import RequestError

SHA256 = "0123456789abcdef" * 4


def dataset(*files: dict[str, Any], **section: Any) -> DatasetConfig:
    values = {
        "name": "letters",
        "source": {"format": "text", "train": "a.txt"},
        "record": "tokens",
        "shape": [9],
    }
    if files:
        values["download"] = {"files": list(files), **section}
    return parse(DatasetConfig, values, source="letters.yaml")


def refusal(*files: dict[str, Any]) -> str:
    with pytest.raises(RequestError) as refused:
        dataset(*files)
    return str(refused.value)


def test_a_download_does_not_enter_the_configuration_of_a_version() -> None:
    file = {"url": "https://me:secret@a.example/x.txt", "size": 3}
    with_download = dataset(file, licence="free")
    assert with_download.download is not None
    for mode in ("python", "json"):
        assert with_download.model_dump(mode=mode) == dataset().model_dump(mode=mode)


@pytest.mark.parametrize(
    ("url", "path", "target"),
    [
        ("https://a.example/b/c%20d.gz?x=/y#z", "", "c d.gz"),
        ("http://a.example:8000/", "b/c.gz", "b/c.gz"),
    ],
)
def test_a_file_goes_where_it_is_told_or_under_the_last_name_of_its_url(
    url: str, path: str, target: str
) -> None:
    section = dataset({"url": url, "path": path, "sha256": SHA256}).download
    assert section is not None
    assert section.files[0].target == target


@pytest.mark.parametrize(
    "path", ["/etc/x", "../x", "a/../x", "a//b", "a/", ".x", "_x", "a/.b/c", "*.gz", "a\\b", "a\nb"]
)
def test_a_path_that_an_ingest_would_not_find_is_refused(path: str) -> None:
    assert "path must lie below environment.data" in refusal(
        {"url": "https://a.example/x", "path": path, "size": 1}
    )


@pytest.mark.parametrize("url", ["https://a.example/", "https://a.example", "https://a.example/.x"])
def test_a_url_without_a_name_needs_a_path(url: str) -> None:
    assert "path must lie below environment.data" in refusal({"url": url, "size": 1})


@pytest.mark.parametrize(
    "url", ["ftp://a/x", "a/x", "/x", "file:///x", "https:///x", "https://a b/x", "http://[/x"]
)
def test_what_is_no_url_of_the_web_is_refused(url: str) -> None:
    assert "begins with http:// or https:// and a host" in refusal({"url": url, "size": 1})


def test_a_file_that_nothing_can_check_is_refused() -> None:
    assert "size, sha256 or md5 must say what x is" in refusal({"url": "https://a.example/x"})


@pytest.mark.parametrize(
    "check", [{"sha256": SHA256[1:]}, {"sha256": SHA256.upper()}, {"md5": SHA256}, {"size": -1}]
)
def test_a_check_of_another_form_is_refused(check: dict[str, Any]) -> None:
    key = f"dataset.download.files.0.{next(iter(check))}".removeprefix("dataset.")
    assert f"a valid {key}" in refusal({"url": "https://a.example/x", **check})


def test_two_files_of_one_name_are_refused() -> None:
    files = [{"url": f"https://{host}.example/x.gz", "size": 1} for host in "ab"]
    assert "two files must not have one path, found x.gz twice" in refusal(*files)


def test_a_misspelt_key_is_answered_with_the_right_one() -> None:
    assert "did you mean download.files.0.sha256?" in refusal(
        {"url": "https://a.example/x", "sha265": SHA256}
    )
