"""Makes misspelt words, to see whether they are mended."""

from sparkgen.models.language._words import LETTERS, Array, Vocabulary

SHORTEST = 4
"""Letters of a word in which edits are made."""
LETTER = "abcdefghijklmnopqrstuvwxyz"


def misspelt(text: str, vocabulary: Vocabulary, noise: Array, edits: int) -> str:
    """A text with edits in one of its words: a letter inserted, deleted, substituted, or two swapped.

    It stays as it is where it has no word of 4 or more letters. The edited word is not the same.

    Args:
        text: the text.
        vocabulary: says what its words are.
        noise: uniform in [0, 1): which word, then for each edit which kind, where, and which letter.
        edits: how many.
    """
    units = [
        unit
        for unit in vocabulary.units(text)
        if len(unit.written) >= SHORTEST and LETTERS.fullmatch(unit.written)
    ]
    if not units or not edits:
        return text
    unit = units[int(noise[0] * len(units))]
    meant = text[unit.start : unit.stop]
    word = meant
    for n in range(edits):
        kind, where, letter = noise[1 + 3 * n : 4 + 3 * n]
        made = _edited(word, int(4 * kind), float(where), LETTER[int(26 * letter)])
        word = made if made != meant else f"{word}{LETTER[int(26 * letter)]}"
    return f"{text[: unit.start]}{word}{text[unit.stop :]}"


def _edited(word: str, kind: int, where: float, letter: str) -> str:
    """A word with one edit, which is not the word; where two equal letters are swapped, one is lost."""
    at = int(where * len(word))
    if kind == 0:
        return word[:at] + letter + word[at:]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        other = letter if letter != word[at].lower() else LETTER[(LETTER.index(letter) + 1) % 26]
        return word[:at] + other + word[at + 1 :]
    at = min(at, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return swapped if swapped != word else word[:at] + word[at + 1 :]
