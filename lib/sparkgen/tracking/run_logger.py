"""Logs to one MLflow run, and reads what was logged to it."""

import json
import math
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparkgen.credentials import hide, hide_in


class DatasetName(NamedTuple):
    """By what MLflow knows a dataset version."""

    name: str
    digest: str


class RunLogger(NamedTuple):
    """Logs figures, tags and files to one MLflow run."""

    client: Any
    run_id: str
    measured_on: DatasetName | None = None
    """The dataset version that figures are of; None: it is not noted beside them."""

    def metrics(
        self,
        values: Mapping[str, float],
        *,
        step: int = 0,
        renew: bool = False,
        model_id: str | None = None,
    ) -> None:
        """Logs figures at a step; the caller decides what steps count, such as epochs or optimizer steps.

        Args:
            values: by name.
            step: at which a name has one point, however often it is logged.
            renew: log a value that is another than the last one at the step; MLflow shows the newest.
            model_id: of the logged model that the figures are of; None: they are of the run alone.
        """
        from mlflow.entities import Metric

        newest = self._newest_steps()
        # Only a run that was taken up again has points at this step or beyond.
        known = {n: self._known(n, step) for n in values if newest.get(n, step - 1) >= step}
        now = int(time.time() * 1000)
        entries = [
            Metric(name, float(value), now, step, model_id, *self._measured_on)
            for name, value in values.items()
            if not known.get(name) or (renew and not _same(known[name][-1], value))
        ]
        if entries:
            self.client.log_batch(self.run_id, metrics=entries)

    def hand_on(self, model_id: str, step: int) -> None:
        """Makes the figures of a step those of a logged model as well."""
        from mlflow.entities import Metric

        newest = self._newest_steps()
        histories = [
            self.client.get_metric_history(self.run_id, name)
            for name, last in newest.items()
            if last >= step and not name.startswith("system/")
        ]
        found = [
            Metric(point.key, point.value, point.timestamp, step, model_id, *self._measured_on)
            for history in histories
            for point in history
            if point.step == step
        ]
        if found:
            self.client.log_batch(self.run_id, metrics=found)

    @property
    def _measured_on(self) -> tuple[str | None, str | None]:
        return self.measured_on or (None, None)

    def last_step(self, names: Iterable[str]) -> int:
        """The last step at which any of some metrics has a point; 0 where none has."""
        newest = self._newest_steps()
        return max((newest[name] for name in names if name in newest), default=0)

    def _newest_steps(self) -> dict[str, int]:
        points = self.client.get_run(self.run_id).data.to_proto().metrics
        return {point.key: point.step for point in points}

    def _known(self, name: str, step: int) -> list[float]:
        """The values of a metric at a step, the newest last."""
        history = self.client.get_metric_history(self.run_id, name)
        points = [point for point in history if point.step == step]
        return [point.value for point in sorted(points, key=lambda point: point.timestamp)]

    def tags(self, values: Mapping[str, str]) -> None:
        """Sets tags of the run, each a short text."""
        for name, value in values.items():
            self.client.set_tag(self.run_id, name, hide(value))

    def artifact(self, path: str | Path, folder: str = "") -> None:
        """Uploads a file, or a folder's contents, into a folder of the run's artifacts."""
        upload = self.client.log_artifacts if Path(path).is_dir() else self.client.log_artifact
        upload(self.run_id, str(path), folder or None)

    def json(self, values: Any, name: str) -> None:
        """Uploads plain values as a JSON file."""
        self.text(json.dumps(hide_in(values), indent=1, sort_keys=True), name)

    def text(self, text: str, name: str) -> None:
        """Uploads a text as a file."""
        self.client.log_text(self.run_id, text, name)

    def files(self, folder: str) -> list[str]:
        """The paths of the files in a folder of the run's artifacts, sorted; none where there is none."""
        found = self.client.list_artifacts(self.run_id, folder or None)
        return sorted(entry.path for entry in found if not entry.is_dir)

    def read(self, name: str) -> Any | None:
        """The values of a JSON file that `json` uploaded; None where there is none."""
        if name not in self.files(name.rpartition("/")[0]):
            return None
        return json.loads(self.content(name))

    def content(self, name: str) -> bytes:
        """The bytes of an artifact that there is."""
        with tempfile.TemporaryDirectory() as folder:
            return Path(self.client.download_artifacts(self.run_id, name, folder)).read_bytes()


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))
