"""Playbooks as this program reads them, and runs as it keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from cityward.core.principal import Role
from cityward.core.records import Record

EXTENSION: Final = "extension-definition--c17a3d0e-5f0b-4c35-8a52-7c1be1d9a201"
"""What a playbook says beyond CACAO, in its own place for that: who owns a step, who approves it, what undoes it."""

StepType = Literal[
    "start", "end", "action", "playbook-action", "parallel", "if-condition", "while-condition", "switch-condition",
]  # fmt: skip
ACT: Final = "x-cityward"
"""Type of a command that this program does itself."""

COMMANDS: Final = ("manual", "http-api", "ssh", ACT)
"""Types of commands that are done here; every other is refused by name."""

Approval = Literal["none", "one", "two"]
APPROVERS: Final[dict[Approval, int]] = {"none": 0, "one": 1, "two": 2}


class Marks(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step says in the extension.

    ``bound`` is the most turns of a while-condition, ``fallback`` what a person does when no target is named for it,
    ``evidence`` what a person writes down who did it.
    """

    role: Role | None = None
    approval: Approval = "none"
    destructive: bool = False
    undo: str = ""
    retries: int = 0
    bound: int = 0
    fallback: str = ""
    evidence: str = ""


class About(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a playbook says of itself in the extension: techniques of ATT&CK that it answers, owners, when to run it.

    ``quiet``: entries of its runs do not say which playbook it is, because people who read the ledger may be concerned.
    """

    techniques: tuple[str, ...] = ()
    owner_roles: tuple[Role, ...] = ()
    when: str = ""
    fallback: str = ""
    secrets: tuple[str, ...] = ()
    quiet: bool = False


class Variable(Record, frozen=True, kw_only=True):
    """A variable; ``external`` ones are given by who starts the run."""

    name: str
    type: str
    value: str | None = None
    constant: bool = False
    external: bool = False
    description: str = ""


class Command(Record, frozen=True, kw_only=True):
    """One command: its type, its text, and for ``http-api`` what is sent."""

    type: str
    command: str = ""
    content: str = ""


class Step(Record, frozen=True, kw_only=True):
    """One step; times in seconds, 0 where the playbook says nothing."""

    id: str
    type: StepType
    name: str = ""
    description: str = ""
    on_completion: str = ""
    on_success: str = ""
    on_failure: str = ""
    timeout_seconds: float = 0.0
    delay_seconds: float = 0.0
    commands: tuple[Command, ...] = ()
    agent: str = ""
    targets: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    in_args: tuple[str, ...] = ()
    out_args: tuple[str, ...] = ()
    condition: str = ""
    switch: str = ""
    on_true: str = ""
    on_false: str = ""
    cases: Mapping[str, str] = {}
    next_steps: tuple[str, ...] = ()
    playbook: str = ""
    playbook_version: str = ""
    marks: Marks = Marks()

    @property
    def title(self) -> str:
        """Its name, or what it is."""
        return self.name or self.type


class Party(Record, frozen=True, kw_only=True):
    """An agent or a target as the playbook calls it; where it is reached is said by ``respond.toml`` alone."""

    id: str
    type: str
    name: str


class Playbook(Record, frozen=True, kw_only=True):
    """A playbook that was checked. ``key`` is its name for people; ``sha256`` of its bytes as they were read."""

    key: str
    id: str
    name: str
    description: str
    modified: str
    sha256: str
    start: str
    exception: str
    steps: dict[str, Step]
    variables: dict[str, Variable]
    parties: dict[str, Party]
    about: About
    revoked: bool = False
    valid_from: str = ""
    valid_until: str = ""

    def party(self, identifier: str) -> str:
        """What an agent or target is called."""
        found = self.parties.get(identifier)
        return found.name if found else identifier


# -- runs ------------------------------------------------------------------------------------------

State = Literal["waits", "begun", "done", "failed", "unclear", "skipped"]
Wait = Literal["", "approval", "person", "time"]
RunState = Literal["running", "waiting", "undoing", "done", "failed", "stopped"]


class Approved(Record, frozen=True, kw_only=True):
    """A person's yes to exactly what ``digest`` is of."""

    by: str
    at: datetime
    digest: str


class Execution(Record, frozen=True, kw_only=True):
    """One step of a run as it stands.

    Attributes
    ----------
    key : str
        Where in the run it is: the step, below the turn of a loop or the step that called its playbook. Free of
        attempts, so that the same step tried again is the same.
    number : int
        From 1, in the order in which steps came up.
    at : int
        How many of its effects are done; with ``begun`` the one of that index has begun.
    result : str
        Which way a condition took.
    undoes : str
        Key of the step that this one undoes.
    maybe : bool
        It failed, and may have happened all the same: it is undone like one that was done.
    book : str
        Identifier of the playbook that it is a step of.
    """

    key: str
    number: int
    step: str
    name: str
    type: str
    state: State
    waits_for: Wait = ""
    needs: int = 0
    role: str = ""
    at: int = 0
    attempts: int = 0
    approved: tuple[Approved, ...] = ()
    by: str = ""
    told: str = ""
    result: str = ""
    outputs: Mapping[str, str] = {}
    undoes: str = ""
    maybe: bool = False
    book: str = ""
    came_at: datetime | None = None
    until: datetime | None = None
    ended_at: datetime | None = None
    ended: int = 0
    receipt: int | None = None


class Run(Record, frozen=True, kw_only=True):
    """A playbook that runs for real; ``about`` is the incident or asset it is for, ``books`` the digest of each."""

    id: str
    playbook: str
    title: str
    sha256: str
    books: dict[str, str]
    about: str
    by: str
    started_at: datetime
    state: RunState
    values: Mapping[str, str] = {}
    steps: tuple[Execution, ...] = ()
    quiet: bool = False
    stopping: bool = False
    because: str = ""
    ended_at: datetime | None = None
    receipt: int | None = None

    @property
    def waiting(self) -> tuple[Execution, ...]:
        """Steps that wait for a person."""
        return tuple(one for one in self.steps if _open(one))

    @property
    def over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in ("done", "failed", "stopped")


def _open(one: Execution) -> bool:
    return one.state == "unclear" or (one.state == "waits" and one.waits_for in ("approval", "person"))


class Document(Record, frozen=True, kw_only=True):
    """The bytes of a playbook as a run uses them, kept with it so that an edit changes no run that has begun."""

    id: str
    key: str
    sha256: str
    text: str
