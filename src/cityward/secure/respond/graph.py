"""The ways through a playbook: what each step leads to, what nothing leads to, and where a way comes back to itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cityward.secure.respond.problem import Problem
from cityward.secure.respond.records import Playbook, Step


def branches_of(step: Step) -> list[str]:
    """Where the branches of a step begin; each ends with an end step, and then the step itself goes on."""
    if step.type == "parallel":
        return list(step.next_steps)
    if step.type == "switch-condition":
        return list(dict.fromkeys(step.cases.values()))
    return [one for one in (step.on_true, step.on_false) if one]


def after(step: Step) -> list[str]:
    """Where a step goes on when it is over."""
    return [one for one in (step.on_completion, step.on_success, step.on_failure) if one]


def links_of(step: Step) -> list[tuple[str, str]]:
    """Every reference of a step to another, with the name under which it stands."""
    named = [
        (name, getattr(step, name)) for name in ("on_completion", "on_success", "on_failure", "on_true", "on_false")
    ]
    named += [(f"next_steps/{at}", one) for at, one in enumerate(step.next_steps)]
    named += [(f"cases/{case}", one) for case, one in step.cases.items()]
    named += [("step_extensions/undo", step.marks.undo)]
    return [(name, to) for name, to in named if to]


def graph_problems(book: Playbook) -> Iterator[Problem]:
    """What is wrong with the ways of a playbook: references to nothing, steps nobody reaches, circles, shared steps."""
    for step in book.steps.values():
        for name, to in links_of(step):
            if to not in book.steps:
                yield _problem(step, f"It leads to {to}, and there is no such step.", name)
    yield from _ends(book)
    circle = _circle(book.steps)
    if circle:
        told = " → ".join(_called(book.steps[one]) for one in [*circle, circle[0]])
        yield _problem(
            book.steps[circle[0]],
            f"The way comes back to itself: {told}.",
            remedy="Use a while-condition with a bound; its branch ends with an end step.",
        )
        return
    yield from _unreached(book)
    for step in book.steps.values():
        yield from _shared(book, step)


def _ends(book: Playbook) -> Iterator[Problem]:
    start = book.steps.get(book.start)
    if start is None or start.type != "start":
        yield Problem(place="workflow_start", what="It names no step of type start.")
    if book.exception and book.exception not in book.steps:
        yield Problem(place="workflow_exception", what="There is no such step.")
    for step in book.steps.values():
        if step.type == "start" and step.id != book.start:
            yield _problem(step, "A second start step.", remedy="A playbook has one, which workflow_start names.")
        if step.type == "end" and after(step):
            yield _problem(step, "An end step leads to nothing.")
        if step.type != "end" and not (step.on_completion or step.on_success):
            yield _problem(step, "It says not what comes after it.", remedy="Name an end step in on_completion.")
        if step.on_completion and (step.on_success or step.on_failure):
            yield _problem(step, "on_completion stands beside on_success or on_failure.", remedy="Use one of both.")
        undo = book.steps.get(step.marks.undo)
        if undo is not None and (undo.type != "action" or undo.marks.undo or undo.id == step.id):
            yield _problem(step, "What undoes a step is another action, which nothing undoes.", "step_extensions/undo")


def _next(step: Step) -> list[str]:
    return [*branches_of(step), *after(step)]


def reached(steps: Mapping[str, Step], entries: Iterable[str]) -> set[str]:
    """Steps to which a way leads from ``entries``, those included."""
    found: set[str] = set()
    waiting = [one for one in entries if one in steps]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += [one for one in _next(steps[at]) if one in steps]
    return found


def _unreached(book: Playbook) -> Iterator[Problem]:
    undoing = [step.marks.undo for step in book.steps.values() if step.marks.undo]
    found = reached(book.steps, [book.start, book.exception, *undoing])
    for step in book.steps.values():
        if step.id not in found:
            yield _problem(step, "No way leads to it.", remedy="Lead one there, or take it out.")


def _circle(steps: Mapping[str, Step]) -> list[str]:
    """A way that comes back to itself, as the steps on it; empty when there is none."""
    done: set[str] = set()
    for entry in steps:
        way: list[str] = []
        waiting: list[tuple[str, bool]] = [(entry, False)]
        while waiting:
            at, leaving = waiting.pop()
            if leaving:
                done.add(way.pop())
            elif at in way:
                return way[way.index(at) :]
            elif at not in done:
                way.append(at)
                waiting.append((at, True))
                waiting += [(one, False) for one in _next(steps[at]) if one in steps]
    return []


def _shared(book: Playbook, step: Step) -> Iterator[Problem]:
    """Steps that would be done twice in one run: within a branch and after it, or by two parallel branches."""
    regions = [(entry, _done_by(book, [entry])) for entry in branches_of(step)]
    later = _done_by(book, after(step))
    for at, (_, region) in enumerate(regions):
        for one in sorted(region & later):
            yield _problem(
                book.steps[one],
                f"It stands in a branch of '{_called(step)}' and after it.",
                remedy="A branch ends with an end step; what comes after the branches is named in on_completion.",
            )
        if step.type == "parallel":
            others: set[str] = set().union(*(other for _, other in regions[:at]))
            for one in sorted(region & others):
                yield _problem(book.steps[one], f"It stands in two branches of '{_called(step)}'.")


def _done_by(book: Playbook, entries: Iterable[str]) -> set[str]:
    return {one for one in reached(book.steps, entries) if book.steps[one].type != "end"}


def _called(step: Step) -> str:
    return step.name or step.id


def _problem(step: Step, what: str, below: str = "", remedy: str = "") -> Problem:
    return Problem(place="/".join(part for part in ("workflow", step.id, below) if part), what=what, remedy=remedy)
