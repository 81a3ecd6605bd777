"""Alerts: what looks like an attack, who looks after it, and by which playbook."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from cityward.core.principal import Role
from cityward.core.records import Record

Kind = Literal[
    "files", "drill missed", "drill overdue", "brute force", "spraying", "low and slow", "distributed guessing",
    "unusual export", "privilege", "silent source", "silent ledger", "watch stopped", "witnesses missing",
    "other history", "probing", "errors",
]  # fmt: skip


class Duty(Record, frozen=True, kw_only=True):
    """What a kind of alert means: its playbook in ``docs/playbooks``, the role that owns it, and how grave it is.

    ``grave`` is 1 (act at once), 2 (today) or 3 (this week).
    """

    playbook: str
    owner: Role
    grave: int


DUTIES: Final[dict[Kind, Duty]] = {
    "files": Duty(playbook="ransomware", owner="security officer", grave=1),
    "silent ledger": Duty(playbook="ransomware", owner="security officer", grave=1),
    "watch stopped": Duty(playbook="watch-stopped", owner="security officer", grave=1),
    "other history": Duty(playbook="witnesses", owner="security officer", grave=1),
    "witnesses missing": Duty(playbook="witnesses", owner="security officer", grave=2),
    "distributed guessing": Duty(playbook="sign-ins", owner="security officer", grave=2),
    "brute force": Duty(playbook="sign-ins", owner="security officer", grave=2),
    "spraying": Duty(playbook="sign-ins", owner="security officer", grave=2),
    "low and slow": Duty(playbook="sign-ins", owner="security officer", grave=2),
    "probing": Duty(playbook="probing", owner="security officer", grave=2),
    "errors": Duty(playbook="errors", owner="security officer", grave=3),
    "privilege": Duty(playbook="privileges", owner="security officer", grave=2),
    "unusual export": Duty(playbook="exports", owner="privacy officer", grave=2),
    "silent source": Duty(playbook="silent-source", owner="operator", grave=2),
    "drill missed": Duty(playbook="drills", owner="security officer", grave=2),
    "drill overdue": Duty(playbook="drills", owner="security officer", grave=3),
}

OPEN_PER_KIND: Final = 100
"""Most open alerts of a kind; what comes beyond counts on one that stands for the rest. Whoever makes noise would bury
what matters otherwise."""

REST: Final = "the rest"


class SecurityAlert(Record, frozen=True, kw_only=True):
    """Something that looks like an attack, or that nobody would notice one.

    Attributes
    ----------
    id : str
    kind : Kind
    key : str
        What it is about: a digest or the name of a source; never a name or an address of a person.
    sentence : str
        What was seen, in plain words.
    facts : dict
        Figures behind it.
    opened_at, last_at : datetime
        When it was seen first and last (UTC); ``times`` how often.
    state : {"open", "taken", "closed"}
        ``taken``: somebody works on it.
    by, because : str
        Who changed the state last, and why it was closed.
    """

    id: str
    kind: Kind
    key: str
    sentence: str
    facts: dict[str, float | str]
    opened_at: datetime
    last_at: datetime
    times: int = 1
    state: Literal["open", "taken", "closed"] = "open"
    by: str = ""
    because: str = ""
    receipt: int | None = None

    @property
    def duty(self) -> Duty:
        """Playbook and owner."""
        return DUTIES[self.kind]
