"""Writes the text of `--help` and `sparkgen models`; configuration is imported only when needed."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sparkgen.errors import RequestError

if TYPE_CHECKING:
    from sparkgen.manual import Key

# The sections of a request that a command takes; the others take all.
SECTIONS = {
    "ingest": {"dataset", "environment"},
    "doctor": {"environment"},
    "inspect": {"environment"},
}
KEYS = (
    "These are the keys of a request. `--set KEY=VALUE` changes one. In a YAML file the key a.b is "
    "written as b in the section a. A file of conf/datasets is the section dataset, and a file of "
    "conf/environments is the section environment: their keys are written without this first word. "
    "In brackets stand the values that a key takes, and the value that it has where no file sets it."
)


class Program(click.Group):
    """The program `sparkgen`: its help lists the commands in order of use, then the names of all keys."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from sparkgen.config.nearest import choose

            raise RequestError(
                "a command", found=repr(args[0]), mend=choose(args[0], self.commands)
            )
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from sparkgen.manual import request_sections

        with formatter.section("Keys of a request (sparkgen run --help says what each one means)"):
            for section in request_sections():
                formatter.write_text(f"{section.title}: {', '.join(section.names)}")


class RequestCommand(click.Command):
    """A command that takes a request; its help ends with the meaning of every key."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from sparkgen.manual import request_sections

        formatter.write_paragraph()
        formatter.write_text(KEYS)
        for section in request_sections(SECTIONS.get(str(self.name))):
            with formatter.section(section.title):
                _write_keys(formatter, section.meaning, section.keys)


def models_page() -> str:
    """The list of all models by family, with one sentence on each."""
    from sparkgen.catalogue import summaries

    formatter = click.HelpFormatter()
    for family, models in summaries().items():
        with formatter.section(family):
            formatter.write_dl(list(models.items()), col_max=40)
    return formatter.getvalue().strip()


def model_page(name: str, experiments: Path) -> str:
    """The description of one model, its options, and the experiments of a folder that use it.

    Raises:
        RequestError: there is no such model.
    """
    from sparkgen.catalogue import docstring, experiments_with, given_sections, option_sections

    formatter = click.HelpFormatter()
    formatter.write(f"{name}\n\n{docstring(name)}\n")
    *options, takes = option_sections(name)
    for section in (*options, takes, *(given_sections() if takes.keys else ())):
        with formatter.section(section.title):
            _write_keys(formatter, section.meaning, section.keys)
    with formatter.section(f"Experiments of {experiments} with this model"):
        if not os.path.isdir(experiments):
            formatter.write_text("There is no such folder here; --conf names the folder above it.")
        for file in experiments_with(name, experiments):
            formatter.write_text(file)
    return formatter.getvalue().strip()


def _write_keys(formatter: click.HelpFormatter, text: str, keys: "Iterable[Key]") -> None:
    if text:
        formatter.write_text(text)
    for key in keys:
        formatter.write_text(key.title)
        if key.meaning:
            with formatter.indentation():
                formatter.write_text(key.meaning)
