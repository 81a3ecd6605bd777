"""Checks beyond the schemas: everything named exists, everything is bounded, and nothing is done that is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cityward.secure.monitor.printable import printable
from cityward.secure.respond.acts import ACTS
from cityward.secure.respond.building import build
from cityward.secure.respond.conditions import BadCondition, check_types, read_condition, variables_of
from cityward.secure.respond.graph import graph_problems
from cityward.secure.respond.limits import (
    BRANCHES,
    DELAY_SECONDS,
    LOOPS,
    MACHINE_SECONDS,
    NESTED,
    PERSON_SECONDS,
    PROBLEMS_SHOWN,
    RETRIES,
    STEPS,
    TARGETS,
    VARIABLES,
)  # fmt: skip
from cityward.secure.respond.limits import (
    COMMANDS as COMMANDS_MAX,
)
from cityward.secure.respond.problem import BadPlaybook, Problem
from cityward.secure.respond.reading import read_document
from cityward.secure.respond.records import ACT, COMMANDS, EXTENSION, Command, Playbook, Step, Variable
from cityward.secure.respond.schema import commands_of, schema_problems
from cityward.secure.respond.values import NAME, TYPES, fits, named_in
from cityward.secure.risk.attack import techniques

Library = Mapping[str, Playbook]
"""Playbooks that others may call, by their CACAO identifier."""

POST: Final = re.compile(r"POST (?P<path>/[A-Za-z0-9._~/-]{0,199})(?: HTTP/1\.1)?")
_TECHNIQUE: Final = re.compile(r"T\d{4}(?:\.\d{3})?")
_RECEIVERS: Final = {"http-api": ("http-api",), "ssh": ("ssh", "linux")}


def check(
    data: bytes, name: str, library: Library | None = None, key: str = ""
) -> tuple[Playbook | None, list[Problem]]:
    """A playbook and everything that is wrong with it; None when it cannot be read at all.

    Parameters
    ----------
    library : mapping, optional
        Playbooks that it may call; left out, that is not checked.
    """
    try:
        document = read_document(data, name)
    except BadPlaybook as bad:
        return None, list(bad.problems)
    problems = schema_problems(document)
    book, unread = build(document, data, key)
    problems += unread
    problems += _raw(document)
    problems += graph_problems(book)
    problems += _sizes(book)
    problems += _about(book, document)
    kinds = {one.name: one.type for one in book.variables.values()}
    for variable in book.variables.values():
        problems += _variable(f"playbook_variables/{variable.name}", variable)
    for step in book.steps.values():
        problems += _step(book, step, kinds)
    if library is not None:
        problems += called_problems(book, library)
    return book, list(dict.fromkeys(problems))[:PROBLEMS_SHOWN]


def read_playbook(data: bytes, name: str, library: Library | None = None, key: str = "") -> Playbook:
    """A playbook without problems; raises `BadPlaybook`."""
    book, problems = check(data, name, library, key)
    if book is None or problems:
        raise BadPlaybook(name, problems)
    return book


# -- the whole -------------------------------------------------------------------------------------


def _raw(document: Mapping[str, Any]) -> Iterator[Problem]:
    """What can be written in CACAO and is not done here."""
    for step, at, command in commands_of(document):
        place = f"workflow/{printable(step, 80)}/commands/{at}"
        if command.get("type") not in COMMANDS:
            kind = printable(str(command.get("type")), 40)
            yield Problem(
                place=place,
                what=f"Commands of type '{kind}' are not done here.",
                remedy=f"Known: {', '.join(COMMANDS)}.",
            )
        for name in ("command_b64", "content_b64", "headers"):
            if name in command:
                yield Problem(place=f"{place}/{name}", what="It is not used here.", remedy="Write the command plainly.")
    used = [document.get("playbook_extensions"), *_step_extensions(document)]
    if any(isinstance(one, dict) and EXTENSION in one for one in used):
        defined = document.get("extension_definitions")
        if not (isinstance(defined, dict) and EXTENSION in defined):
            yield Problem(place="extension_definitions", what=f"{EXTENSION} is used and not defined.")


def _step_extensions(document: Mapping[str, Any]) -> Iterator[Any]:
    workflow = document.get("workflow")
    for body in workflow.values() if isinstance(workflow, dict) else ():
        if isinstance(body, dict):
            yield body.get("step_extensions")


def _sizes(book: Playbook) -> Iterator[Problem]:
    if len(book.steps) > STEPS:
        yield Problem(place="workflow", what=f"It has {len(book.steps)} steps.", remedy=f"At most {STEPS}; divide it.")
    if len(book.variables) > VARIABLES:
        yield Problem(place="playbook_variables", what=f"More than {VARIABLES} variables.")
    for step in book.steps.values():
        sizes = (
            ("commands", len(step.commands), COMMANDS_MAX), ("targets", len(step.targets), TARGETS),
            ("next_steps", len(step.next_steps), BRANCHES), ("cases", len(step.cases), BRANCHES),
        )  # fmt: skip
        for name, count, most in sizes:
            if count > most:
                yield _problem(step, f"{count} stand here.", name, f"At most {most}.")


def _about(book: Playbook, document: Mapping[str, Any]) -> Iterator[Problem]:
    place = f"playbook_extensions/{EXTENSION}"
    known = techniques()
    for one in book.about.techniques:
        if not _TECHNIQUE.fullmatch(one) or one not in known:
            yield Problem(place=f"{place}/techniques", what=f"'{printable(one, 20)}' is no technique of ATT&CK.")
    for name in book.about.secrets:
        variable = book.variables.get(name)
        if variable is None:
            yield Problem(place=f"{place}/secrets", what=f"{printable(name, 80)} is not defined.")
        elif variable.value is not None:
            yield Problem(
                place=f"playbook_variables/{name}/value",
                what="A secret stands in the playbook.",
                remedy="Take it out; respond.toml says where it is read from.",
            )
    if document.get("spec_version") != "cacao-2.0":
        yield Problem(place="spec_version", what="Only cacao-2.0 is read here.")


def called_problems(book: Playbook, library: Library) -> list[Problem]:
    """What is wrong with the playbooks that one calls."""
    return list(dict.fromkeys(_called(book, library, (book.id,))))


def _called(book: Playbook, library: Library, above: tuple[str, ...]) -> Iterator[Problem]:
    """Playbooks that are called exist, do not call themselves, and do not go too deep."""
    for step in book.steps.values():
        if step.type != "playbook-action":
            continue
        other = library.get(step.playbook)
        if other is None:
            yield _problem(step, "The playbook that it calls is not here.", "playbook_id", "Put it into playbooks/.")
        elif step.playbook_version and step.playbook_version != other.modified:
            yield _problem(step, "The playbook that it calls has another version.", "playbook_version")
        elif other.id in above:
            yield _problem(step, "The playbook calls itself in the end.", "playbook_id")
        elif len(above) >= NESTED:
            yield _problem(step, f"Playbooks call each other more than {NESTED} deep.", "playbook_id")
        else:
            yield from _called(other, library, (*above, other.id))
            yield from _args(book, step, other)


def _args(book: Playbook, step: Step, other: Playbook) -> Iterator[Problem]:
    """What goes in and out of a called playbook is defined there, with the same type."""
    for group in ("in_args", "out_args"):
        for name in getattr(step, group):
            here, there = book.variables.get(name), other.variables.get(name)
            if here is not None and (there is None or there.type != here.type):
                yield _problem(step, f"{printable(name, 80)} is not the same in the playbook that is called.", group)


# -- a step ----------------------------------------------------------------------------------------


def _step(book: Playbook, step: Step, kinds: Mapping[str, str]) -> Iterator[Problem]:
    kinds = {**kinds, **{one.name: one.type for one in step.variables}}
    for variable in step.variables:
        yield from _variable(f"workflow/{step.id}/step_variables/{variable.name}", variable)
    for group in ("in_args", "out_args"):
        for name in getattr(step, group):
            if name not in kinds:
                yield _problem(step, f"{printable(name, 80)} is not defined.", group)
    for name in set(step.out_args) & set(book.variables):
        if book.variables[name].constant or name in book.about.secrets:
            yield _problem(step, f"{name} cannot be set: it is constant, or a secret.", "out_args")
    if step.type == "action":
        yield from _action(book, step, kinds)
    elif step.type in ("if-condition", "while-condition"):
        yield from _condition(book, step, kinds)
    elif step.type == "switch-condition":
        yield from _switch(book, step, kinds)
    yield from _bounds(step)


def _bounds(step: Step) -> Iterator[Problem]:
    if not 0 <= step.delay_seconds <= DELAY_SECONDS:
        yield _problem(step, "The delay is out of bounds.", "delay", f"At most {DELAY_SECONDS:,} seconds.")
    if not 0 <= step.marks.retries <= RETRIES:
        yield _problem(step, "It is tried too often.", "step_extensions/retries", f"At most {RETRIES} times more.")
    if step.type == "while-condition" and not 1 <= step.marks.bound <= LOOPS:
        yield _problem(
            step, "The loop has no bound.", "step_extensions/bound", f"Write bound, 1 to {LOOPS}, in our extension."
        )
    if step.type != "action":
        if step.timeout_seconds < 0:
            yield _problem(step, "A time-out is not negative.", "timeout")
        return
    person = any(one.type == "manual" for one in step.commands)
    most = PERSON_SECONDS if person else MACHINE_SECONDS
    if not 0 < step.timeout_seconds <= most:
        what = "It has no time-out." if step.timeout_seconds == 0 else "The time-out is out of bounds."
        yield _problem(step, what, "timeout", f"Milliseconds, up to {most * 1000:,}.")


def _action(book: Playbook, step: Step, kinds: Mapping[str, str]) -> Iterator[Problem]:
    if not step.commands:
        yield _problem(step, "It has no command.", "commands")
    for name, parties in (("agent", (step.agent,)), ("targets", step.targets)):
        for one in parties:
            if one not in book.parties:
                yield _problem(step, f"{printable(one, 80) or 'Nobody'} is not defined.", name)
    for at, command in enumerate(step.commands):
        yield from _command(book, step, f"commands/{at}", command, kinds)


def _command(book: Playbook, step: Step, place: str, command: Command, kinds: Mapping[str, str]) -> Iterator[Problem]:
    for name in named_in(f"{command.command}\n{command.content}"):
        if name not in kinds:
            yield _problem(step, f"{name} is not defined.", place)
        elif name in book.about.secrets and command.type != "http-api":
            yield _problem(step, f"{name} is a secret, and everybody would see it here.", place)
    if command.type in _RECEIVERS:
        for one in step.targets or (step.agent,):
            party = book.parties.get(one)
            if party is not None and party.type not in _RECEIVERS[command.type]:
                what = f"'{printable(party.name, 60)}' is of type {printable(party.type, 40)}."
                yield _problem(step, what, place, f"{command.type} needs one of type {_RECEIVERS[command.type][0]}.")
    if command.type == "http-api":
        yield from _request(step, place, command)
    elif command.type == ACT:
        yield from _act(step, place, command, kinds)
    elif command.type in COMMANDS and not command.command.strip():
        yield _problem(step, "It says not what to do.", f"{place}/command")


def _request(step: Step, place: str, command: Command) -> Iterator[Problem]:
    if POST.fullmatch(command.command) is None:
        yield _problem(step, "Only 'POST /path' is sent.", f"{place}/command", "Where it goes is said by respond.toml.")
    if command.content:
        try:
            json.loads(command.content)
        except (ValueError, RecursionError):
            yield _problem(step, "What is sent is not JSON.", f"{place}/content")


def _act(step: Step, place: str, command: Command, kinds: Mapping[str, str]) -> Iterator[Problem]:
    act = ACTS.get(command.command)
    if act is None:
        what = f"'{printable(command.command, 40)}' is no act of this program."
        yield _problem(step, what, f"{place}/command", f"Acts: {', '.join(ACTS)}.")
        return
    for name, kind in act.asks.items():
        if kinds.get(f"__{name}__") != kind:
            yield _problem(step, f"{command.command} needs a variable __{name}__ of type {kind}.", place)


def _condition(book: Playbook, step: Step, kinds: Mapping[str, str]) -> Iterator[Problem]:
    if not step.on_true:
        yield _problem(step, "It says not what to do when it holds.", "on_true")
    try:
        found = read_condition(step.condition)
        check_types(found, kinds)
    except BadCondition as bad:
        yield _problem(step, str(bad), "condition")
        return
    for one in variables_of(found):
        if one.variable in book.about.secrets:
            yield _problem(step, f"{one.variable} is a secret; which way is taken would tell it.", "condition")


def _switch(book: Playbook, step: Step, kinds: Mapping[str, str]) -> Iterator[Problem]:
    names = named_in(step.switch)
    if len(names) != 1 or step.switch != f"{names[0]}:value":
        yield _problem(step, "It is not __name__:value.", "switch")
    elif names[0] not in kinds:
        yield _problem(step, f"{names[0]} is not defined.", "switch")
    elif names[0] in book.about.secrets:
        yield _problem(step, f"{names[0]} is a secret; which way is taken would tell it.", "switch")
    if not step.cases:
        yield _problem(step, "It has no case.", "cases")


def _variable(place: str, one: Variable) -> Iterator[Problem]:
    if not NAME.fullmatch(one.name):
        yield Problem(place=place, what="A variable is called __name__.")
    if one.type not in TYPES:
        yield Problem(
            place=f"{place}/type", what=f"'{printable(one.type, 40)}' is no type.", remedy=f"Types: {', '.join(TYPES)}."
        )
    elif one.value is not None and not fits(one.type, one.value):
        yield Problem(place=f"{place}/value", what=f"The value is no {one.type}.")
    if one.constant and one.value is None:
        yield Problem(place=place, what="A constant has no value.")


def _problem(step: Step, what: str, below: str = "", remedy: str = "") -> Problem:
    return Problem(place="/".join(part for part in ("workflow", step.id, below) if part), what=what, remedy=remedy)
