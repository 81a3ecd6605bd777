"""Playbooks against attacks, as a city holds and runs them: tried dry, begun, approved, taken up again, stopped."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cityward.city.respond_host import Host, facts_of
from cityward.city.respond_told import explained
from cityward.city.saying import name_of, words_of
from cityward.core.errors import LedgerError, Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.person_names import same_person
from cityward.core.receipts import receipt
from cityward.core.records import Explanation, to_json
from cityward.private.redact import redact_text
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.building import build
from cityward.secure.respond.effects import Look, digest_of, effects_of
from cityward.secure.respond.engine import Engine, defaults
from cityward.secure.respond.limits import EVIDENCE_CHARS, PLAYBOOK_BYTES
from cityward.secure.respond.plan import Planned, plan_of
from cityward.secure.respond.reading import read_document
from cityward.secure.respond.records import Approved, Document, Execution, Playbook, Run
from cityward.secure.respond.shipped import Held, playbooks_for, shipped_texts, texts_in
from cityward.secure.respond.targets import Respond, known, read_targets
from cityward.secure.respond.values import checked, long_name

if TYPE_CHECKING:
    from cityward.city.city import City

ABOUT: Final = "__about__"
"""The variable that holds what a run is for."""

_ABOUT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_EVERYTHING: Final = "security officer"
"""The role that may answer for every step."""

Roles = Sequence[str] | None
"""Roles of who is signed in; None where nobody signs in, and a name is taken at its word."""


class Responding:
    """Playbooks of ``city`` and their runs; reached as ``city.responses``."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._busy: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.troubles: dict[str, str] = {}
        """Why a run that was worked on in the background could not go on, by run."""

    # -- playbooks ---------------------------------------------------------------------------------

    def held(self) -> Held:
        """The playbooks that ship and those of ``playbooks/``, as they are now; the city's own come before."""
        return Held({**shipped_texts(), **texts_in(self._city.folder.playbooks)})

    def for_techniques(self, techniques: Sequence[str]) -> list[Playbook]:
        """Playbooks that answer techniques of ATT&CK, those that answer the most first."""
        return playbooks_for(techniques, self.held())

    def targets(self) -> Respond:
        """What ``respond.toml`` names; raises `SettingsError`."""
        return read_targets(self._city.path)

    def _look(self) -> Look:
        return partial(known, self.targets())

    def plan(self, name: str, about: str, given: Mapping[str, str] | None = None) -> tuple[Playbook, list[Planned]]:
        """What a run would do: every step with its target and approvals. Nothing is done, and nothing is kept.

        Raises
        ------
        UnknownId, UserError, SettingsError
            There is no such playbook, it cannot be used, or a value is not what its variable takes.
        """
        return planned_in(self._city.path, name, about, given or {})

    # -- runs --------------------------------------------------------------------------------------

    def all(self) -> Sequence[Run]:
        """Newest first."""
        found: Sequence[Run] = self._city.registers.list_of("response", Run, newest_first=True)
        return found

    def open(self) -> list[Run]:
        """Runs that are not over."""
        return [one for one in self.all() if not one.over]

    def get(self, identifier: str) -> Run:
        """One run; raises `UnknownId`."""
        return self._city.kept("response", Run, identifier, "run of a playbook", "cityward respond show")

    def begin(self, name: str, about: str, by: str, given: Mapping[str, str] | None = None, *, go: bool = True) -> Run:
        """Begin a playbook for real, and go as far as that can be done now.

        Parameters
        ----------
        about : str
            Identifier of the incident or asset that it is for.
        given : mapping of str to str
            Values of its external variables.
        go : bool
            Whether the first steps are done before this returns; else with `resume`.

        Raises
        ------
        UnknownId, UserError, SettingsError
            As `plan`; or a target of it is not in ``respond.toml`` and no person can do it instead.
        """
        by = name_of(by)
        held = self.held()
        book, data = found_in(held, name)
        values = _given(book, about, given or {})
        books = held.with_called(book)
        self._in_force(book)
        plan = plan_of(books, book, {**defaults(book), **values}, self._look())
        missing = next((one for one in plan if one.missing), None)
        if missing is not None:
            raise UserError(f"'{missing.name}' could not be done: {missing.missing}", "Write it in respond.toml.")
        texts = {one.id: held.texts[one.key] if one.id != book.id else data for one in books.values()}
        now = self._city.clock.now()
        with self._city.writing():
            run = Run(
                id=make_id("response", len(self.all()), now.isoformat(), book.sha256),
                playbook=book.id,
                title=book.name,
                sha256=book.sha256,
                books={identifier: one.sha256 for identifier, one in books.items()},
                about=about,
                by=by,
                started_at=now,
                state="running",
                values=values,
                quiet=any(one.about.quiet for one in books.values()),
            )
            documents = [
                Document(id=_document_id(one.sha256), key=one.key, sha256=one.sha256, text=texts[one.id].decode())
                for one in books.values()
            ]
            self._city.registers.put("playbook", documents, update=())
            run = self._city.keep("response", run, facts_of(run, "begun"), update=("body", "state"), state=run.state)
        return self.resume(run.id) if go else run

    def _in_force(self, book: Playbook) -> None:
        now = f"{self._city.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        if book.revoked or (book.valid_until and book.valid_until <= now) or book.valid_from > now:
            raise UserError(f"The playbook '{book.key}' is revoked, or not valid today.", "Use another version of it.")

    def resume(self, identifier: str) -> Run:
        """Go on with a run as far as that can be done now.

        Raises
        ------
        UnknownId, UserError
            There is no such run, or somebody works on it just now.
        """
        return self._worked(identifier, lambda engine: engine.go())

    def stop(self, identifier: str, by: str, because: str) -> Run:
        """End a run before its time; what was done is undone, the last first."""
        by, because = name_of(by), words_of(because, "why it is stopped")
        if self.get(identifier).over:
            raise UserError(f"{identifier} is over already.", "Begin another run.")
        return self._worked(identifier, lambda engine: engine.stop(f"{because} ({by})"))

    def books(self, run: Run) -> dict[str, Playbook]:
        """The playbooks of a run as they were when it began.

        Raises
        ------
        LedgerError
            What the registers hold is not what was begun.
        """
        found = {}
        for identifier, digest in run.books.items():
            held = self._city.registers.get(_document_id(digest), Document)
            data = held.text.encode() if held is not None else b""
            book, _ = build(read_document(data, identifier), data, held.key if held else "") if data else (None, [])
            if book is None or book.sha256 != digest:
                raise LedgerError(
                    f"The playbook of {run.id} is not the one that was begun. Stop and look who changed it."
                )
            found[identifier] = book
        return found

    def _worked(self, identifier: str, do: Callable[[Engine], Run]) -> Run:
        with self._claimed(identifier):
            run = self.get(identifier)
            engine = Engine(self.books(run), run, Host(self._city, self.targets()), self._look())
            found = do(engine)
            self.troubles.pop(identifier, None)
        return found

    @contextmanager
    def _claimed(self, identifier: str) -> Iterator[None]:
        """One works on a run at a time: two would do its next step twice."""
        with self._lock:
            if identifier in self._busy:
                raise UserError(f"Somebody works on {identifier[:20]} just now.", "Look again in a moment.")
            self._busy.add(identifier)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(identifier)

    def busy(self, identifier: str) -> bool:
        """Whether a run is worked on just now."""
        return identifier in self._busy

    # -- what people say ---------------------------------------------------------------------------

    def step(self, run: Run, wanted: str) -> Execution:
        """A step of a run by its number, its identifier or its key; raises `UserError`."""
        found = [one for one in run.steps if wanted in (str(one.number), one.key, one.step)]
        if not found:
            waiting = ", ".join(f"{one.number} ({one.name})" for one in run.waiting) or "none"
            raise UserError(f"{run.id} has no step '{printable(wanted, 40)}'.", f"Waiting: {waiting}.")
        return found[-1]

    def approve(
        self, identifier: str, wanted: str, by: str, roles: Roles = None, *, shown: str | None = None, go: bool = True
    ) -> Run:
        """Approve a step as a named person with the role it asks for; when enough have, it is done.

        ``shown`` is the digest of what they were shown, if a page showed it.

        Raises
        ------
        Refused
            They have not the role, approved it already, or were shown something else.
        UserError
            The step waits for no approval.
        """
        by = name_of(by)
        with self._claimed(identifier):
            run = self.get(identifier)
            one = self.step(run, wanted)
            if one.state != "waits" or one.waits_for != "approval":
                raise UserError(f"Step {one.number} of {run.id} waits for no approval.", f"It is: {_stands(one)}.")
            _may(one, roles)
            digest = self.exactly(run, one)
            if shown is not None and shown != digest:
                raise Refused("shown-otherwise", "This is not what you were shown.", "Look at the step again.")
            if any(approved.digest == digest and same_person(approved.by, by) for approved in one.approved):
                raise Refused("same-person", "You approved this already.", "Another person approves it too.")
            approved = Approved(by=by, at=self._city.clock.now(), digest=digest)
            changed = msgspec.structs.replace(one, approved=(*one.approved, approved))
            self._put(run, changed, "approved", to_json(approved))
        return self.resume(identifier) if go else self.get(identifier)

    def exactly(self, run: Run, one: Execution) -> str:
        """The digest of what is approved: the effects as they stand now."""
        book = self.books(run)[one.book]
        effects = effects_of(book, book.steps[one.step], self.values(run, one), self._look())
        return digest_of(book, one.key, effects)

    def values(self, run: Run, one: Execution) -> dict[str, str]:
        """Values of variables as a step of a run sees them; secrets are none of them."""
        engine = Engine(self.books(run), run, Host(self._city, self.targets()), self._look())
        return engine.values_at(one.key)

    def done(
        self,
        identifier: str,
        wanted: str,
        by: str,
        evidence: str,
        roles: Roles = None,
        *,
        happened: bool = True,
        given: Mapping[str, str] | None = None,
        go: bool = True,
    ) -> Run:
        """Say, as a named person with evidence, that a step was done or could not be.

        Of a step of which nobody knows whether it happened: ``happened`` says so; if not, it is done again.

        Raises
        ------
        Refused
            They have not the role.
        UserError
            The step waits for nobody's word; there is no evidence; a value is missing or not what it should be.
        """
        by = name_of(by)
        evidence = redact_text(words_of(evidence, "what was done, or why it could not be")[:EVIDENCE_CHARS])
        with self._claimed(identifier):
            run = self.get(identifier)
            one = self.step(run, wanted)
            if one.waits_for != "person" or one.state not in ("waits", "unclear"):
                raise UserError(f"Step {one.number} of {run.id} waits for nobody's word.", f"It is: {_stands(one)}.")
            _may(one, roles)
            changed = self._said(run, one, by, evidence, happened, given or {})
            self._put(run, changed, "said", to_json(changed))
        return self.resume(identifier) if go else self.get(identifier)

    def _said(
        self, run: Run, one: Execution, by: str, evidence: str, happened: bool, given: Mapping[str, str]
    ) -> Execution:
        book = self.books(run)[one.book]
        step = book.steps[one.step]
        kinds = {each.name: each.type for each in (*book.variables.values(), *step.variables)}
        outputs = {}
        for name, text in ((long_name(name), text) for name, text in given.items()):
            if name not in step.out_args:
                listed = ", ".join(each.strip("_") for each in step.out_args) or "nothing"
                raise UserError(f"This step does not set {printable(name, 60)}.", f"It sets: {listed}.")
            outputs[name] = checked(name, kinds[name], text)
        told: dict[str, Any] = {"by": by, "told": evidence, "waits_for": "", "until": None}
        if happened:
            return msgspec.structs.replace(
                one, state="waits", at=one.at + 1, outputs={**one.outputs, **outputs}, **told
            )
        if one.state == "unclear":
            return msgspec.structs.replace(one, state="waits", **told)
        ended = max((each.ended for each in run.steps), default=0) + 1
        return msgspec.structs.replace(one, state="failed", ended=ended, ended_at=self._city.clock.now(), **told)

    def _put(self, run: Run, one: Execution, told: str, content: bytes) -> None:
        with self._city.writing():
            entry = receipt("response", run.id, self._city.clock.now(), content, **facts_of(run, told, one))
            (index,) = self._city.enter([(run.id, entry)])
            kept = msgspec.structs.replace(one, receipt=index)
            steps = tuple(kept if each.key == one.key else each for each in run.steps)
            changed = msgspec.structs.replace(run, steps=steps, receipt=index)
            self._city.registers.put("response", [changed], update=("body", "state"), state=run.state)

    def in_background(self, identifier: str) -> None:
        """Go on with a run without letting anybody wait for it; what stops it is kept in ``troubles``."""

        def work() -> None:
            try:
                self.resume(identifier)
            except Exception as error:  # noqa: BLE001 (a thread has nobody to raise to; the page shows it)
                self.troubles[identifier] = getattr(error, "what", "") or f"It stopped ({type(error).__name__})."

        thread = threading.Thread(target=work, name=f"respond-{identifier}", daemon=True)
        with self._lock:
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def wait(self) -> None:
        """Wait until nothing is worked on in the background any more."""
        for thread in list(self._threads):
            thread.join()

    def explain(self, identifier: str) -> Explanation:
        """Why: what was run, by whom it was approved, and what came of it."""
        run = self.get(identifier)
        return explained(run, self._city.time_zone)


