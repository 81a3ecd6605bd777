"""Writes docs/reference from the code itself: python docs/write_references.py, or make references.

A test compares what is written with what the same functions return now.
"""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from cityward.api import create_app
from cityward.city import init, open_city
from cityward.cli.main import EXIT_DEFECT, EXIT_NO, EXIT_USER, group
from cityward.secure.policy import Policies
from cityward.secure.policy.table import matrix_text

FOLDER = Path(__file__).resolve().parent / "reference"

_SQUARE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"id": "1", "name": "Centre"},
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]},
        }
    ],
}
"""The smallest city: the API's description does not depend on what a city holds."""


def references() -> dict[str, str]:
    """Return the reference by file name."""
    return {"cli.md": cli_page(), "openapi.json": openapi_text(), "../access-matrix.md": matrix_page()}


def matrix_page() -> str:
    """Return the page of which role may do what."""
    return (
        "# Which role may do what\n\n"
        "Written from the policies by `make references`; do not edit it. [Who asks, and what each may do](access.md) "
        "tells how they are read and changed. A star marks what takes a second person, a sign-in of the last ten "
        "minutes and two factors. *Anybody* is somebody without an account, as residents are; *source* is a token "
        "of a program, for the source that it names.\n\n"
        f"{matrix_text(Policies().matrix())}\n"
    )


def openapi_text() -> str:
    """Return the API's OpenAPI document."""
    with tempfile.TemporaryDirectory() as folder:
        territories = Path(folder) / "areas.geojson"
        territories.write_text(json.dumps(_SQUARE), encoding="utf-8")
        with open_city(init(Path(folder) / "city", name="Reference", territories=territories)) as city:
            document = create_app(city).openapi()
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def cli_page() -> str:
    """Return the page of every command."""
    lines = [
        "# Commands",
        "",
        "Written from the code by `make references`; do not edit it. How to work with them is told in "
        "[Operations](../operations.md).",
        "",
        f"A command ends with 0 when it is done, {EXIT_NO} when something was refused, failed or could not be "
        f"verified, {EXIT_USER} at a mistake that the person at the keyboard can mend, and {EXIT_DEFECT} at a defect "
        "of cityward. Messages go to standard error; with `--json` they are JSON there too.",
    ]
    for path, command in _commands("cityward", group):
        lines += _section(path, command)
    return "\n".join(lines) + "\n"


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield every command below ``command``; asking a group for one loads it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command, info_name=path)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None, f"{path} lists '{name}' and does not have it."  # noqa: S101 - ends the script
        yield from _commands(f"{path} {name}", found)


def _section(path: str, command: click.Command) -> list[str]:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    usage = [path, *(_argument(argument) for argument in arguments), *(["[OPTIONS]"] if options else [])]
    lines = ["", f"## {path}", "", _paragraphs(command.help), "", "```text", " ".join(usage), "```"]
    if options:
        lines += ["", "| option | what it does |", "|---|---|"]
        lines += [f"| {_cell(_option(option))} | {_cell(_told(option))} |" for option in options if not option.hidden]
    return lines


def _paragraphs(text: str | None) -> str:
    """One line a paragraph: the reader's window decides where lines end, not the source."""
    paragraphs = inspect.cleandoc(text or "").replace("\b\n", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _argument(argument: click.Argument) -> str:
    name = (argument.metavar or argument.name or "").upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option(option: click.Option) -> str:
    names = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag or option.count else f" {_value(option)}"
    return ", ".join(f"`{name}{value}`" for name in names)


def _value(option: click.Option) -> str:
    kind = option.type
    if option.metavar:
        return option.metavar
    if isinstance(kind, click.DateTime):
        return "DATE"
    if isinstance(kind, click.Choice):
        return "CHOICE"
    return {"integer range": "INTEGER", "float range": "NUMBER", "float": "NUMBER"}.get(kind.name, kind.name.upper())


def _told(option: click.Option) -> str:
    told = [" ".join((option.help or "").split())]
    if option.required:
        told.append("Required.")
    if isinstance(option.type, click.Choice):
        told.append(f"One of {', '.join(f'`{choice}`' for choice in option.type.choices)}.")
    if isinstance(option.type, click.IntRange | click.FloatRange):
        told.append(_range(option.type))
    if option.multiple:
        told.append("May be given more than once.")
    if not option.is_flag and not option.required and _has_default(option):
        told.append(f"Default: `{option.default}`.")
    if option.envvar:
        names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar)
        told.append(f"Also from the variable {', '.join(f'`{name}`' for name in names)}.")
    return " ".join(part for part in told if part)


def _has_default(option: click.Option) -> bool:
    """Releases of click mark 'no default' differently: None, an empty tuple, or a name of its own."""
    return isinstance(option.default, str | int | float | Path)


def _range(kind: click.IntRange | click.FloatRange) -> str:
    if kind.min is not None and kind.max is not None:
        return f"From {kind.min} to {kind.max}."
    return f"At least {kind.min}." if kind.min is not None else f"At most {kind.max}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in references().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
