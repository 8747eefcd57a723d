"""Finds the text files that stand beside pictures and say in words what these show."""

from collections.abc import Sequence

from sparkgen.ingest.files.member import Member
from sparkgen.ingest.images.formats import ENDINGS, ending
from sparkgen.ingest.trees.placement import Candidate

ENDING = ".txt"


def without_captions(members: Sequence[Member]) -> tuple[list[Member], dict[str, Member]]:
    """The members of a source that are no captions, and its captions by the paths of their pictures.

    A caption is a text file with the name of a picture in the same folder, all but the ending.
    """
    texts = {_stem(m.name): m for m in members if m.name.lower().endswith(ENDING)}
    pictures = [m.name for m in members if ending(m.name) in ENDINGS]
    captions = {name: texts[_stem(name)] for name in pictures if _stem(name) in texts}
    numbers = {member.number for member in captions.values()}
    return [member for member in members if member.number not in numbers], captions


def with_captions(candidates: list[Candidate], captions: dict[str, Member]) -> list[Candidate]:
    """Candidates of a source, each with its caption if it has one."""
    return [one._replace(caption=captions.get(one.member.name)) for one in candidates]


def _stem(name: str) -> str:
    return name.rpartition(".")[0]
