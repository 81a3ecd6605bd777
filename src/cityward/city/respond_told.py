"""Why, for a run of a playbook: what it was for, who approved what, and what came of each step."""

from __future__ import annotations

from typing import Final

from cityward.core.records import Explanation
from cityward.core.words import moment
from cityward.secure.respond.records import Execution, Run

STATES: Final = {
    "running": "is being done",
    "waiting": "waits for a person",
    "undoing": "is being undone",
    "done": "was done to its end",
    "failed": "failed, and what was done was undone where a step says how",
    "stopped": "was stopped, and what was done was undone where a step says how",
}


def explained(run: Run, zone: str) -> Explanation:
    """The evidence of a run, from what is kept alone; of a quiet one hardly more than that it is."""
    who = "" if run.quiet else f" by {run.by}"
    evidence = [
        ("begun", f"{moment(run.started_at, zone)}{who}"),
        *([("ended", moment(run.ended_at, zone))] if run.ended_at else []),
        *(() if run.quiet else _named(run)),
    ]
    return Explanation(
        id=run.id,
        kind="run of a playbook",
        sentence=f"{'A playbook' if run.quiet else f'The playbook “{run.title}”'} {STATES[run.state]}.",
        evidence=tuple(evidence),
        rule="responses 1: nothing leaves that respond.toml does not name, and every step has a receipt",
        receipt=run.receipt,
        how_to_check=f"Run 'cityward verify'; entries about {run.id} hold digests of the playbook and of each step.",
    )


def _named(run: Run) -> list[tuple[str, str]]:
    """What a run says of itself, unless it is a quiet one: whoever reads why may be concerned."""
    return [
        ("for", run.about),
        *([("because", run.because)] if run.because else []),
        ("playbook", f"{run.playbook}, SHA-256 {run.sha256}"),
        *((f"step {one.number}", step_told(run, one, words=False)) for one in run.steps),
    ]


def step_told(run: Run, one: Execution, *, words: bool = True) -> str:
    """A step of a run in one line; without ``words`` not what was done or written, which may be about somebody."""
    undoes = next((each.number for each in run.steps if each.key == one.undoes), None)
    state = f"waits for {one.waits_for}" if one.state == "waits" and one.waits_for else one.state
    approved = ", ".join(each.by for each in one.approved)
    parts = [
        f"{one.name}: {state}",
        f"undoes step {undoes}" if undoes else "",
        f"approved by {approved}" if approved else "",
        f"done by {one.by}" if one.by else "",
        one.told if words else "",
        f"ledger entry {one.receipt}" if one.receipt is not None else "",
    ]
    return "; ".join(part.rstrip(".") for part in parts if part)
