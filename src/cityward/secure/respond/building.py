"""A document becomes a playbook: what has the right shape is taken, what has not is told as a problem."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeVar, get_args

import msgspec

from cityward.core.identifiers import slug
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.problem import Problem
from cityward.secure.respond.records import (
    EXTENSION,
    About,
    Command,
    Marks,
    Party,
    Playbook,
    Step,
    StepType,
    Variable,
)

T = TypeVar("T", bound=msgspec.Struct)
STEP_TYPES: Final[tuple[str, ...]] = get_args(StepType)
_MILLISECONDS: Final = 1_000


def build(document: Mapping[str, Any], data: bytes, key: str = "") -> tuple[Playbook, list[Problem]]:
    """The playbook in a document, and what of our own extension could not be read.

    Parameters
    ----------
    data : bytes
        The document as it was read; its SHA-256 is kept.
    key : str
        Its name for people; left out, made of its title.
    """
    problems: list[Problem] = []
    steps = {
        name: _step(name, body, problems)
        for name, body in _dict(document, "workflow").items()
        if isinstance(body, dict) and body.get("type") in STEP_TYPES
    }
    parties = {
        name: Party(id=name, type=_text(body, "type"), name=printable(_text(body, "name"), 120) or name)
        for group in ("agent_definitions", "target_definitions")
        for name, body in _dict(document, group).items()
        if isinstance(body, dict)
    }
    about = _extended(_dict(document, "playbook_extensions"), About(), "playbook_extensions", problems)
    return Playbook(
        key=key or slug(_text(document, "name"))[:60],
        id=_text(document, "id"),
        name=printable(_text(document, "name"), 200),
        description=_text(document, "description"),
        modified=_text(document, "modified"),
        sha256=sha256(data).hexdigest(),
        start=_text(document, "workflow_start"),
        exception=_text(document, "workflow_exception"),
        steps=steps,
        variables={one.name: one for one in _variables(document, "playbook_variables")},
        parties=parties,
        about=about,
        revoked=document.get("revoked") is True,
        valid_from=_text(document, "valid_from"),
        valid_until=_text(document, "valid_until"),
    ), problems


def _step(name: str, body: Mapping[str, Any], problems: list[Problem]) -> Step:
    place = f"workflow/{printable(name, 80)}/step_extensions"
    return Step(
        id=name,
        type=body["type"],
        name=printable(_text(body, "name"), 120),
        description=_text(body, "description"),
        timeout_seconds=_number(body, "timeout") / _MILLISECONDS,
        delay_seconds=_number(body, "delay") / _MILLISECONDS,
        commands=tuple(
            Command(type=_text(one, "type"), command=_text(one, "command"), content=_text(one, "content"))
            for one in _list(body, "commands")
            if isinstance(one, dict)
        ),
        agent=_text(body, "agent"),
        variables=tuple(_variables(body, "step_variables")),
        condition=_text(body, "condition"),
        switch=_text(body, "switch"),
        cases={case: to for case, to in _dict(body, "cases").items() if isinstance(to, str)},
        playbook=_text(body, "playbook_id"),
        playbook_version=_text(body, "playbook_version"),
        marks=_extended(_dict(body, "step_extensions"), Marks(), place, problems),
        on_completion=_text(body, "on_completion"),
        on_success=_text(body, "on_success"),
        on_failure=_text(body, "on_failure"),
        on_true=_text(body, "on_true"),
        on_false=_text(body, "on_false"),
        targets=_texts(body, "targets"),
        in_args=_texts(body, "in_args"),
        out_args=_texts(body, "out_args"),
        next_steps=_texts(body, "next_steps"),
    )


def _extended(held: Mapping[str, Any], default: T, place: str, problems: list[Problem]) -> T:
    """What stands in our extension; other extensions are not ours to judge."""
    if EXTENSION not in held:
        return default
    try:
        return msgspec.convert(held[EXTENSION], type(default))
    except msgspec.ValidationError as error:
        problems.append(Problem(place=f"{place}/{EXTENSION}", what=f"It cannot be read: {printable(str(error), 200)}."))
        return default


def _variables(body: Mapping[str, Any], group: str) -> list[Variable]:
    return [
        Variable(
            name=name,
            type=_text(one, "type"),
            value=one.get("value") if isinstance(one.get("value"), str) else None,
            constant=one.get("constant") is True,
            external=one.get("external") is True,
            description=_text(one, "description"),
        )
        for name, one in _dict(body, group).items()
        if isinstance(one, dict)
    ]


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _number(body: Mapping[str, Any], name: str) -> float:
    found = body.get(name)
    return float(found) if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**15 else 0.0


def _dict(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name)
    return found if isinstance(found, list) else []


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(one for one in _list(body, name) if isinstance(one, str))
