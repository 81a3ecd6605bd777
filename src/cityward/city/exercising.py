"""Exercises of a city: begun, told, decided on, ended; kept in the registers, proved by the ledger at both ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.city.contingency import written
from cityward.city.saying import name_of, words_of
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.limits import ID_CHARS
from cityward.core.records import to_json
from cityward.secure.exercise import record
from cityward.secure.exercise.draw import Drawn, draw, together
from cityward.secure.exercise.record import Exercise
from cityward.secure.exercise.report import tell
from cityward.secure.exercise.script import Script, read_script, shipped
from cityward.secure.risk.cast import City as Prepared
from cityward.secure.risk.cast import prepare_city
from cityward.secure.risk.inventory import SCENARIOS_FILE, read_inventory, read_scenarios, shown
from cityward.secure.risk.trace import trace

if TYPE_CHECKING:
    from cityward.city.city import City

KIND: Final = "exercise"
SPEED_MOST: Final = 10_000.0
OWNER_CHARS: Final = 120
FOLDER: Final = "exercises"
"""Folder of a city for scripts of its own."""

_Change = Callable[[Exercise], Exercise]


class Exercising:
    """Exercises of ``city``; reached as ``city.exercises``."""

    def __init__(self, city: City) -> None:
        self._city = city

    # -- scripts -----------------------------------------------------------------------------------

    def scripts(self) -> dict[str, Script]:
        """Scripts that ship, and those in the folder ``exercises`` of the city, which win; by identifier."""
        found = shipped()
        own = self._city.path / FOLDER
        for path in sorted(own.glob("*.toml")) if own.is_dir() else ():
            script = read_script(path)
            found[script.id] = script
        return found

    def script(self, name: str, inventory: Path) -> Script:
        """A script by its identifier, a file, or one around a scenario of the inventory with nothing written."""
        if name.endswith(".toml"):
            return read_script(Path(name))
        known = self.scripts()
        if name in known:
            return known[name]
        scenarios = [one.id for one in read_scenarios(inventory).scenarios] if _has_scenarios(inventory) else []
        if name in scenarios:
            return Script(id="scenario", name=name, scenario=name)
        raise UserError(
            f"There is no exercise or scenario '{shown(name)}'.",
            f"Exercises: {', '.join(known)}. Scenarios: {', '.join(map(shown, scenarios[:20])) or 'none'}.",
        )

    # -- what is done ------------------------------------------------------------------------------

    def start(
        self,
        name: str,
        *,
        by: str,
        inventory: Path | None = None,
        speed: float = 1.0,
        seed: int = 1,
        severity: float | None = None,
        crews: int = 3,
        attended: bool = False,
    ) -> Exercise:
        """Begin an exercise; its first injects are told.

        Parameters
        ----------
        name : str
            A script, a file of one, or a scenario of the inventory.
        by : str
            Who leads it: first and last name.
        inventory : pathlib.Path, optional
            Folder of the inventory; left out, that of the city.
        speed : float
            Minutes of the scenario in a minute on the wall.
        seed, severity, crews : int, float, int
            Which event is played, how bad it is (left out, as the script says), and who mends.
        attended : bool
            A program of its own tells it: when that dies, the clock stands still.

        Raises
        ------
        UserError
            Another one is not ended, or something of the above is not there or cannot be.
        """
        if not 0 < speed <= SPEED_MOST:
            raise UserError(f"A speed of {speed:g} cannot be played.", f"Take one up to {SPEED_MOST:,.0f}.")
        leader, folder = name_of(by), inventory or self._city.folder.inventory
        script = self.script(name, folder)
        how_bad = script.severity if severity is None else severity
        drawn, techniques = self._drawn(script, folder, how_bad, seed)
        now = self._city.clock.now()
        with self._city.writing():
            self._none_open()
            begun = Exercise(
                id=make_id(KIND, script.id, now.isoformat(), len(self.all())),
                script=script.id if script.id != "scenario" else script.scenario,
                name=script.name,
                scenario=script.scenario,
                seed=seed,
                severity=how_bad,
                speed=speed,
                crews=crews,
                attended=attended,
                began_at=now,
                anchor_at=now,
                anchor_minutes=0.0,
                state="running",
                shown=0,
                injects=together(script, drawn),
                decisions=(),
                techniques=techniques,
                assets=drawn.assets,
                broken=drawn.broken,
                down_minutes=drawn.down_minutes,
                notes=drawn.notes,
                by=leader,
            )
            held = record.ticked(begun, now)
            facts: dict[str, str | int] = {"exercise": held.script, "seed": seed, "step": "begun"}
            return self._city.keep(KIND, held, facts, content=_proved(held), state=held.state)

    def next(self, identifier: str = "") -> Exercise:
        """Tell the next inject; the clock jumps to its minute."""
        return self._change(identifier, lambda one: record.next_inject(one, self._city.clock.now()))

    def tick(self, identifier: str = "") -> Exercise:
        """Note the clock, and tell what has come."""
        return self._change(identifier, lambda one: record.ticked(one, self._city.clock.now()))

    def decide(
        self, inject: int, what: str, by: str, *, owner: str = "", order: Sequence[str] = (), identifier: str = ""
    ) -> Exercise:
        """Note what was decided, by whom, and which office carries it out."""
        words, who, office = words_of(what, "what was decided"), name_of(by), " ".join(owner.split())
        if len(office) > OWNER_CHARS or not office.isprintable() or any(len(one) > ID_CHARS for one in order):
            raise UserError("The office or the order is too long.", "Name an office, and assets by their identifier.")
        return self._change(
            identifier,
            lambda one: record.decided(
                one, self._city.clock.now(), inject=inject, what=words, by=who, owner=office, order=tuple(order)
            ),
        )

    def pause(self, identifier: str = "") -> Exercise:
        """Let the clock stand still."""
        return self._change(identifier, lambda one: record.paused(one, self._city.clock.now()))

    def resume(self, identifier: str = "") -> Exercise:
        """Let the clock go on, after a pause or after the program that told it died."""
        return self._change(identifier, lambda one: record.resumed(one, self._city.clock.now()))

    def end(self, identifier: str = "", playbooks: Collection[str] | None = None) -> Exercise:
        """End it, and say what was missing; ``playbooks`` are techniques that there is a playbook for."""
        with self._city.writing():
            one = self.get(identifier)
            if one.state == "ended":
                record.running(one)
            now = self._city.clock.now()
            held = record.ticked(one, now) if one.state == "running" and not one.attended else one
            ended = msgspec.structs.replace(held, state="ended", ended_at=now, told=tell(held, playbooks))
            told = ended.told
            facts: dict[str, str | int] = {
                "exercise": ended.script,
                "step": "ended",
                "gaps": len(told.gaps) if told else 0,
                "late": told.late if told else 0,
            }
            content = _proved(ended)
            return self._city.keep(
                KIND, ended, facts, content=content, update=("body", "state"), state="ended", told="exercise"
            )

    def _change(self, identifier: str, change: _Change) -> Exercise:
        with self._city.writing():
            held = change(self.get(identifier))
            self._city.registers.put(KIND, [held], update=("body", "state"), state=held.state)
        return held

    def _none_open(self) -> None:
        for one in self.all():
            if one.state != "ended":
                raise UserError(
                    f"The exercise {one.id} is not ended.", "'cityward exercise end' ends it, 'resume' goes on."
                )

    def _drawn(self, script: Script, folder: Path, severity: float, seed: int) -> tuple[Drawn, tuple[str, ...]]:
        """What the scenario of a script brings down, and all its techniques."""
        nothing = Drawn((), (), (), {}, ())
        if not script.scenario:
            return nothing, script.techniques
        if not _has_scenarios(folder):
            return _lacking(nothing, "There is no inventory with scenarios"), script.techniques
        city = _prepared(folder)
        places = {one.id: at for at, one in enumerate(city.scenarios)}
        if script.scenario not in places:
            what = f"The inventory has no scenario '{shown(script.scenario)}'"
            return _lacking(nothing, what), script.techniques
        at = places[script.scenario]
        drawn = draw(city, trace(city, at, severity=severity, seed=seed))
        return drawn, tuple(dict.fromkeys([*script.techniques, *city.scenarios[at].techniques]))

    # -- what there is -----------------------------------------------------------------------------

    def all(self) -> Sequence[Exercise]:
        """Newest first."""
        found: list[Exercise] = self._city.registers.list_of(KIND, Exercise)
        return found[::-1]

    def get(self, identifier: str = "") -> Exercise:
        """One exercise; without a name the newest.

        Raises
        ------
        UnknownId
            There is none.
        """
        if identifier:
            return self._city.kept(KIND, Exercise, identifier, KIND, "cityward exercise list")
        found = self.all()
        if not found:
            raise UnknownId("No exercise was begun yet.", "'cityward exercise start atlanta --by \"First Last\"'.")
        return found[0]

    def page(self, one: Exercise) -> bytes:
        """The report as a page that is printed; it names offices, and no person.

        Raises
        ------
        UserError
            It is not ended.
        """
        if one.told is None:
            raise UserError(f"{one.id} is not ended.", "'cityward exercise end' makes its report.")
        first = {each.inject: each for each in reversed(one.decisions)}
        asked = [(each, first.get(each.number)) for each in one.injects[: one.shown] if each.asks]
        names = {asset.id: shown(asset.name or asset.id) for asset in one.assets}
        return written("exercise_report.html", one=one, told=one.told, asked=asked, names=names, city=self._city.name)


def _has_scenarios(folder: Path) -> bool:
    return (folder / SCENARIOS_FILE).is_file()


def _prepared(folder: Path) -> Prepared:
    return prepare_city(read_inventory(folder), read_scenarios(folder))


def _lacking(nothing: Drawn, what: str) -> Drawn:
    note = f"{what}: only what is written in the script was played, and no order of restore was compared."
    return Drawn(nothing.injects, nothing.assets, nothing.broken, nothing.down_minutes, (note,))


def _proved(one: Exercise) -> bytes:
    """What the ledger proves: the script, the injects and the report, and no name of a person."""
    return to_json(
        {
            "script": one.script,
            "seed": one.seed,
            "injects": [msgspec.to_builtins(each) for each in one.injects],
            "report": msgspec.to_builtins(one.told),
        }
    )
