"""Finds the known word that is most similar to a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most similar to `word`; None where no known word is similar.

    A word without a dot may stand for the last part of a dotted one: `vae` for `variational.vae`.
    """
    known = list(known)
    whole = {k.lower(): k for k in known}
    last = {} if "." in word else {k.rpartition(".")[2]: k for k in whole}
    found = get_close_matches(word.lower(), whole, n=1)
    if found:
        return whole[found[0]]
    found = get_close_matches(word.lower(), last, n=1)
    return whole[last[found[0]]] if found else None


def choose(word: str, known: Iterable[str]) -> str:
    """The advice for an unknown word: the most similar known word, and a list of all known words."""
    known = list(known)
    meant = nearest(word, known)
    choice = f"choose one of {', '.join(known)}" if known else "remove it"
    return f"did you mean {meant}? {choice}" if meant else choice
