"""Says which folders lie on disks, where a file can be renamed, appended to, locked and mapped.

Where object storage is mounted as a folder, by FUSE as Databricks mounts volumes, a file can be relied on
to be written from its beginning to its end, read and removed. So nothing else is done to it there.
"""

import os
import re

MOUNTED = ("/Volumes/", "/dbfs/")
"""Databricks' mounts of object storage."""
MOUNTS = "/proc/self/mountinfo"
DISKS_BY_FUSE = ("fuse.fuse-overlayfs", "fuse.grpcfuse", "fuse.osxfs")
"""File systems of containers that pass on to a disk."""


def on_disk(path: str) -> bool:
    """Whether an absolute path lies on a disk, and not on object storage that is mounted as a folder.

    The path itself need not be there yet.
    """
    place = f"{os.path.realpath(path)}/"
    if place.startswith(MOUNTED):
        return False
    # Of two mounts on one folder the later one is seen.
    above = enumerate(_mounts())
    kind = max((len(folder), n, kind) for n, (folder, kind) in above if place.startswith(folder))[2]
    return kind.split(".")[0] != "fuse" or kind in DISKS_BY_FUSE


def _mounts() -> list[tuple[str, str]]:
    """The folder of each mount, with a slash at its end, and the type of its file system."""
    found = [("/", "")]
    try:
        with open(MOUNTS, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                before, _, after = line.partition(" - ")
                folder = re.sub(r"\\([0-7]{3})", _character, before.split(" ")[4])
                found.append((f"{folder.rstrip('/')}/", after.split(" ")[0]))
    except OSError:  # no Linux
        pass
    return found


def _character(escaped: re.Match[str]) -> str:
    """A space, a tab, a line feed or a backslash in the name of a folder."""
    return chr(int(escaped[1], 8))
