"""Which source files are missing, and what is said where they cannot be fetched."""

import hashlib
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from web_server import Server, content, status

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.download import DownloadFile
from sparkgen.config.load import load_dataset
from sparkgen.datasets import disks
from sparkgen.errors import RequestError
from sparkgen.ingest.fetching.download import fetch_missing, missing_files
from sparkgen.ingest.fetching.web import Patience
from sparkgen.ingest.sources import source_of

PATIENCE = Patience(silent_seconds=5, tries=1)


def missing(data: Path, targets: list[str], *uris: str) -> list[str]:
    files = [DownloadFile(url=f"http://a/{target}", path=target, size=1) for target in targets]
    return [file.target for file in missing_files(files, [f"{data}/{u}" for u in uris], str(data))]


def put(data: Path, *names: str) -> None:
    for name in names:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(b"0")


def test_what_is_there_is_not_missing(tmp_path: Path) -> None:
    assert missing(tmp_path, ["a.gz", "b.gz"], "a.gz", "b.gz") == ["a.gz", "b.gz"]
    put(tmp_path, "a.gz")
    assert missing(tmp_path, ["a.gz", "b.gz"], "a.gz", "b.gz") == ["b.gz"]
    put(tmp_path, "b.gz")
    assert missing(tmp_path, ["a.gz", "b.gz"], "a.gz", "b.gz") == []


def test_nothing_is_fetched_beside_what_someone_has_put_there_by_another_name(
    tmp_path: Path,
) -> None:
    files, uris = ["train.bz2", "test.bz2"], ("train.*", "test.*")
    put(tmp_path, "train.txt.gz")
    assert missing(tmp_path, files, *uris) == ["test.bz2"]
    put(tmp_path, "test.bz2")
    assert missing(tmp_path, files, *uris) == []


@pytest.mark.parametrize("uri", ["many", "many/*.tar", "*/b?.tar"])
def test_a_folder_or_glob_of_which_some_is_there_gets_the_rest(tmp_path: Path, uri: str) -> None:
    files = ["many/b1.tar", "many/b2.tar", "many/b3.tar"]
    assert missing(tmp_path, files, uri) == files
    put(tmp_path, "many/.b1.tar.part", "many/_note", "b4.tar")  # neither is a source file
    assert missing(tmp_path, files, uri) == files
    put(tmp_path, "many/b2.tar")
    assert missing(tmp_path, files, uri) == ["many/b1.tar", "many/b3.tar"]


def test_a_file_of_which_no_path_of_the_source_speaks_is_fetched_where_it_is_missing(
    tmp_path: Path,
) -> None:
    put(tmp_path, "list.csv")
    assert missing(tmp_path, ["list.csv", "pictures.zip"], "list.csv") == ["pictures.zip"]


@pytest.mark.parametrize("ending", ["txt.gz", "bz2"])
def test_mnist_is_what_is_there_by_the_name_that_it_is_fetched_by_or_by_another(
    tmp_path: Path, ending: str
) -> None:
    mnist = Path(__file__).parents[2] / "conf" / "datasets" / "mnist.yaml"
    config = load_dataset(mnist, overrides=(f"environment.data={tmp_path}",)).dataset
    names = [f"mnist-digits-{split}.{ending}" for split in ("train", "test")]
    put(tmp_path, *names, "mnist-digits-train-head2000.txt.gz", "mnist-digits-test-head500.txt.gz")
    bring(config, tmp_path)  # nothing
    files = source_of(config).files(config)
    assert [[Path(file.uri).name for file in found] for found in files.values()] == [
        [name] for name in names
    ]


def dataset(data: Path, *files: dict[str, Any], **section: Any) -> DatasetConfig:
    source = {"format": "text", "train": f"{data}/a.txt", "test": f"{data}/b.txt"}
    return DatasetConfig.model_validate(
        {
            "name": "letters",
            "source": source,
            "record": "tokens",
            "shape": [9],
            "download": {"files": list(files), **section} if files else None,
        }
    )


def bring(config: DatasetConfig, data: Path) -> None:
    fetch_missing(config, source_of(config), data=str(data), patience=PATIENCE)