def planned_in(folder: Path, name: str, about: str, given: Mapping[str, str]) -> tuple[Playbook, list[Planned]]:
    """A plan in a folder that need not be a city: by its ``respond.toml`` and ``playbooks/``, if they are there.

    Raises
    ------
    UnknownId, UserError, SettingsError
        As `Responding.plan`.
    """
    held = Held({**shipped_texts(), **texts_in(folder / "playbooks")})
    book, _ = found_in(held, name)
    values = {**defaults(book), **_given(book, about, given)}
    return book, plan_of(held.with_called(book), book, values, partial(known, read_targets(folder)))


def found_in(held: Held, name: str) -> tuple[Playbook, bytes]:
    """A playbook by its name, or of a file, with its bytes."""
    path = Path(name)
    if name not in held.texts and path.suffix == ".json" and path.is_file():
        with path.open("rb") as file:
            data = file.read(PLAYBOOK_BYTES + 1)
        return held.read(data, path.name), data
    book = held.get(name)
    return book, held.texts[book.key]


def _given(book: Playbook, about: str, given: Mapping[str, str]) -> dict[str, str]:
    """Values for a run, checked: of external variables that are no secrets, and what the run is for."""
    if not _ABOUT.fullmatch(about):
        raise UserError(
            "What the run is for is no identifier.", "Give that of an incident or an asset: --for file-server."
        )
    found = {}
    for name, text in ((long_name(name), text) for name, text in given.items()):
        variable = book.variables.get(name)
        if variable is None or not variable.external or variable.constant or name == ABOUT:
            open_ = ", ".join(
                one.name.strip("_") for one in book.variables.values() if one.external and one.name != ABOUT
            )
            raise UserError(f"{printable(name, 60)} cannot be given here.", f"What can: {open_ or 'nothing'}.")
        if name in book.about.secrets:
            raise UserError(f"{name} is a secret.", "Say in [secrets] of respond.toml where it is read from.")
        found[name] = checked(name, variable.type, text)
    if ABOUT in book.variables:
        found[ABOUT] = about
    return found


def _may(one: Execution, roles: Roles) -> None:
    if roles is not None and one.role not in roles and _EVERYTHING not in roles:
        raise Refused("role-of-step", f"This step is answered for by a {one.role}.", "Let one of them do it.")


def _stands(one: Execution) -> str:
    return f"{one.state}, waiting for {one.waits_for}" if one.waits_for else one.state


def _document_id(sha256: str) -> str:
    return make_id("playbook", sha256)
