"""The engine: goes through a playbook as far as it can, and remembers every step before and after it is done.

A run is gone through from its start each time. What was done is passed over, with what it said; what waits ends its
branch; what is new is done. So a run that was broken off goes on where it stood, and no clock or thread holds it.

Source: CACAO Security Playbooks 2.0, workflow steps; Garcia-Molina and Salem 1987, Sagas (undoing in reverse order).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, Literal, Protocol

import msgspec

from cityward.core.errors import UserError
from cityward.core.person_names import same_person
from cityward.core.records import Record
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.conditions import holds, read_condition
from cityward.secure.respond.effects import Effect, Look, digest_of, effects_of, needed
from cityward.secure.respond.graph import branches_of, reached
from cityward.secure.respond.limits import (
    APPROVAL_HOURS,
    EXECUTIONS,
    LOOPS,
    RETRY_SECONDS,
    TOLD_CHARS,
)  # fmt: skip
from cityward.secure.respond.records import Approved, Execution, Playbook, Run, Step
from cityward.secure.respond.values import fits, named_in

Outcome = Literal["ended", "waiting", "failed"]
_EXCEPTION: Final = "exception/"
_UNDO: Final = "undo/"


class NotDone(Exception):
    """An effect that certainly did not happen; ``again`` when it is worth another try."""

    def __init__(self, words: str, *, again: bool = False) -> None:
        self.words, self.again = words, again
        super().__init__(words)


class Unclear(Exception):
    """An effect that may have happened."""

    def __init__(self, words: str, *, again: bool = False) -> None:
        self.words, self.again = words, again
        super().__init__(words)


class Failed(Unclear):
    """An effect whose receiver answered that it failed: part of it may have happened, and nobody need be asked."""


class Result(Record, frozen=True, kw_only=True):
    """What came of an effect: words, and values that it set, by the name of the variable."""

    told: str
    outputs: Mapping[str, str] = {}


class Host(Protocol):
    """Where a run lives: its time, its memory, and what it can do."""

    def now(self) -> datetime:
        """The time."""
        ...

    def keep(self, run: Run, step: Execution | None, told: str) -> Run:
        """Keep a run durably before this returns; with ``told`` enter what happened in the ledger, and note that."""
        ...

    def do(self, effect: Effect, step: Step, key: str, values: Mapping[str, str]) -> Result:
        """Do an effect within the time-out of its step; ``key`` is the same at every try.

        Raises
        ------
        NotDone, Unclear
            It did not happen, or nobody knows.
        """
        ...

    def pause(self, seconds: float) -> None:
        """Wait before another try."""
        ...


class Engine:
    """One run of a playbook.

    Parameters
    ----------
    books : mapping of str to Playbook
        The playbook and those that it calls, by identifier, as they were when the run began.
    run : Run
    host : Host
    look : callable
        What is known of targets.
    """

    def __init__(self, books: Mapping[str, Playbook], run: Run, host: Host, look: Look) -> None:
        self.books, self.run, self._host, self._look = books, run, host, look
        self._steps = {one.key: one for one in run.steps}
        self._values: dict[str, dict[str, str]] = {}
        self._only_looks = False

    @property
    def book(self) -> Playbook:
        """The playbook that was begun."""
        return self.books[self.run.playbook]

    # -- the whole run -----------------------------------------------------------------------------

    def go(self) -> Run:
        """Do everything that can be done now; return the run as it then stands."""
        if self.run.over:
            return self.run
        if self.run.state == "undoing":
            self._only_looks = True
        values = {**defaults(self.book), **self.run.values}
        outcome = self._sequence(self.book, self.book.start, "", values)
        if self._only_looks:
            self._only_looks = False
            return self._undo()
        if outcome == "failed":
            handler = self.book.exception
            if handler and self._sequence(self.book, handler, _EXCEPTION, values) == "waiting":
                return self._change("waiting")
            self._skip("Something else failed.")
            self._change("undoing")
            return self._undo()
        if outcome == "ended":
            self._skip("It was not needed.")
        return self._change("done" if outcome == "ended" else "waiting")

    def stop(self, because: str) -> Run:
        """End a run before its time: what waits is not done, and what was done is undone."""
        self._skip("The run was stopped.")
        self.run = msgspec.structs.replace(self.run, stopping=True, because=because)
        self._change("undoing")
        return self.go()

    def values_at(self, key: str) -> dict[str, str]:
        """The values of variables at a step of the run; nothing is done for it."""
        self._only_looks = True
        values = {**defaults(self.book), **self.run.values}
        self._sequence(self.book, self.book.start, "", values)
        if self.book.exception and key.startswith(_EXCEPTION):
            self._sequence(self.book, self.book.exception, _EXCEPTION, values)
        self._only_looks = False
        held = next((one for one in self._steps.values() if one.key == key), None)
        undone = self._values.get(held.undoes) if held is not None and held.undoes else None
        if undone is not None and held is not None:
            book = self.books[held.book]
            return {**undone, **_of_step(book.steps[held.step])}
        return self._values.get(key, values)

    def _change(self, state: Literal["running", "waiting", "undoing", "done", "failed", "stopped"]) -> Run:
        ended = self._host.now() if state in ("done", "failed", "stopped") else None
        if state != self.run.state or ended:
            self.run = msgspec.structs.replace(self.run, state=state, ended_at=ended)
            self.run = self._host.keep(self.run, None, state if ended or state == "undoing" else "")
        return self.run

    def _skip(self, why: str) -> None:
        for one in list(self._steps.values()):
            if one.state == "waits":
                self._put(one, "skipped", state="skipped", waits_for="", told=why)
            elif one.state in ("unclear", "begun"):
                self._put(one, "failed", state="failed", waits_for="", maybe=True, ended=self._next())

    def _undo(self) -> Run:
        """Undo what was done and says how, the last first; one that waits for a person holds up those before it."""
        done = [one for one in self._steps.values() if not one.undoes and (one.state == "done" or one.maybe)]
        for one in sorted(done, key=lambda each: -each.ended):
            book = self.books[one.book]
            undo = book.steps.get(book.steps[one.step].marks.undo)
            if undo is None:
                continue
            values = self._values.get(one.key, {**defaults(book), **self.run.values})
            if self._action(book, undo, f"{_UNDO}{one.key}/", values, undoes=one.key) == "waiting":
                return self.run
        return self._change("stopped" if self.run.stopping else "failed")

    # -- ways --------------------------------------------------------------------------------------

    def _sequence(self, book: Playbook, at: str, prefix: str, values: dict[str, str]) -> Outcome:
        """From a step to the end of its way."""
        while True:
            step = book.steps[at]
            if step.type == "end":
                return "ended"
            try:
                outcome = self._one(book, step, prefix, values)
            except UserError as error:
                self.run, outcome = msgspec.structs.replace(self.run, because=error.what), "failed"
            if outcome == "waiting":
                return outcome
            at = step.on_completion or step.on_success
            if outcome == "failed":
                if not step.on_failure:
                    return outcome
                at = step.on_failure

    def _one(self, book: Playbook, step: Step, prefix: str, values: dict[str, str]) -> Outcome:
        if step.delay_seconds and not self._waited(book, step, prefix):
            return "waiting"
        ways: dict[str, Callable[[Playbook, Step, str, dict[str, str]], Outcome]] = {
            "action": self._action,
            "parallel": self._parallel,
            "if-condition": self._if,
            "switch-condition": self._if,
            "while-condition": self._while,
            "playbook-action": self._call,
        }
        return ways[step.type](book, step, prefix, values) if step.type in ways else "ended"

    def _waited(self, book: Playbook, step: Step, prefix: str) -> bool:
        key, now = f"{prefix}{step.id}/delay", self._host.now()
        found = self._steps.get(key)
        if found is None:
            if self._only_looks:
                return False
            until = now + timedelta(seconds=step.delay_seconds)
            self._put(self._new(key, book, step), "", state="waits", waits_for="time", until=until)
            return False
        if found.state == "waits" and found.until is not None and now >= found.until and not self._only_looks:
            self._put(found, "", state="done", waits_for="", ended=self._next(), told="The wait is over.")
            return True
        return found.state == "done"

    def _parallel(self, book: Playbook, step: Step, prefix: str, values: dict[str, str]) -> Outcome:
        """Every branch goes as far as it can; one that waits holds up none of the others."""
        outcomes = [self._sequence(book, branch, prefix, values) for branch in step.next_steps]
        if "failed" in outcomes:
            self._drop(book, step, prefix)
            return "failed"
        return "waiting" if "waiting" in outcomes else "ended"

    def _drop(self, book: Playbook, step: Step, prefix: str) -> None:
        inside = reached(book.steps, branches_of(step))
        for one in list(self._steps.values()):
            mine = one.key.startswith(prefix) and one.key.removeprefix(prefix).split("/")[0].split("#")[0] in inside
            if mine and one.state == "waits" and not self._only_looks:
                self._put(one, "skipped", state="skipped", waits_for="", told="Another branch failed.")

    def _if(self, book: Playbook, step: Step, prefix: str, values: dict[str, str]) -> Outcome:
        way = self._decided(book, step, f"{prefix}{step.id}", values)
        if way is None:
            return "failed" if f"{prefix}{step.id}" in self._steps else "waiting"
        entry = (
            step.cases.get(way) if step.type == "switch-condition" else {"true": step.on_true}.get(way, step.on_false)
        )
        return self._sequence(book, entry, prefix, values) if entry else "ended"

    def _while(self, book: Playbook, step: Step, prefix: str, values: dict[str, str]) -> Outcome:
        for turn in range(min(step.marks.bound, LOOPS) + 1):
            key = f"{prefix}{step.id}#{turn}"
            way = self._decided(book, step, key, values, last=turn == step.marks.bound)
            if way is None:
                return "failed" if key in self._steps else "waiting"
            if way == "false":
                return "ended"
            outcome = self._sequence(book, step.on_true, f"{key}/", values)
            if outcome != "ended":
                return outcome
        return "failed"

    def _decided(
        self, book: Playbook, step: Step, key: str, values: Mapping[str, str], *, last: bool = False
    ) -> str | None:
        """Which way a condition takes, decided once; None when it cannot be told."""
        found = self._steps.get(key)
        if found is not None:
            return found.result if found.state == "done" else None
        if self._only_looks:
            return None
        new = self._new(key, book, step)
        here = {**values, **_of_step(step)}
        try:
            way = _way(step, here)
        except UserError as error:
            self._put(new, "failed", state="failed", told=error.what, ended=self._next())
            return None
        if last and way == "true":
            told = f"It still holds after {step.marks.bound} turns, which is its bound."
            self._put(new, "failed", state="failed", told=told, ended=self._next())
            return None
        self._put(new, "decided", state="done", result=way, told=f"It took the way “{way}”.", ended=self._next())
        return way

    def _call(self, _book: Playbook, step: Step, prefix: str, values: dict[str, str]) -> Outcome:
        """Another playbook, with variables of its own."""
        other = self.books[step.playbook]
        inner = {**defaults(other), **{name: values[name] for name in step.in_args if name in values}}
        outcome = self._sequence(other, other.start, f"{prefix}{step.id}/", inner)
        if outcome == "ended":
            values.update({name: inner[name] for name in step.out_args if name in inner})
        return outcome

    # -- an action ---------------------------------------------------------------------------------

    def _action(self, book: Playbook, step: Step, prefix: str, values: dict[str, str], undoes: str = "") -> Outcome:
        key = f"{prefix}{step.id}"
        found = self._steps.get(key)
        if found is None and self._only_looks:
            return "waiting"
        found = found or self._new(key, book, step, undoes)
        here = {**values, **_of_step(step)}
        self._values[key] = here
        if found.state in ("done", "failed", "unclear", "skipped") or self._only_looks:
            values.update(found.outputs if found.state == "done" else {})
            return {"done": "ended", "failed": "failed", "skipped": "failed"}.get(found.state, "waiting")  # type: ignore[return-value]
        try:
            effects = effects_of(book, step, here, self._look)
            found = self._allowed(book, found, step, effects)
            if found.waits_for == "approval":
                return "waiting"
            found = self._do_all(found, step, effects, here)
        except UserError as error:
            found = self._put(found, "failed", state="failed", waits_for="", told=error.what, ended=self._next())
        values.update(found.outputs if found.state == "done" else {})
        return {"done": "ended", "failed": "failed"}.get(found.state, "waiting")  # type: ignore[return-value]

    def _allowed(self, book: Playbook, found: Execution, step: Step, effects: list[Effect]) -> Execution:
        """Let it be done when enough persons approved exactly this; else it waits for them."""
        missing = next((one.missing for one in effects if one.missing), "")
        if missing:
            raise UserError(missing, "Name the target in respond.toml.")
        wanted, digest = needed(effects), digest_of(book, found.key, effects)
        if found.at or found.state == "begun" or len(persons(found.approved, digest, self._host.now())) >= wanted:
            return found if found.waits_for != "approval" else msgspec.structs.replace(found, waits_for="")
        if found.state == "waits" and found.waits_for == "approval" and found.needs == wanted:
            return found
        told = "; ".join(one.words for one in effects)[:TOLD_CHARS]
        return self._put(
            found, "waits", state="waits", waits_for="approval", needs=wanted, told=told, role=_role(book, step)
        )

    def _do_all(self, found: Execution, step: Step, effects: list[Effect], values: Mapping[str, str]) -> Execution:
        while found.at < len(effects):
            effect = effects[found.at]
            if effect.kind == "manual":
                return self._ask(found, step, effect)
            if found.state == "begun" and not effect.again:
                told = "The program ended while this was being done. Look whether it happened, and say so."
                return self._put(found, "unclear", state="unclear", waits_for="person", told=told)
            found = self._do(found, step, effect, values)
            if found.state != "begun":
                return found
            found = self._put(found, "", state="waits", at=found.at + 1)
        return self._put(found, "done", state="done", waits_for="", ended=self._next())

    def _ask(self, found: Execution, step: Step, effect: Effect) -> Execution:
        """A person does it: wait for their word, and no longer than the time-out of the step."""
        now = self._host.now()
        if found.waits_for != "person":
            until = now + timedelta(seconds=step.timeout_seconds)
            book = self.books[found.book]
            return self._put(
                found, "waits", state="waits", waits_for="person", told=effect.words[:TOLD_CHARS * 4], until=until,
                role=_role(book, step),
            )  # fmt: skip
        if found.until is not None and now > found.until:
            raise UserError("Nobody said in time that it was done.", "")
        return found

    def _do(self, found: Execution, step: Step, effect: Effect, values: Mapping[str, str]) -> Execution:
        """One effect of a machine, tried again within its bound; ``begun`` when it was done, else how it ended."""
        key = f"{self.run.id}.{_short(found.key)}.{found.at}"
        for turn in range(step.marks.retries + 1):
            found = self._put(
                found, "begun" if turn == 0 else "", state="begun", waits_for="", attempts=found.attempts + 1
            )
            try:
                result = self._host.do(effect, step, key, values)
            except (NotDone, Unclear) as error:
                maybe = isinstance(error, Unclear)
                if error.again and turn < step.marks.retries and (effect.again or not maybe):
                    self._host.pause(RETRY_SECONDS * 2**turn)
                    continue
                told = printable(error.words, TOLD_CHARS)
                if maybe and not effect.again and not isinstance(error, Failed):
                    return self._put(found, "unclear", state="unclear", waits_for="person", told=told)
                return self._put(
                    found, "failed", state="failed", told=told, maybe=maybe or found.at > 0, ended=self._next()
                )
            outputs = self._typed(found, step, result.outputs)
            return msgspec.structs.replace(
                found, told=printable(result.told, TOLD_CHARS), outputs={**found.outputs, **outputs}
            )
        return found

    def _typed(self, found: Execution, step: Step, outputs: Mapping[str, str]) -> dict[str, str]:
        """What came back and may be set, if it is what its type says; the rest is passed over."""
        kinds = _kinds(self.books[found.book], step)
        return {name: text for name, text in outputs.items() if name in step.out_args and fits(kinds[name], text)}

    # -- memory ------------------------------------------------------------------------------------

    def _new(self, key: str, book: Playbook, step: Step, undoes: str = "") -> Execution:
        if len(self._steps) >= EXECUTIONS:
            raise UserError(f"The run has more than {EXECUTIONS:,} steps.", "Divide the playbook.")
        return Execution(
            key=key, number=len(self._steps) + 1, step=step.id, name=step.title, type=step.type, state="waits",
            role=_role(book, step), undoes=undoes, book=book.id, came_at=self._host.now(),
        )  # fmt: skip

    def _next(self) -> int:
        return max((one.ended for one in self._steps.values()), default=0) + 1

    def _put(self, one: Execution, entered: str, /, **changes: Any) -> Execution:
        """Change a step and keep the run, durably, before anything else happens."""
        if changes.get("state") in ("done", "failed", "skipped"):
            changes["ended_at"] = self._host.now()
        one = msgspec.structs.replace(one, **changes)
        self._steps[one.key] = one
        self.run = msgspec.structs.replace(self.run, steps=tuple(self._steps.values()))
        self.run = self._host.keep(self.run, one, entered)
        kept = self.run.steps[one.number - 1]
        self._steps[kept.key] = kept
        return kept


# -- what people say -------------------------------------------------------------------------------


def persons(approved: tuple[Approved, ...], digest: str, now: datetime) -> list[str]:
    """Different persons whose approval of exactly this still counts."""
    found: list[str] = []
    for one in approved:
        fresh = now - one.at <= timedelta(hours=APPROVAL_HOURS)
        if one.digest == digest and fresh and not any(same_person(one.by, other) for other in found):
            found.append(one.by)
    return found


def defaults(book: Playbook) -> dict[str, str]:
    """Values that a playbook gives its variables itself."""
    return {one.name: one.value for one in book.variables.values() if one.value is not None}


def _of_step(step: Step) -> dict[str, str]:
    return {one.name: one.value for one in step.variables if one.value is not None}


def _kinds(book: Playbook, step: Step) -> dict[str, str]:
    return {one.name: one.type for one in (*book.variables.values(), *step.variables)}


def _role(book: Playbook, step: Step) -> str:
    return step.marks.role or next(iter(book.about.owner_roles), "security officer")


def _way(step: Step, values: Mapping[str, str]) -> str:
    if step.type != "switch-condition":
        return "true" if holds(read_condition(step.condition), values) else "false"
    value = values.get(named_in(step.switch)[0])
    if value is None:
        raise UserError(f"{step.switch} has no value.", "")
    return value if value in step.cases else "default"


def _short(key: str) -> str:
    """A key as part of an identifier: a digest, because keys of nested steps are long."""
    return blake2b(key.encode(), digest_size=8).hexdigest()
