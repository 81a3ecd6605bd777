"""Effects: what a step would do, to what, with how many approvals; known before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, Literal

from cityward.core.records import Record, to_json
from cityward.secure.respond.acts import ACTS
from cityward.secure.respond.limits import TOLD_CHARS
from cityward.secure.respond.records import ACT, APPROVERS, Command, Playbook, Step
from cityward.secure.respond.values import named_in, shown

Kind = Literal["manual", "webhook", "ssh", "act"]

KINDS: Final[dict[str, Kind]] = {"manual": "manual", "http-api": "webhook", "ssh": "ssh", ACT: "act"}

LEAST: Final[dict[Kind, int]] = {"manual": 0, "webhook": 0, "ssh": 1, "act": 0}
"""Approvals that a kind of effect takes whatever the playbook says: nobody runs commands on a server alone."""


class Effect(Record, frozen=True, kw_only=True):
    """One thing that a step does.

    Attributes
    ----------
    words : str
        What would be done, secrets hidden.
    receiver : str
        Identifier of the target in the playbook; empty for acts and people.
    to : str
        What that is called.
    needs : int
        Persons who have to approve it.
    again : bool
        Whether it may be done again when nobody knows whether it was done.
    instead : bool
        A person does it: ``respond.toml`` names no such target, or a value that it needs is not known.
    missing : str
        Why it cannot be done here at all; empty when it can.
    """

    kind: Kind
    command: Command
    words: str
    receiver: str = ""
    to: str = ""
    needs: int = 0
    again: bool = True
    instead: bool = False
    missing: str = ""


class Known(Record, frozen=True, kw_only=True):
    """What ``respond.toml`` says of a target: its kind, the persons it takes, and the secrets that it may be sent.

    ``problem`` says why it may not be used.
    """

    kind: Kind
    needs: int = 0
    problem: str = ""
    secrets: tuple[str, ...] = ()


Look = Callable[[str, Command, Mapping[str, str]], Known | None]
"""What is known of a receiver for a command with these values; None when ``respond.toml`` does not name it."""


def effects_of(book: Playbook, step: Step, values: Mapping[str, str], look: Look) -> list[Effect]:
    """What an action does, in order: each command, and those that go somewhere once for each target."""
    found = []
    for command in step.commands:
        kind = KINDS[command.type]
        if kind in ("manual", "act"):
            found.append(_inside(book, step, command, values))
        else:
            found += [_outside(book, step, command, one, values, look) for one in step.targets or (step.agent,)]
    return found


def _needs(step: Step, kind: Kind, more: int = 0) -> int:
    marked = APPROVERS["two"] if step.marks.destructive else APPROVERS[step.marks.approval]
    return max(marked, LEAST[kind], more)


def _inside(book: Playbook, step: Step, command: Command, values: Mapping[str, str]) -> Effect:
    if command.type != ACT:
        words = shown(command.command, values, set(book.about.secrets))
        return Effect(
            kind="manual", command=command, words=words, to=book.party(step.agent), needs=_needs(step, "manual")
        )
    act = ACTS[command.command]
    if any(f"__{name}__" not in values for name in act.asks):
        words = f"By hand, because nobody said for which {' and '.join(act.asks)}: {act.words}."
        return Effect(
            kind="manual",
            command=command,
            words=words,
            to=book.party(step.agent),
            needs=_needs(step, "manual"),
            instead=True,
        )
    asked = ", ".join(f"{name} {shown(f'__{name}__:value', values, set(book.about.secrets))}" for name in act.asks)
    return Effect(
        kind="act",
        command=command,
        words=f"{act.words}{f' ({asked})' if asked else ''}",
        to="this city",
        needs=_needs(step, "act", APPROVERS["two"] if act.destructive else 0),
        again=act.again,
    )


def _outside(
    book: Playbook, step: Step, command: Command, receiver: str, values: Mapping[str, str], look: Look
) -> Effect:
    kind, known = KINDS[command.type], look(receiver, command, values)
    told = f"{command.command} {command.content}".strip()
    words = shown(told, values, set(book.about.secrets))[:TOLD_CHARS]
    name = book.party(receiver)
    unsaid = any(one not in values and one not in book.about.secrets for one in named_in(told))
    if (known is None or unsaid) and step.marks.fallback:
        text = shown(step.marks.fallback, values, set(book.about.secrets))
        return Effect(
            kind="manual", command=Command(type="manual", command=step.marks.fallback), words=text, receiver=receiver,
            to=name, needs=_needs(step, "manual"), instead=True,
        )  # fmt: skip
    missing = _missing(book, named_in(told), known) if known else f"respond.toml names no target {receiver} ({name})."
    needs = _needs(step, kind, known.needs if known else 0)
    return Effect(
        kind=kind, command=command, words=words, receiver=receiver, to=name, needs=needs, again=kind != "ssh",
        missing=missing,
    )  # fmt: skip


def _missing(book: Playbook, names: list[str], known: Known) -> str:
    untold = next((one for one in names if one in book.about.secrets and one not in known.secrets), "")
    return known.problem or (
        f"respond.toml does not say where {untold} is read from for this target." if untold else ""
    )


def needed(effects: list[Effect]) -> int:
    """Persons who have to approve a step: as many as the effect that takes the most."""
    return max((one.needs for one in effects), default=0)


def digest_of(book: Playbook, key: str, effects: list[Effect]) -> str:
    """SHA-256 of exactly what is approved: the playbook, the place in the run, and every effect as it is shown."""
    exact = [book.sha256, key, [(one.kind, one.words, one.receiver, one.needs) for one in effects]]
    return sha256(to_json(exact)).hexdigest()
