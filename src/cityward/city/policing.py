"""What each may do, wired to a city: its policies, its requests for a second person, and facts of its things."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cityward.core.decided import CaseDecision
from cityward.core.errors import CitywardError
from cityward.core.person_names import same_person
from cityward.core.principal import Principal
from cityward.secure.policy import Around, Asker, FourEyes, Policies
from cityward.secure.policy.policies import NEVER_SECONDS

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.opened import Opened


def policies_of(city: Opened) -> Policies:
    """The policies in force; raises `SettingsError` when a file is broken or the library is missing."""
    return Policies(city.folder.policies)


def four_eyes_of(city: Opened) -> FourEyes:
    """Requests for a second person."""

    def is_let_in(person: str) -> bool:
        try:
            return city.access.people.get(person).state == "active"
        except CitywardError:
            return False

    return FourEyes(city.folder.registers_url(city.settings.store.registers), city.clock, is_let_in)


def facts_of(city: City, kind: str, identifier: str) -> dict[str, Any]:
    """Facts of a thing that policies look at; empty of a kind that has none, and of what is not there."""
    try:
        if kind == "Decision" and identifier:
            decision = city.deciding.get(identifier)
            return {"state": decision.state, "overseers": _overseers(city, decision)}
        if kind == "Request" and identifier:
            return {"action": city.four_eyes.get(identifier).action}
    except CitywardError:
        return {}
    return {}


def _overseers(city: City, decision: CaseDecision) -> list[str]:
    """Those whom the register names as overseers of a decision's system and who can sign in, as they are known here."""
    named = city.appeals.overseers(decision)
    return [one.name for one in city.access.people.all() if any(same_person(one.name, name) for name in named)]


def asker_of(city: City, who: Principal, *, loopback: bool) -> Asker:
    """Somebody with what decides on them, as things are now.

    Parameters
    ----------
    loopback : bool
        Whether it is asked on this machine itself, with nobody between.
    """
    settings = city.settings.access
    age = NEVER_SECONDS if who.at is None else max(0, int((city.clock.now() - who.at).total_seconds()))
    around = Around(
        loopback=loopback,
        two_at_machine=bool(settings.four_eyes_at_machine),
        age_seconds=age,
        strong_seconds=60 * settings.strong_minutes,
    )
    return Asker(who, around, city.policies, city.four_eyes, partial(facts_of, city))
