"""Decides: whether somebody may do an act, and by which rule; everything that no rule permits is denied.

Handles of the engine are parsed once and used again: to parse policies at each decision costs some twenty times as
much as to decide (``benchmarks/bench_access.py``).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, get_args

from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError, SettingsError, UserError
from cityward.core.principal import Principal, Role
from cityward.core.records import Record
from cityward.secure.policy.text import (
    Action,
    Statement,
    actions,
    cedar,
    own,
    schema_text,
    shipped,
    statements,
    unique,
)  # fmt: skip

LOOKED_SECONDS: Final = 1.0
"""How often a city's own files are looked at for changes."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
ENTITIES_KEPT: Final = 2_000
NEVER_SECONDS: Final = 10**9
"""The age of a sign-in that never was."""

_KINDS: Final = {"person": "Person", "service": "Service", "resident": "Resident"}
_SOURCE: Final = "source:"


class Resource(Record, frozen=True, kw_only=True):
    """What an act is about: ``kind`` of the schema, identifier, and the facts that policies look at."""

    kind: str
    id: str = ""
    facts: Mapping[str, Any] = {}


class Around(Record, frozen=True, kw_only=True):
    """The circumstances, as the schema names them."""

    loopback: bool = False
    four_eyes: bool = False
    two_at_machine: bool = False
    age_seconds: int = NEVER_SECONDS
    strong_seconds: int = 600


class Rule(Record, frozen=True, kw_only=True):
    """A rule that decided, in plain words, and where it stands."""

    id: str
    advice: str
    file: str
    line: int


class Verdict(Record, frozen=True, kw_only=True):
    """A decision. ``rules`` decided it; none means that nothing permits it. ``may`` are the roles that could."""

    allowed: bool
    action: str
    words: str
    rules: tuple[Rule, ...] = ()
    may: tuple[Role, ...] = ()

    @property
    def rule(self) -> str:
        """Identifier of the first rule that decided it; ``default-deny`` when none did."""
        return self.rules[0].id if self.rules else "default-deny"

    @property
    def told(self) -> str:
        """The decision in one or two sentences that do not say whether the thing exists."""
        because = " ".join(rule.advice for rule in self.rules)
        if self.allowed:
            return f"You may {self.words}. {because}".strip()
        who = f"Who may: {_listed(self.may)}." if self.may else "No role may."
        return f"You may not {self.words}. {because or 'No rule permits it.'} {who}"


class _Part:
    """The policies that can say anything about one action; the others are not even looked at."""

    def __init__(self, found: Sequence[Statement]) -> None:
        self._rules = [Rule(id=one.id, advice=one.advice, file=one.file, line=one.line) for one in found]
        self.handle = cedar().PolicySet.from_str("\n".join(one.text for one in found))
        self.may: dict[str, tuple[Role, ...]] = {}

    def rules(self, reasons: Sequence[str]) -> tuple[Rule, ...]:
        """The rules that the engine calls ``policy0``, ``policy1``: it counts them in order."""
        found = (self._rules[int(one.removeprefix("policy"))] for one in reasons)
        return tuple(sorted(found, key=lambda rule: rule.id))


class _Set:
    """One set of policies that holds, a part for each action."""

    def __init__(self, files: Sequence[tuple[str, str]], known: Mapping[str, Action]) -> None:
        schema = cedar().Schema.from_str(schema_text())
        self.statements = [one for file, text in files for one in statements(file, text, schema)]
        unique(self.statements)
        self.parts = {
            name: _Part([one for one in self.statements if _is_about(one, action)]) for name, action in known.items()
        }


def _is_about(one: Statement, action: Action) -> bool:
    return one.actions is None or not {action.id, *action.groups}.isdisjoint(one.actions)


