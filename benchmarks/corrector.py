"""How many misspelt words the corrector mends, and how many right sentences it leaves alone.

python -m benchmarks.corrector --list FILE [--data DIR] [--root DIR] [--sentences N] [--seed N]

FILE says what people write for which word, a line `wrong->right` each, as the dictionary of codespell
does (pip install codespell, its file codespell_lib/data/dictionary.txt, CC BY-SA 3.0); lines with several
right words are left out. The sentences are those of the test split of SST-2 that have enough words which
the list has misspellings of. One or two such words, chosen by the seed, are written as the list has it,
and the champion of corrector_sst2 mends them with the options that it has by default, without a lexicon.
The figures are printed as JSON.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparkgen.config.load import load_experiment
from sparkgen.models.unpacking import unpack
from sparkgen.noise import Stream, generator
from sparkgen.pipeline.model import champion_of, fetch

EXPERIMENT = "conf/experiments/corrector_sst2.yaml"
AT_ONCE = 64


class Written(NamedTuple):
    """A sentence with misspelt words, and which they are."""

    text: str
    right: str
    places: tuple[int, ...]


def misspellings(lines: Sequence[str]) -> dict[str, list[str]]:
    """What is written for each right word, in the order of the list.

    Args:
        lines: `wrong->right` each; others are left out.
    """
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        wrong, arrow, right = line.strip().partition("->")
        if arrow and wrong.isalpha() and right.isalpha():
            found[right.lower()].append(wrong.lower())
    return dict(found)


def misspelt(
    sentences: Sequence[str], listed: Mapping[str, Sequence[str]], count: int, *, seed: int
) -> list[Written]:
    """The sentences that have enough words with a misspelling, with `count` of them misspelt."""
    random = generator(seed, Stream.EVALUATE, f"misspellings {count}")
    found = []
    for sentence in sentences:
        words = sentence.split(" ")
        known = [n for n, word in enumerate(words) if word in listed]
        if len(known) < count:
            continue
        places = sorted(random.choice(known, count, replace=False).tolist())
        for n in places:
            words[n] = str(random.choice(listed[words[n]]))
        found.append(Written(" ".join(words), sentence, tuple(places)))
    return found


def figures(model: Any, written: Sequence[Written]) -> dict[str, Any]:
    """What a corrector makes of some sentences."""
    start = time.monotonic()
    made = mended(model, [one.text for one in written])
    seconds = time.monotonic() - start
    words = model.words().vocabulary.number
    shares: dict[bool, list[bool]] = {True: [], False: []}
    for one, text in zip(written, made, strict=True):
        meant, found = one.right.split(" "), text.split(" ")
        for n in one.places:
            right = len(found) == len(meant) and found[n] == meant[n]
            shares[meant[n] in words].append(right)
    every = [*shares[True], *shares[False]]
    whole = [text == one.right for text, one in zip(made, written, strict=True)]
    return {
        "sentences": len(written),
        "misspelt_words": len(every),
        "mended_words": mean(every),
        "mended_words_that_training_has": mean(shares[True]),
        "words_that_training_lacks": len(shares[False]),
        "mended_sentences": mean(whole),
        "seconds_a_sentence": seconds / max(1, len(written)),
    }


def mended(model: Any, texts: Sequence[str]) -> list[str]:
    """The texts as the corrector gives them back."""
    made: list[str] = []
    for first in range(0, len(texts), AT_ONCE):
        some = list(texts[first : first + AT_ONCE])
        made += model.generate(np.zeros((len(some), 0)), {"text": some}).data
    return made


def mean(shares: Sequence[bool]) -> float | None:
    """The share that holds; None: there are none."""
    return float(np.mean(shares)) if shares else None


def measure(
    model: Any, sentences: Sequence[str], listed: Mapping[str, Sequence[str]], *, seed: int
) -> dict[str, Any]:
    """All figures of a corrector on held-out sentences."""
    kept = mended(model, sentences)
    result: dict[str, Any] = {
        "right_sentences": len(sentences),
        "left_alone": mean([a == b for a, b in zip(kept, sentences, strict=True)]),
    }
    for count in (1, 2):
        written = misspelt(sentences, listed, count, seed=seed)
        result[f"misspelt_{count}"] = figures(model, written)
    return result


def sentences_of(path: Path) -> list[str]:
    """The sentences of a file of labelled lines, each once."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(line.partition(" ")[2].strip() for line in lines))


def main() -> None:
    """Measures the champion, and prints its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", required=True, type=Path, help="of misspellings")
    parser.add_argument("--data", default="../shared/data", help="folder of the source files")
    parser.add_argument("--root", default="runs", help="where models lie")
    parser.add_argument("--sentences", type=int, help="the first so many; else all")
    parser.add_argument("--seed", type=int, default=0)
    stated = parser.parse_args()
    environment = load_experiment(EXPERIMENT, root=stated.root).environment
    packed = fetch(environment, champion_of(environment, "corrector_sst2", key="name"))
    sentences = sentences_of(Path(stated.data, "sst2", "test.txt"))[: stated.sentences]
    listed = misspellings(stated.list.read_text(encoding="utf-8").splitlines())
    result = measure(unpack(packed), sentences, listed, seed=stated.seed)
    print(json.dumps({"model": packed.digest, "seed": stated.seed, **result}, indent=1))


if __name__ == "__main__":
    main()
