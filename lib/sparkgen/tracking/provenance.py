"""Says what a run came of: who started it, from which script and commit, with which packages."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

from sparkgen.credentials import hide_in


def packages() -> dict[str, Any]:
    """The version of Python, and the version of every installed package."""
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    return {"python": platform.python_version(), "packages": installed}


def source_tags() -> dict[str, str]:
    """Tags for who started the run, and from which script, notebook or job, as MLflow finds them."""
    from mlflow.tracking.context.registry import resolve_tags

    return dict(hide_in(resolve_tags()))


def git_tags(file: Path) -> dict[str, str]:
    """Tags for the Git commit of a file, and for whether its repository has uncommitted changes.

    Empty where the file is in no repository, as in an installed wheel.
    """
    folder = file.parent
    try:
        _git(folder, "ls-files", "--error-unmatch", file.name)
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": commit, "sparkgen.changed": str(bool(changed)).lower()}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
