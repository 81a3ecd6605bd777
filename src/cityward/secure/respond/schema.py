"""The published schemas of CACAO 2.0, held against a document without asking the network.

The schemas declare draft 7 of JSON Schema and write ``unevaluatedProperties``, which that draft does not know; read by
the draft that knows it they refuse every command. They are therefore read as they declare themselves, and names that
no schema knows are looked for here.

Source: OASIS CACAO technical committee, cacao-json-schemas (Apache License 2.0, ``LICENSE.txt`` in ``schemas.zip``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from zipfile import ZipFile

from cityward.core.errors import UserError
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.limits import PROBLEMS_SHOWN
from cityward.secure.respond.problem import Problem

_BASE: Final = "https://raw.githubusercontent.com/oasis-open/cacao-json-schemas/main/schemas/"
_SHOWN_CHARS: Final = 200
_DEFINED: Final = {
    "agent_definitions": "agent-target",
    "target_definitions": "agent-target",
    "authentication_info_definitions": "authentication-info",
    "data_marking_definitions": "data-markings",
}


def schema_problems(document: Mapping[str, Any]) -> list[Problem]:
    """What the schemas, and the names they know, have against a document."""
    found = [
        Problem(place=_place(error.absolute_path), what=_told(error))
        for error in sorted(_validator("playbook.json").iter_errors(document), key=lambda one: str(one.json_path))
    ]
    found += _typed_commands(document)
    found += _unknown(document)
    return found[:PROBLEMS_SHOWN]


@lru_cache(maxsize=1)
def schemas() -> dict[str, Any]:
    """Every schema by its name below the base: ``commands/ssh.json``."""
    with (files(__package__) / "schemas.zip").open("rb") as file, ZipFile(file) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


@lru_cache(maxsize=64)
def _validator(name: str) -> Any:
    """A validator for one schema; references are looked up among those that ship, and nowhere else."""
    try:
        from jsonschema import Draft7Validator
        from referencing import Registry, Resource
    except ImportError:
        raise UserError("Playbooks need a library that is not here.", "Install cityward[respond].") from None
    registry: Any = Registry().with_resources(
        [(f"{_BASE}{one}", Resource.from_contents(schema)) for one, schema in schemas().items()]
    )
    return Draft7Validator(schemas()[name], registry=registry)


def _typed_commands(document: Mapping[str, Any]) -> Iterator[Problem]:
    """The schema of a step asks of a command only that it has a type; each type has a schema of its own."""
    for step, at, command in commands_of(document):
        name = f"commands/{command.get('type')}.json"
        if name in schemas() and name != "commands/command-data.json":
            for error in _validator(name).iter_errors(command):
                place = f"workflow/{step}/commands/{at}/{_place(error.absolute_path)}".rstrip("/")
                yield Problem(place=place, what=_told(error))


def commands_of(document: Mapping[str, Any]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Every command with its step and its place in it, of whatever shape the document is."""
    workflow = document.get("workflow")
    for step, body in workflow.items() if isinstance(workflow, dict) else ():
        commands = body.get("commands") if isinstance(body, dict) else None
        for at, command in enumerate(commands if isinstance(commands, list) else ()):
            if isinstance(command, dict):
                yield step, at, command


def _unknown(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Names and keys that no schema knows: a slip of the keyboard would else be passed over in silence."""
    yield from _names("", document, "playbook.json")
    for group, folder in {"workflow": "workflows", **_DEFINED}.items():
        held = document.get(group)
        for key, body in held.items() if isinstance(held, dict) else ():
            kind = key.split("--", 1)[0]
            name = f"{folder}/{kind}.json"
            place = f"{group}/{printable(key, 80)}"
            if name not in schemas() or kind in ("workflow-step", "agent-target", "data-marking"):
                yield Problem(place=place, what="Its key is not TYPE--UUID of a type that CACAO 2.0 knows here.")
            elif isinstance(body, dict):
                if body.get("type") != kind:
                    yield Problem(place=place, what=f"Its key says '{kind}' and its type says otherwise.")
                yield from _names(place, body, name)
    for step, at, command in commands_of(document):
        name = f"commands/{command.get('type')}.json"
        if name in schemas():
            yield from _names(f"workflow/{printable(step, 80)}/commands/{at}", command, name)


def _names(place: str, body: Mapping[str, Any], schema: str) -> Iterator[Problem]:
    known = _known(schema)
    for name in body:
        if name not in known:
            yield Problem(
                place=f"{place}/{printable(name, 60)}".lstrip("/"),
                what="CACAO 2.0 knows no such name here.",
                remedy=f"Known: {', '.join(sorted(known))}.",
            )


@lru_cache(maxsize=64)
def _known(name: str) -> frozenset[str]:
    """Names that an object of a schema may have, those of the schemas it builds on included."""
    found: set[str] = set()
    waiting = [(name, schemas()[name])]
    while waiting:
        at, schema = waiting.pop()
        found |= set(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            if "$ref" in part:
                other = f"{at.rsplit('/', 1)[0]}/{part['$ref'].removeprefix('./')}"
                waiting.append((other, schemas()[other]))
            else:
                waiting.append((at, part))
    return frozenset(found)


def _place(path: Any) -> str:
    return "/".join(printable(str(part), 80) for part in path)


def _told(error: Any) -> str:
    """The words of the library, safe to show: it quotes the document."""
    return printable(f"{error.message[:1].upper()}{error.message[1:]}.", _SHOWN_CHARS)
