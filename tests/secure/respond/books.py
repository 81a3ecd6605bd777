"""Playbooks for tests, as small as they can be and valid."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from cityward.secure.respond.records import EXTENSION

NAMES = uuid.UUID("0c7a52a2-45c0-4d09-9e5c-0d2b8a1a9f10")
FIREWALL = f"http-api--{uuid.uuid5(NAMES, 'firewall')}"
SERVER = f"ssh--{uuid.uuid5(NAMES, 'server')}"
PEOPLE = f"group--{uuid.uuid5(NAMES, 'people')}"
ORGANISATION = f"identity--{uuid.uuid5(NAMES, 'city')}"


def named(kind: str, name: str) -> str:
    """The identifier of a step: ``action--…`` of its name."""
    return f"{kind}--{uuid.uuid5(NAMES, name)}"


END = named("end", "end")
START = named("start", "start")


def step(kind: str, name: str, then: str = END, marks: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A step by its identifier."""
    body: dict[str, Any] = {"type": kind, "name": name, **more}
    if then:
        body["on_completion"] = then
    if marks:
        body["step_extensions"] = {EXTENSION: dict(marks)}
    return {named(kind, name): body}


def action(
    name: str,
    *commands: Mapping[str, Any],
    then: str = END,
    to: str = "",
    marks: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An action; without commands one that a person does."""
    done = [dict(one) for one in commands] or [{"type": "manual", "command": f"Do {name}."}]
    if to:
        more["targets"] = [to]
    return step("action", name, then, marks, **{"timeout": 5_000, "agent": PEOPLE, "commands": done, **more})


def post(path: str = "/block", content: Any = None) -> dict[str, Any]:
    """A command that is sent."""
    more = {} if content is None else {"content": json.dumps(content)}
    return {"type": "http-api", "command": f"POST {path}", **more}


def ssh(command: str) -> dict[str, Any]:
    """A command on a machine."""
    return {"type": "ssh", "command": command}


def variable(kind: str, value: str | None = None, **more: Any) -> dict[str, Any]:
    """A variable."""
    return {"type": kind, **({} if value is None else {"value": value}), **more}


def document(
    first: str,
    steps: Sequence[Mapping[str, Any]],
    *,
    name: str = "test",
    variables: Mapping[str, Any] | None = None,
    about: Mapping[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A playbook of these steps, the first of which is ``first``."""
    address = {"address": {"url": ["https://firewall.example.org"]}}
    workflow: dict[str, Any] = {START: {"type": "start", "name": "Start", "on_completion": first}, END: {"type": "end"}}
    for one in steps:
        workflow |= one
    return {
        "type": "playbook",
        "spec_version": "cacao-2.0",
        "id": f"playbook--{uuid.uuid5(NAMES, name)}",
        "name": name,
        "created_by": ORGANISATION,
        "created": "2026-01-01T00:00:00Z",
        "modified": "2026-01-01T00:00:00Z",
        "workflow_start": START,
        "workflow": workflow,
        "playbook_variables": {"__about__": {"type": "string", "external": True}, **(variables or {})},
        "agent_definitions": {PEOPLE: {"type": "group", "name": "People"}},
        "target_definitions": {
            FIREWALL: {"type": "http-api", "name": "Firewall", **address},
            SERVER: {"type": "ssh", "name": "Server", **address},
        },
        "playbook_extensions": {EXTENSION: {"owner_roles": ["security officer"], **(about or {})}},
        "extension_definitions": {
            EXTENSION: {
                "type": "extension-definition", "name": "x", "created_by": ORGANISATION, "schema": "x", "version": "1",
            }
        },
        **more,
    }  # fmt: skip


def written(found: Mapping[str, Any]) -> bytes:
    """A document as bytes."""
    return json.dumps(found).encode()