class Policies:
    """The policies of the program and those of a city.

    Parameters
    ----------
    folder : pathlib.Path, optional
        ``policies/`` of the city; may be missing.

    Raises
    ------
    SettingsError
        A file is broken; file and line are named.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._engine = cedar()
        self.actions: dict[str, Action] = actions(schema_text())
        self._lock = threading.Lock()
        self._looked = 0.0
        self._stamp = self._stamped()
        self._set = _Set(self._files(), self.actions)
        self.problem = ""
        """Why the files as they are now are not in force, and an older set is; empty when they are."""

    # -- the files ---------------------------------------------------------------------------------

    def _files(self) -> list[tuple[str, str]]:
        return [*shipped(), *(own(self._folder) if self._folder else [])]

    def _stamped(self) -> tuple[tuple[str, int, int], ...]:
        if self._folder is None:
            return ()
        try:
            found = [(path.name, path.stat()) for path in sorted(self._folder.glob("*.cedar"))]
        except OSError:
            return ()
        return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)

    def _current(self) -> _Set:
        """The set in force; a change that is broken leaves the last good one, and says why."""
        if self._folder is None or monotonic() - self._looked < LOOKED_SECONDS:
            return self._set
        with self._lock:
            self._looked = monotonic()
            stamp = self._stamped()
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._set = _Set(self._files(), self.actions)
                    self.problem = ""
                except CitywardError as error:
                    self.problem = f"{getattr(error, 'what', error)} {getattr(error, 'remedy', '')}".strip()
        return self._set

    def rules(self) -> list[Statement]:
        """Every policy in force, those of the program first."""
        return list(self._current().statements)

    # -- deciding ----------------------------------------------------------------------------------

    def action(self, identifier: str) -> Action:
        """An action by identifier; raises `UserError`."""
        if identifier not in self.actions:
            raise UserError("There is no such action.", f"Actions: {', '.join(self.actions)}.")
        return self.actions[identifier]

    def decide(self, who: Principal, action: str, resource: Resource, around: Around) -> Verdict:
        """Decide one request.

        A policy that fails while it is evaluated denies, whatever the others say.
        """
        asked, part = self.action(action), self._part(action)
        found = self._ask(part, who, action, resource, around)
        rules = part.rules(found.diagnostics.reasons)
        allowed = bool(found.allowed) and not found.diagnostics.errors
        may = () if allowed else self._may(part, action, resource.kind)
        return Verdict(allowed=allowed, action=action, words=asked.words, rules=rules, may=may)

    def _part(self, action: str) -> _Part:
        return self._current().parts[action]

    def _ask(self, part: _Part, who: Principal, action: str, resource: Resource, around: Around) -> Any:
        entities = _entities(_of(who))
        if resource.facts:
            uid = {"type": resource.kind, "id": resource.id}
            entities = entities.with_added_json_str(json.dumps([{"uid": uid, "attrs": resource.facts, "parents": []}]))
        request = {
            "principal": {"type": _KINDS[who.kind], "id": who.id},
            "action": {"type": "Action", "id": action},
            "resource": {"type": resource.kind, "id": resource.id},
            "context": {name: getattr(around, name) for name in Around.__struct_fields__},
        }
        return self._engine.is_authorized(request, part.handle, entities)

    def _may(self, part: _Part, action: str, kind: str) -> tuple[Role, ...]:
        """Roles that may do it under the best of circumstances."""
        if kind not in part.may:
            part.may[kind] = tuple(role for role in ROLES if self._could(part, role, action, kind))
        return part.may[kind]

    def _could(self, part: _Part, role: Role, action: str, kind: str) -> bool:
        return any(
            self._ask(part, standing_for(role), action, Resource(kind=kind, id="any", facts=facts), BEST).allowed
            for facts in best_facts(kind, self.actions)
        )

    def who_may(self, action: str, kind: str) -> tuple[Role, ...]:
        """Roles that may do an act to a thing of ``kind`` under the best of circumstances."""
        return self._may(self._part(action), action, kind)

    def matrix(self) -> list[tuple[Action, tuple[Role, ...]]]:
        """Each action with the roles that may do it to a thing of some kind, under the best of circumstances."""
        return [
            (
                one,
                tuple(role for role in ROLES if any(role in self.who_may(one.id, kind) for kind in one.kinds)),
            )
            for one in self.actions.values()
        ]


TWO: Final = "two-persons"
"""The group of actions that take two persons."""

BEST: Final = Around(loopback=False, four_eyes=True, age_seconds=0)


def standing_for(role: Role) -> Principal:
    """Somebody who has one role and proved just now who they are."""
    if role == "resident":
        return Principal(id="anyone", name="", kind="resident", roles=("resident",))
    if role == "source":
        scopes = ("intake:write", f"{_SOURCE}any")
        return Principal(id="any", name="", kind="service", roles=("source",), assurance="token", scopes=scopes)
    return Principal(id="any", name="Any Body", kind="person", roles=(role,), assurance="passkey")


def best_facts(kind: str, known: Mapping[str, Action]) -> list[Mapping[str, Any]]:
    """Facts of things of a kind under which somebody may do something to them."""
    if kind == "Decision":
        return [{"state": "waiting", "overseers": []}]
    if kind == "Request":
        return [{"action": name} for name, action in known.items() if TWO in action.groups]
    return [{}]


def _of(who: Principal) -> tuple[str, str, str, str, tuple[str, ...], tuple[str, ...]]:
    return _KINDS[who.kind], who.id, who.name, who.assurance, who.roles, who.scopes


@lru_cache(maxsize=ENTITIES_KEPT)
def _entities(of: tuple[str, str, str, str, tuple[str, ...], tuple[str, ...]]) -> Any:
    """Somebody as the engine keeps them; another role or another name is another one."""
    kind, identifier, name, assurance, roles, scopes = of
    attributes: dict[str, Any] = {"name": name, "assurance": assurance}
    if kind == "Service":
        sources = [one.removeprefix(_SOURCE) for one in scopes if one.startswith(_SOURCE)]
        attributes["scopes"] = list(scopes)
        attributes["sources"] = [{"__entity": {"type": "Source", "id": one}} for one in sources]
    entity = {
        "uid": {"type": kind, "id": identifier},
        "attrs": attributes,
        "parents": [{"type": "Role", "id": role} for role in roles],
    }
    return cedar().Entities.from_json_str(json.dumps([entity, *_groups()]))


@lru_cache(maxsize=1)
def _groups() -> list[dict[str, Any]]:
    """The actions with the groups that they belong to, as the engine keeps them."""
    return [
        {
            "uid": {"type": "Action", "id": one.id},
            "attrs": {},
            "parents": [{"type": "Action", "id": name} for name in one.groups],
        }
        for one in actions(schema_text()).values()
        if one.groups
    ]


def _listed(roles: Sequence[Role]) -> str:
    named = ["anybody" if role == "resident" else f"{role}s" for role in roles]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def check_files(paths: Sequence[Path], folder: Path | None) -> list[SettingsError]:
    """What is wrong with files of policies, as they would stand beside those of the program and the city."""
    from cityward.secure.policy.text import read

    others = [*shipped(), *(own(folder) if folder else [])]
    problems = []
    for path in paths:
        try:
            files = [*(one for one in others if Path(one[0]).name != path.name), (path.name, read(path))]
            _Set(files, actions(schema_text()))
        except SettingsError as error:
            problems.append(error)
    return problems
