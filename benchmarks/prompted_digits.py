"""Measures whether digits that were made by a prompt are what it says.

    sparkgen run conf/experiments/judge_mnist.yaml
    sparkgen run conf/experiments/prompted_ddpm_mnist.yaml
    python -m benchmarks.prompted_digits

Sample i is made by a prompt that names a class, mostly with a width, a slant and a size, all drawn at
random from a seed. A tenth of them names one of the combinations that `captions.leave_out` kept out of
the data. The judge reads the class; widths and slants are measured, and Spearman's rank correlation says
how far they follow the words.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.load import load_experiment
from sparkgen.datasets.strokes import measure
from sparkgen.evaluation.sample_figures import judge_files
from sparkgen.pipeline.model import champion_of, fetch
from sparkgen.pipeline.session import spark_session
from sparkgen.sampling.sample import sample
from sparkgen.sampling.sample_set import read_samples

EXPERIMENT = "conf/experiments/prompted_ddpm_mnist.yaml"
WIDTHS = ("thin", "medium", "thick")
SLANTS = ("leaning left", "upright", "leaning right")
SIZES = ("small", "", "large")
SAID = 0.75  # the share of prompts in which each of width, slant and size is spoken of
UNSEEN = 0.1


class Wish(NamedTuple):
    """What a prompt says; None: nothing of the kind."""

    label: int
    width: int | None
    slant: int | None
    size: int | None
    unseen: bool = False

    def text(self, names: Sequence[str]) -> str:
        width = "" if self.width is None else WIDTHS[self.width]
        slant = "" if self.slant is None else SLANTS[self.slant]
        size = "" if self.size is None else SIZES[self.size]
        before, after = (slant, "") if slant == "upright" else ("", slant)
        words = [word for word in (size, width, before, names[self.label], after) if word]
        return f"{'an' if words[0] in ('eight', 'upright') else 'a'} {' '.join(words)}"


def wishes(count: int, names: Sequence[str], left_out: Sequence[str]) -> Iterator[Wish]:
    """Wishes drawn at random; those of combinations that were left out say no size."""
    random = np.random.default_rng(0)
    phrases = [set(phrase.split()) for phrase in left_out]
    combinations = [
        Wish(label, width, slant, None, True)
        for label in range(len(names))
        for width in range(3)
        for slant in range(3)
    ]
    whole = [set(one.text(names).split()) for one in combinations]
    unseen = [
        one
        for one, words in zip(combinations, whole, strict=True)
        if any(phrase <= words for phrase in phrases)
    ]
    for _ in range(count):
        if unseen and random.random() < UNSEEN:
            yield unseen[random.integers(len(unseen))]
            continue
        label = int(random.integers(len(names)))
        width, slant, size = (
            int(random.integers(3)) if random.random() < SAID else None for _ in range(3)
        )
        one = Wish(label, width, slant, size)
        words = set(one.text(names).split())
        yield one._replace(unseen=any(phrase <= words for phrase in phrases))


def rank_correlation(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Spearman's rank correlation; equal values have the mean of their ranks."""
    return float(np.corrcoef(_ranks(x), _ranks(y))[0, 1])


def _ranks(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    _, at, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + ends - 1) / 2)[at]


def figures(asked: Sequence[Wish], read: Any, strokes: Any) -> dict[str, Any]:
    """What the samples of some wishes are, in numbers."""
    found: dict[str, Any] = {"samples": len(asked)}
    found["class_read"] = float(np.mean([one.label for one in asked] == read))
    measured = {"width": strokes.stroke_width, "slant": strokes.slant, "size": strokes.size}
    for name, values in measured.items():
        said = np.array([n for n, one in enumerate(asked) if getattr(one, name) is not None], int)
        if len(said) < 10:
            continue
        words = np.array([getattr(asked[n], name) for n in said])
        found[f"{name}_rank_correlation"] = rank_correlation(words, values[said])
        found[f"{name}_medians"] = [
            float(np.median(values[said][words == word])) for word in range(3) if word in words
        ]
    return found


def main() -> None:
    """Makes the samples, and prints their figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--root", default="runs", help="where models lie")
    parser.add_argument("--judge-root", help="where the judge lies; else as root")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--guidance", type=float)
    stated = parser.parse_args()
    experiment = load_experiment(EXPERIMENT, root=stated.root)
    judging = load_experiment(EXPERIMENT, root=stated.judge_root or stated.root).environment
    captions = experiment.dataset.captions
    assert captions is not None
    assert captions.names is not None
    champion = champion_of(experiment.environment, experiment.name, key="name")
    model = fetch(experiment.environment, champion)
    judge = fetch(judging, champion_of(judging, "judge_mnist", key="judge"))
    asked = list(wishes(stated.samples, captions.names, captions.leave_out))
    prompts = [one.text(captions.names) for one in asked]
    options = {} if stated.guidance is None else {"guidance": stated.guidance}
    given = {"prompt": {"from": "texts", "values": prompts}}
    config = SamplingConfig(count=stated.samples, given=given, options=options, contact_sheet=100)
    with spark_session(experiment.environment) as spark:
        made = sample(
            spark, model, config, model_uri=champion.uri, samples_uri=f"{stated.root}/prompted"
        )
        read = judge_files(spark, judge, made.files).probabilities.argmax(axis=1)
    strokes = measure(read_samples(made, limit=stated.samples))
    result: dict[str, Any] = {"all": figures(asked, read, strokes)}
    for name, wanted in (("unseen", True), ("seen", False)):
        some = np.array([n for n, one in enumerate(asked) if one.unseen == wanted], int)
        of_some = type(strokes)(*(values[some] for values in strokes))
        result[name] = figures([asked[n] for n in some], read[some], of_some)
    result |= {"model": model.digest, "judge": judge.digest, "contact_sheet": made.contact_sheet}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
