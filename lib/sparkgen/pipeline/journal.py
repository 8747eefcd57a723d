"""Writes and reads a run's state file, next to its checkpoints, so that training can be resumed.

`<checkpoints>/<experiment>/<run id>/run.json` says what the run trains; `finished` comes last.
"""

import logging
from typing import Any, NamedTuple

from pyarrow import fs

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.sealed import seal, unseal
from sparkgen.datasets.storage import absolute, open_uri, read_bytes, write_bytes
from sparkgen.errors import RequestError
from sparkgen.training.request import changed_section

log = logging.getLogger(__name__)

JOURNAL = "run.json"


class Journal(NamedTuple):
    """The saved state of a training run: its dataset version, its request, and if it finished."""

    run_id: str
    dataset_version: str
    sections: dict[str, Any]
    """The request's `identity`."""
    finished: bool = False
    started_from: dict[str, str] | None = None
    """The tags that say which model versions it began with: what it started from, and the parts of its
    model, and which picture files. None: there are none."""

    @property
    def lineage(self) -> dict[str, str]:
        """The tags of the model versions that the run began with; empty if there are none."""
        return self.started_from or {}


def checkpoint_uri(experiment: ExperimentConfig, run_id: str) -> str:
    """The folder of a run's checkpoints, as a URI or an absolute path."""
    return f"{_folder(experiment)}/{run_id}"


def write_journal(experiment: ExperimentConfig, journal: Journal) -> None:
    """Writes the state of a run to `run.json`."""
    uri = f"{checkpoint_uri(experiment, journal.run_id)}/{JOURNAL}"
    write_bytes(uri, seal(journal._asdict()))


def unfinished(experiment: ExperimentConfig) -> Journal:
    """The newest run of the experiment that did not finish.

    Raises:
        RequestError: there is none, or it was started with another configuration.
    """
    journals = _newest_first(experiment)
    for journal in journals:
        if not journal.finished:
            _check_unchanged(journal, experiment)
            return journal
    expected = f"an unfinished run of {experiment.name} in {_folder(experiment)}"
    if not journals:
        raise RequestError(expected, found="none", mend="train without --resume")
    raise RequestError(
        expected,
        found=f"run {journals[0].run_id}, which has finished training",
        mend="go on by the steps evaluate, promote and sample, or train without --resume",
    )


def _check_unchanged(journal: Journal, experiment: ExperimentConfig) -> None:
    if section := changed_section(journal.sections, experiment):
        raise RequestError(
            f"the {section} section that run {journal.run_id} was started with",
            found="another",
            mend="resume with the same experiment and --set, or train without --resume",
        )


def _newest_first(experiment: ExperimentConfig) -> list[Journal]:
    filesystem, path = open_uri(_folder(experiment))
    runs = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    files = filesystem.get_file_info(
        [f"{run.path}/{JOURNAL}" for run in runs if run.type == fs.FileType.Directory]
    )
    found = [info for info in files if info.type == fs.FileType.File]
    found.sort(key=lambda info: info.mtime_ns or 0, reverse=True)
    names = [info.path.split("/")[-2] for info in found]
    journals = []
    for name in names:
        try:
            journals.append(_read(experiment, name))
        except (OSError, TypeError, ValueError) as error:
            uri = f"{checkpoint_uri(experiment, name)}/{JOURNAL}"
            log.warning("left out a run, %s cannot be read: %s", uri, error)
    return journals


def _read(experiment: ExperimentConfig, run_id: str) -> Journal:
    journal = Journal(**unseal(read_bytes(f"{checkpoint_uri(experiment, run_id)}/{JOURNAL}")))
    mappings = (journal.sections, journal.lineage)
    if journal.run_id != run_id or not all(isinstance(one, dict) for one in mappings):
        raise ValueError(f"it is not of run {run_id}")
    return journal


def _folder(experiment: ExperimentConfig) -> str:
    environment = experiment.environment
    return f"{absolute(environment.path(environment.checkpoints))}/{experiment.name}"
