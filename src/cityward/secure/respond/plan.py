"""The plan of a run: every step that could be done, in order, with its target and approvals; nothing is done for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cityward.core.records import Record
from cityward.secure.respond.effects import Effect, Look, effects_of, needed
from cityward.secure.respond.records import Playbook, Step


class Planned(Record, frozen=True, kw_only=True):
    """One step as it would be done.

    Attributes
    ----------
    number : int
        Place in the plan, from 1.
    depth : int
        How many branches, loops and called playbooks it stands in.
    when : str
        Under which condition, in words; empty when always.
    by : str
        ``manual``, ``webhook``, ``ssh``, ``act``, or what steers: ``if-condition``, …
    needs : int
        Persons who have to approve it.
    missing : str
        Why it could not be done; empty when it could.
    undo : str
        What undoes it.
    """

    number: int
    depth: int
    step: str
    name: str
    by: str
    does: str = ""
    to: str = ""
    when: str = ""
    role: str = ""
    needs: int = 0
    instead: bool = False
    missing: str = ""
    evidence: str = ""
    timeout_seconds: float = 0.0
    undo: str = ""


def plan_of(books: Mapping[str, Playbook], book: Playbook, values: Mapping[str, str], look: Look) -> list[Planned]:
    """Every step of a playbook with every way that it could take.

    Parameters
    ----------
    books : mapping of str to Playbook
        The playbook and those that it calls, by identifier.
    values : mapping of str to str
        Values of its variables that are known.
    look : callable
        What ``respond.toml`` says of targets.
    """
    return list(_Plan(books, look).way(book, book.start, values, 0, ""))


class _Plan:
    def __init__(self, books: Mapping[str, Playbook], look: Look) -> None:
        self._books, self._look, self._count = books, look, 0
        self._told: set[tuple[str, str, int]] = set()

    def way(self, book: Playbook, at: str, values: Mapping[str, str], depth: int, when: str) -> Iterator[Planned]:
        """The steps from one to the end of its way."""
        while at in book.steps and book.steps[at].type != "end":
            step = book.steps[at]
            if (book.id, at, depth) in self._told:
                return  # two ways that meet again are told once
            self._told.add((book.id, at, depth))
            yield from self._one(book, step, values, depth, when)
            if step.on_failure:
                yield from self.way(book, step.on_failure, values, depth + 1, f"If “{step.title}” fails")
            at, when = step.on_completion or step.on_success, ""

    def _one(self, book: Playbook, step: Step, values: Mapping[str, str], depth: int, when: str) -> Iterator[Planned]:
        if step.type == "action":
            yield self._action(book, step, values, depth, when)
        elif step.type == "playbook-action":
            other = self._books[step.playbook]
            yield self._steering(step, depth, when, f"Runs the playbook “{other.name}”")
            yield from self.way(other, other.start, _inner(other, step, values), depth + 1, "")
        elif step.type != "start":
            yield self._steering(step, depth, when, _says(step))
            for entry, label in _ways(step):
                yield from self.way(book, entry, values, depth + 1, label)

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _steering(self, step: Step, depth: int, when: str, does: str) -> Planned:
        return Planned(
            number=self._number(), depth=depth, step=step.id, name=step.title, by=step.type, does=does, when=when
        )

    def _action(self, book: Playbook, step: Step, values: Mapping[str, str], depth: int, when: str) -> Planned:
        effects = effects_of(book, step, values, self._look)
        undo = book.steps.get(step.marks.undo)
        return Planned(
            number=self._number(),
            depth=depth,
            step=step.id,
            name=step.title,
            by=_mixed(effects),
            does=" Then: ".join(one.words for one in effects),
            to=", ".join(dict.fromkeys(one.to for one in effects)),
            when=when,
            role=step.marks.role or next(iter(book.about.owner_roles), "security officer"),
            needs=needed(effects),
            instead=any(one.instead for one in effects),
            missing=" ".join(dict.fromkeys(one.missing for one in effects if one.missing)),
            evidence=step.marks.evidence,
            timeout_seconds=step.timeout_seconds,
            undo=undo.title if undo else "",
        )


def _mixed(effects: list[Effect]) -> str:
    return " and ".join(dict.fromkeys(one.kind for one in effects))


def _inner(other: Playbook, step: Step, values: Mapping[str, str]) -> dict[str, str]:
    held = {one.name: one.value for one in other.variables.values() if one.value is not None}
    return {**held, **{name: values[name] for name in step.in_args if name in values}}


def _ways(step: Step) -> list[tuple[str, str]]:
    """Where the branches of a step begin, and when each is taken."""
    if step.type == "parallel":
        return [(one, "At the same time as the other branches") for one in step.next_steps]
    if step.type == "switch-condition":
        name = step.switch.removesuffix(":value").strip("_")
        told = {case: f"If {name} is “{case}”" for case in step.cases} | {"default": f"If {name} is anything else"}
        return [(to, told[case]) for case, to in step.cases.items()]
    if step.type == "while-condition":
        return [(step.on_true, "In each turn")]
    named = [(step.on_true, f"If so: {step.title}"), (step.on_false, f"If not: {step.title}")]
    return [(to, label.removesuffix("?")) for to, label in named if to]


def _says(step: Step) -> str:
    if step.type == "parallel":
        return f"{len(step.next_steps)} branches at the same time"
    if step.type == "switch-condition":
        return f"By what '{step.switch.removesuffix(':value').strip('_')}' is"
    told = f"Is {step.condition.replace(':value', '').replace('__', '')}?"
    return f"{told} At most {step.marks.bound} times" if step.type == "while-condition" else told.removesuffix("?")
