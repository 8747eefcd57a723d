"""RESULTS.md and the cards of flagships say what records say; weights are those of their notes."""

import json
import re
from pathlib import Path

import pytest
import yaml

from benchmarks import flagships, results_table
from sparkgen.config.load import load_experiment
from sparkgen.datasets.files import digest
from sparkgen.pipeline.sample import run
from sparkgen.pipeline.weights import WeightsNote

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "benchmarks" / "results"
NAMES = list(flagships.FLAGSHIPS)
MEASURED = [name for name in NAMES if (RECORDS / f"{name}.json").is_file()]
MOST_BYTES = 10_000_000


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def record_of(name: str) -> dict:
    return json.loads((RECORDS / f"{name}.json").read_text())


def test_the_page_is_what_the_records_make_of_it() -> None:
    rows = yaml.safe_load((ROOT / "benchmarks" / "published.yaml").read_text())
    records = [results_table.read_records(names) for names in (rows, NAMES)]
    page = results_table.table(records[0], rows, records[1])
    assert (ROOT / "RESULTS.md").read_text() == page


def test_every_figure_of_a_row_stands_in_its_record() -> None:
    titles = {title: key for key, title in results_table.FIGURES.items()}
    seen = 0
    for line in (ROOT / "RESULTS.md").read_text().splitlines():
        if not (named := re.search(r"(?:MODEL=|conf/experiments/)(\w+)", line)) or line[0] != "|":
            continue
        record = record_of(named[1])
        cells = [cell for cell in line.split("|") if any(f"{t} " in cell for t in titles)]
        for text in "<br>".join(cells).split("<br>"):
            found = re.fullmatch(r" ?(.+?) (-?[\d.e+-]+)(?: ± ([\d.e+-]+))? ?", text)
            if found is None or found[1] not in titles:
                continue
            figure = record["figures"][titles[found[1]]]
            assert float(found[2]) == pytest.approx(figure["value"], rel=5.1e-4, abs=1e-12)
            assert (found[3] is None) == (figure["standard_error"] is None)
            seen += 1
    assert seen > 200


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_those_of_their_note_and_of_an_experiment(name: str) -> None:
    note = WeightsNote.model_validate(flagships.note_of(name))
    assert digest((ROOT / "pretrained" / note.weights).read_bytes()) == note.sha256
    assert load_experiment(ROOT / "conf" / "experiments" / f"{name}.yaml").name == name


@pytest.mark.parametrize("name", MEASURED)
def test_a_card_is_what_note_and_record_make_of_it(name: str) -> None:
    record = record_of(name)
    card = flagships.card(name, record, results_table.shown_of_flagship(record))
    assert (ROOT / "pretrained" / f"{name}.md").read_text() == card


def test_the_weights_take_ten_megabytes_at_most_and_each_has_a_note() -> None:
    files = list((ROOT / "pretrained").iterdir())
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
    used = {flagships.note_of(name)["weights"] for name in NAMES}
    assert {file.name for file in files if file.suffix == ".npz"} == used


def test_a_clone_makes_the_samples_that_the_record_has_bit_for_bit(tmp_path: Path, spark) -> None:
    name = "residual_vae_mixture_mnist"
    sample = record_of(name)["sample"]
    path, root = f"conf/experiments/{name}.yaml", str(tmp_path)
    made = run(load_experiment(path, root=root), spark, pretrained=True)
    manifest = json.loads((Path(made["samples"]) / "manifest.json").read_text())
    assert manifest["config"]["count"] == sample["count"] == 100
    if sample["made_with"] != flagships.made_with():
        pytest.skip("the record was made with another build of TensorFlow, or on another processor")
    assert [file["sha256"] for file in manifest["files"]] == sample["files"]
