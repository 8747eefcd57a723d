"""The package that Python imports from an archive, as `spark-submit --py-files` gives it, is whole."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sparkgen
from sparkgen.archive import files_below, read_packaged
from sparkgen.ingest.sources import source_names
from sparkgen.models.names import own_names
from sparkgen.sampling import given

FROM_THE_ARCHIVE = """
import json
from pathlib import Path
import sparkgen
from sparkgen import archive
from sparkgen.ingest.sources import source_names
from sparkgen.models.names import own_names
from sparkgen.sampling import given
package = Path(sparkgen.__file__).parent
script = archive.unpacked(package / "sampling" / "sampler.py")
print(json.dumps({
    "package": str(package), "archive": str(archive.own_archive()),
    "models": own_names(), "sources": source_names(), "given": given.source_names(),
    "script": script.read_text(), "beside": len(list(archive.unpacked(package).rglob("*.py"))),
}))
"""


def test_a_file_is_read_from_a_folder_and_from_an_archive(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "weights.bin").write_bytes(b"123")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "mine")
    for folder in (str(tmp_path), archive):
        assert read_packaged(f"{folder}/mine/weights.bin") == b"123"
        assert dict(files_below(f"{folder}/mine")) == {"weights.bin": b"123"}
        with pytest.raises(FileNotFoundError):
            read_packaged(f"{folder}/mine/others.bin")


def test_models_and_sources_are_found_in_a_wheel_and_its_files_can_be_had_on_disk(
    wheel: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FROM_THE_ARCHIVE],
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    folder = Path(sparkgen.__file__).parent
    assert found["package"] == str(wheel / "sparkgen")
    # Spark's executors import from files of some endings only, and .whl is none of them.
    assert Path(found["archive"]).name == f"{wheel.stem}.zip"
    assert found["models"] == own_names()
    assert found["sources"] == source_names()
    assert found["given"] == given.source_names()
    assert found["script"] == (folder / "sampling" / "sampler.py").read_text()
    with zipfile.ZipFile(wheel) as archive:
        files = [name for name in archive.namelist() if name.endswith(".py")]
    assert found["beside"] == len(files) == len(list(folder.rglob("*.py")))
