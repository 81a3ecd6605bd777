"""What this program does itself as a step of a playbook; `cityward.secure.respond.acts` has what each asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from cityward.core.disk import make_folder
from cityward.core.errors import CitywardError
from cityward.secure.policy.asking import MACHINE
from cityward.secure.respond.engine import NotDone, Result
from cityward.secure.respond.records import Run

if TYPE_CHECKING:
    from cityward.city.city import City

SHEETS: Final = 20
"""Sheets of each service that a playbook prints."""

_Do = Callable[["City", Run, Mapping[str, str]], Result]


def do_act(city: City, run: Run, name: str, values: Mapping[str, str]) -> Result:
    """Do an act; raises `NotDone` in the words of what refused it."""
    try:
        # Approvals of the step were asked for before: whoever refuses for want of a second person is answered by them.
        with city.four_eyes.agreed():
            return _ACTS[name](city, run, values)
    except CitywardError as error:
        raise NotDone(f"{getattr(error, 'what', error)}") from None


def _back_up(city: City, _run: Run, _values: Mapping[str, str]) -> Result:
    made = city.backups.make()
    return Result(told=f"Snapshot {made.snapshot} holds {made.files:,} files.", outputs={"__snapshot__": made.snapshot})


def _verify(city: City, _run: Run, _values: Mapping[str, str]) -> Result:
    proof = city.verify()
    return Result(told=proof.message, outputs={"__ledger_sound__": _word(proof.ok)})


def _files(city: City, _run: Run, _values: Mapping[str, str]) -> Result:
    from cityward.city.fsck import faults

    found = faults(city)
    told = f"Not sound, {len(found)} in all: {found[0].what}" if found else "Every file is sound."
    return Result(told=told, outputs={"__files_sound__": _word(not found)})


def _alerts(city: City, _run: Run, _values: Mapping[str, str]) -> Result:
    count = len(city.alerts.check())
    return Result(told="One alert stands open." if count == 1 else f"{count} alerts stand open.")


def _take(city: City, run: Run, values: Mapping[str, str]) -> Result:
    one = city.alerts.take(values["__alert__"], run.by)
    return Result(told=f"{one.id} is taken.")


def _close(city: City, run: Run, values: Mapping[str, str]) -> Result:
    one = city.alerts.get(values["__alert__"])
    if one.state != "closed":
        one = city.alerts.close(one.id, run.by, f"Answered by playbook run {run.id}.")
    return Result(told=f"{one.id} is closed.")


def _sheets(city: City, run: Run, _values: Mapping[str, str]) -> Result:
    folder = city.path / "sheets" / run.id
    there = sorted(folder.glob("*.html")) if folder.is_dir() else []
    if not there:
        make_folder(folder.parent)
        there = city.continuity.sheets(folder, SHEETS)
    place = folder.relative_to(city.path).as_posix()
    return Result(told=f"{len(there)} files of sheets lie in {place}: print them now.", outputs={"__sheets__": place})


def _breach(city: City, run: Run, _values: Mapping[str, str]) -> Result:
    mark = f"(playbook run {run.id})"
    held = next((one for one in city.breaches.all() if mark in one.what), None)
    one = held or city.breaches.open(f"Data of people may have left; what is known is filled in. {mark}", run.by)
    told = f"{one.id}: the authority is to be told by {one.due_at:%Y-%m-%d %H:%M} UTC."
    return Result(told=told, outputs={"__breach__": one.id})


def _sign_out(city: City, _run: Run, values: Mapping[str, str]) -> Result:
    person = city.access.people.get(values["__person__"])
    ended = city.access.sessions.revoke_all(person.id)
    city.settle_access()
    return Result(told=f"Sessions that were ended: {ended}.")


def _shut_out(city: City, _run: Run, values: Mapping[str, str]) -> Result:
    person = city.access.people.get(values["__person__"])
    if person.state != "revoked":
        city.access.people.revoke(person.id, MACHINE)
        city.settle_access()
    return Result(told="The person is let in no more.")


def _token(city: City, _run: Run, values: Mapping[str, str]) -> Result:
    token = city.access.tokens.get(values["__token__"])
    if token.revoked_at is None:
        city.access.tokens.revoke(token.id, MACHINE)
        city.settle_access()
    return Result(told="The token opens nothing any more.")


def _word(yes: bool) -> str:
    return "true" if yes else "false"


_ACTS: Final[dict[str, _Do]] = {
    "back-up": _back_up,
    "verify-ledger": _verify,
    "check-files": _files,
    "check-alerts": _alerts,
    "take-alert": _take,
    "close-alert": _close,
    "print-sheets": _sheets,
    "open-breach": _breach,
    "sign-out": _sign_out,
    "shut-out": _shut_out,
    "revoke-token": _token,
}
