"""Before the attack of a drill: guessing at the sign-in of the served copy, until there is a way in (ATT&CK T1110).

SamSam came in by guessed passwords. Here tries are sent to the copy's own sign-in over HTTP, on the loopback address
and counted: first at one account, until it is told to wait, then at many. What the guesser has at the end is the one
account that the drill made for it; whether the copy slowed the guessing down and called it an attack is measured.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from cityward.core.clock import Clock, monotonic, pause
from cityward.secure.access.codes import code_at, step_of
from cityward.secure.access.people import OFFICER
from cityward.secure.access.records import Visit

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.drill_served import Served
    from cityward.core.principal import Role

NAME: Final = "Drill Clerk"
ROLE: Final[Role] = "operator"
TRIES_AT_ONE: Final = 8
"""Three more than cost nothing: the throttle has to be seen."""

ACCOUNTS: Final = 14
"""Names that are tried after that, two above what is called spraying."""

GUESS_SECONDS: Final = 30.0
"""Wanted: from the last wrong try to the alert. Sign-ins are looked at every ten seconds."""

_WAIT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 30.0
_HERE: Final = Visit(address="127.0.0.1", agent="drill")


@dataclass(frozen=True, slots=True)
class WayIn:
    """The account that the drill made in its copy: a name, a password, and codes on paper."""

    name: str
    password: str
    codes: tuple[str, ...]


@dataclass(slots=True)
class Guessed:
    """What came of guessing: moments of the monotonic clock, None for what did not happen."""

    ended_at: float = 0.0
    tries: int = 0
    slowed_at: float | None = None
    slowed_seconds: int = 0
    alert_at: float | None = None
    alert: str = ""
    in_at: float | None = None
    steps: list[tuple[float, str]] = field(default_factory=list)

    @property
    def alert_seconds(self) -> float:
        """From the last wrong try to the alert, 0 when it came before; without any, as long as was waited."""
        return max(0.0, self.alert_at - self.ended_at) if self.alert_at is not None else _WAIT_SECONDS


def let_in(root: Path, clock: Clock) -> WayIn:
    """Make the account in a copy that nobody serves yet."""
    from cityward.city.city import open_city

    password = secrets.token_urlsafe(18)
    with open_city(root, clock) as city:
        access = city.access
        role = ROLE if access.anybody() else OFFICER
        person, code = access.people.invite(NAME, (role,), "machine")
        new = access.signing.new_app(person)
        app_code = code_at(base64.b32decode(new.text.replace(" ", "")), step_of(clock.now()))
        _, paper = access.signing.accept_password(code, password, new.sealed, app_code, _HERE)
    return WayIn(NAME, password, tuple(paper))


def guess(held: Served, root: Path, way: WayIn, clock: Clock) -> Guessed:
    """Guess at the sign-in of a served copy, wait for its alert, and go in with the account that the drill made."""
    from cityward.city.city import open_city

    told = Guessed()
    with httpx.Client(timeout=_ANSWER_SECONDS, trust_env=False) as client:
        for number in range(TRIES_AT_ONE):
            _try(client, held, told, "Drill Victim", f"Winter20{number:02}")
        for number in range(ACCOUNTS):
            _try(client, held, told, f"Drill Account{chr(97 + number)}", "Winter2016!")
        told.ended_at = monotonic()
        told.steps.append((told.ended_at, f"{told.tries} passwords were guessed; none was right"))
        with open_city(root, clock) as copy:
            _await_alert(copy, told)
        _go_in(client, held, told, way)
    return told


def _sent(client: httpx.Client, held: Served, name: str, password: str, code: str) -> httpx.Response | None:
    try:
        return client.post(f"{held.url}/sign-in", data={"name": name, "password": password, "code": code})
    except httpx.HTTPError:
        return None


def _try(client: httpx.Client, held: Served, told: Guessed, name: str, password: str) -> None:
    answer = _sent(client, held, name, password, "000000")
    told.tries += 1
    slowed = answer is not None and answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    if slowed and told.slowed_at is None and answer is not None:
        told.slowed_at, told.slowed_seconds = monotonic(), int(answer.headers.get("retry-after", "0"))
        told.steps.append(
            (told.slowed_at, f"Guessing is slowed down: try {told.tries} is told to wait {told.slowed_seconds} s")
        )


def _await_alert(copy: City, told: Guessed) -> None:
    """Until the served copy itself raises an alert on guessing."""
    kinds = ("brute force", "spraying", "low and slow", "distributed guessing")
    while told.alert_at is None and monotonic() - told.ended_at < _WAIT_SECONDS:
        found = next((one for one in copy.alerts.open() if one.kind in kinds), None)
        if found is not None:
            told.alert_at, told.alert = monotonic(), found.kind
            told.steps.append((told.alert_at, f"Alert of the copy: {found.kind}, after {told.tries} tries"))
        else:
            pause(_LOOK_SECONDS)


def _go_in(client: httpx.Client, held: Served, told: Guessed, way: WayIn) -> None:
    """Sign in rightly, and look at a page with what that gives: one that needs no sign-in would prove nothing."""
    for code in way.codes[:2]:
        answer = _sent(client, held, way.name, way.password, code)
        if answer is None or answer.status_code != httpx.codes.SEE_OTHER:
            pause(float(answer.headers.get("retry-after", "1")) if answer is not None else 1.0)
            continue
        cookie = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
        page = client.get(f"{held.url}/account", headers={"cookie": cookie})
        if page.status_code == httpx.codes.OK and way.name in page.text:
            told.in_at = monotonic()
            told.steps.append((told.in_at, "The guesser is in: the account that the drill made signs in"))
        return


def summed(told: Guessed, notes: Callable[[str], None]) -> None:
    """Say in words what was not seen."""
    if told.slowed_at is None:
        notes(f"None of {told.tries} wrong tries was told to wait.")
    if told.alert_at is None:
        notes("The copy raised no alert on guessing.")
    if told.in_at is None:
        notes("The account that the drill made could not sign in; the attack began without it.")