def test_the_terms_are_told_when_files_are_fetched_and_only_then(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sparkgen")
    files = [
        {"url": server.serve(f"/{name}.txt", content(name.encode() * 9)), "size": 9}
        for name in "ab"
    ]
    config = dataset(tmp_path, *files, licence="free", citation="Letters (1999)")
    bring(config, tmp_path)
    bring(config, tmp_path)
    assert caplog.messages == [
        "source files of letters are fetched; licence: free; please cite: Letters (1999)",
        *(f"fetching {tmp_path}/{name}.txt from {server.url}/{name}.txt" for name in "ab"),
    ]
    assert len(server.asked) == 2
    assert (tmp_path / "b.txt").read_bytes() == b"b" * 9


def test_files_that_are_there_are_neither_fetched_nor_checked(tmp_path: Path) -> None:
    put(tmp_path, "a.txt", "b.txt")
    url = "http://127.0.0.1:9/"
    bring(dataset(tmp_path, *({"url": f"{url}{n}.txt", "size": 7} for n in "ab")), tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"0"


def test_a_dataset_that_says_nothing_fetches_nothing(tmp_path: Path) -> None:
    bring(dataset(tmp_path), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_one_line_says_what_is_missing_and_where_to_get_it(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        home = f"127.0.0.1:{closed.getsockname()[1]}"
    files = [{"url": f"http://me:secret@{home}/{n}.txt?key=secret", "size": 9} for n in "ab"]
    with pytest.raises(RequestError) as refused:
        bring(dataset(tmp_path, *files), tmp_path)
    line = str(refused.value)
    assert "\n" not in line
    assert "secret" not in line
    assert "Connection refused" in line
    assert (
        f"put into {tmp_path} what is missing: a.txt from http://{home}/a.txt; b.txt from "
        f"http://{home}/b.txt; or say where the data is: --set environment.data=FOLDER"
    ) in line


def test_what_was_fetched_before_a_failure_stays_and_is_not_named(
    server: Server, tmp_path: Path
) -> None:
    urls = [server.serve("/a.txt", content(b"a" * 9)), server.serve("/b.txt", status(404))]
    with pytest.raises(RequestError) as refused:
        bring(dataset(tmp_path, *({"url": url, "size": 9} for url in urls)), tmp_path)
    assert f"found that {urls[1]} does not give its file: it answers 404 Not Found" in str(
        refused.value
    )
    assert "missing: b.txt from" in str(refused.value)
    assert (tmp_path / "a.txt").read_bytes() == b"a" * 9


def test_where_nothing_can_be_appended_a_whole_file_is_copied(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "MOUNTED", (f"{tmp_path}/volume/",))
    data = b"a" * 9
    url = server.serve("/a.txt", content(data))
    (tmp_path / "volume").mkdir()
    put(tmp_path / "volume", "b.txt")
    stated = {"url": url, "path": "a.txt", "sha256": hashlib.sha256(data).hexdigest()}
    bring(dataset(tmp_path / "volume", stated), tmp_path / "volume")
    assert sorted(p.name for p in (tmp_path / "volume").iterdir()) == ["a.txt", "b.txt"]
    assert (tmp_path / "volume" / "a.txt").read_bytes() == data


@pytest.mark.data
@pytest.mark.parametrize("name", ["fashion_mnist", "tinyshakespeare"])
def test_what_a_dataset_file_states_of_its_files_is_true(
    server: Server, tmp_path: Path, data_dir: Path, name: str
) -> None:
    path = Path(__file__).parents[2] / "conf" / "datasets" / f"{name}.yaml"
    config = load_dataset(path, overrides=(f"environment.data={tmp_path}",)).dataset
    assert config.download is not None
    files = []
    for file in config.download.files:
        url = server.serve(f"/{file.target}", content((data_dir / file.target).read_bytes()))
        files.append(file.model_copy(update={"url": url}))
    here = config.download.model_copy(update={"files": tuple(files)})
    bring(config.model_copy(update={"download": here}), tmp_path)
    for file in files:
        assert (tmp_path / file.target).read_bytes() == (data_dir / file.target).read_bytes()
