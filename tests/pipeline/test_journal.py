import json
import logging
import os
import shutil
from pathlib import Path

import pytest

from sparkgen.errors import RequestError
from sparkgen.pipeline.journal import Journal, checkpoint_uri, unfinished, write_journal
from sparkgen.training.request import identity


@pytest.fixture
def started(experiment, tmp_path: Path):
    """An experiment with two runs: `old`, unfinished, and `new`, finished after it."""
    request = experiment(environment={"root": str(tmp_path)})
    old = Journal("old", "0123456789abcdef", identity(request))
    write_journal(request, old)
    write_journal(request, old._replace(run_id="new", finished=True))
    return request, old


def test_the_unfinished_run_is_found(started) -> None:
    request, old = started
    assert unfinished(request) == old
    assert os.listdir(checkpoint_uri(request, "old")) == ["run.json"]


def test_the_newest_of_several_is_taken(started) -> None:
    request, old = started
    write_journal(request, old._replace(run_id="newest"))
    later = Path(checkpoint_uri(request, "newest"), "run.json")
    os.utime(later, (later.stat().st_mtime + 10,) * 2)
    assert unfinished(request).run_id == "newest"


def test_without_an_unfinished_run_there_is_nothing_to_resume(started) -> None:
    request, old = started
    write_journal(request, old._replace(finished=True))
    with pytest.raises(RequestError, match="found run old, which has finished training: go on by"):
        unfinished(request)
    shutil.rmtree(Path(checkpoint_uri(request, "old")).parent)
    with pytest.raises(RequestError, match="found none: train without --resume"):
        unfinished(request)


def test_a_run_is_resumed_with_its_own_configuration_but_any_number_of_workers(
    experiment, started, tmp_path: Path
) -> None:
    _, old = started
    there = {"root": str(tmp_path)}
    more = experiment(environment={**there, "workers": 4, "launcher": "local"})
    assert unfinished(more) == old
    longer = experiment(environment=there, training={"epochs": 9})
    with pytest.raises(RequestError, match="the training section that run old was started with"):
        unfinished(longer)


def test_a_run_that_was_noted_with_the_method_of_its_model_is_resumed(started) -> None:
    request, old = started
    training = {**old.sections["training"], "method": "gradient"}
    noted = old._replace(sections={**old.sections, "training": training})
    write_journal(request, noted)
    assert unfinished(request) == noted


def test_a_run_keeps_its_dataset_version_wherever_the_source_of_it_lies(
    experiment, started, tmp_path: Path
) -> None:
    request, old = started
    assert "source" not in old.sections["dataset"]
    source = {"format": "builtin", "dataset": "digits"}  # as older releases note it
    dataset = {**old.sections["dataset"], "source": source}
    older = old._replace(sections={**old.sections, "dataset": dataset})
    write_journal(request, older)
    assert unfinished(request) == older
    moved = {"source": {"format": "libsvm", "train": "/elsewhere"}}
    assert unfinished(experiment(environment={"root": str(tmp_path)}, dataset=moved)) == older


def test_keys_that_an_earlier_release_did_not_know_have_their_defaults(
    experiment, started, tmp_path: Path
) -> None:
    request, old = started
    training = {
        key: value
        for key, value in old.sections["training"].items()
        if key not in ("start_from", "accumulate")
    }
    training["optimizer"] = {"name": "adam", "learning_rate": 3e-3}
    dataset = {k: v for k, v in old.sections["dataset"].items() if k != "captions"}
    noted = {**old.sections, "training": training, "dataset": dataset}
    assert noted != old.sections
    write_journal(request, old._replace(sections=noted))
    assert unfinished(request).started_from is None
    for other in (
        {"start_from": "other"},
        {"accumulate": 2},
        {"optimizer": {"learning_rate": 2.0}},
    ):
        changed = experiment(environment={"root": str(tmp_path)}, training=other)
        with pytest.raises(RequestError, match="the training section that run old was started"):
            unfinished(changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"0123456789abcdef", b"0123456789abcdee"),
        lambda data: data.replace(b'"finished"', b'"fknished"'),
        lambda data: b"[]",
        lambda data: b"\xff",
        lambda data: json.dumps({"run_id": "newest"}).encode(),
    ],
)
def test_a_damaged_run_is_told_and_the_one_before_it_is_taken(started, caplog, damage) -> None:
    request, old = started
    write_journal(request, old._replace(run_id="newest"))
    path = Path(checkpoint_uri(request, "newest"), "run.json")
    path.write_bytes(damage(path.read_bytes()))
    with caplog.at_level(logging.WARNING):
        assert unfinished(request) == old
    assert str(path) in caplog.text


def test_a_run_noted_before_without_a_seal_is_resumed(started) -> None:
    request, old = started
    path = Path(checkpoint_uri(request, "old"), "run.json")
    path.write_text(json.dumps(old._asdict()))
    assert unfinished(request) == old
