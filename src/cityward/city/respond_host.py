"""Where a run of a playbook lives: its memory in registers and ledger, and its ways to act."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from cityward.city.respond_acts import do_act
from cityward.city.respond_sending import send_step
from cityward.core.clock import pause
from cityward.core.errors import CitywardError
from cityward.core.receipts import receipt
from cityward.core.records import to_json
from cityward.secure.respond.effects import Effect
from cityward.secure.respond.engine import NotDone, Result, Unclear
from cityward.secure.respond.records import Execution, Run, Step
from cityward.secure.respond.targets import Respond, secret_in
from cityward.secure.respond.values import HIDDEN, named_in

if TYPE_CHECKING:
    from cityward.city.city import City

GRACE_SECONDS: Final = 2.0
"""How much longer than its time-out a call to the outside may take before it is left alone."""


class Host:
    """The host of runs of ``city``; see `cityward.secure.respond.engine.Host`."""

    def __init__(self, city: City, targets: Respond) -> None:
        self._city, self._targets = city, targets
        self._run: Run | None = None

    def now(self) -> datetime:
        """The time."""
        return self._city.clock.now()

    def pause(self, seconds: float) -> None:
        """Wait before another try."""
        pause(seconds)

    def keep(self, run: Run, step: Execution | None, told: str) -> Run:
        """Enter what happened in the ledger, then keep the run; who reads it later finds both or the step not done."""
        with self._city.writing():
            if told:
                facts = facts_of(run, told, step)
                content = to_json(step if step is not None else run)
                (index,) = self._city.enter([(run.id, receipt("response", run.id, self.now(), content, **facts))])
                run = msgspec.structs.replace(run, receipt=index, steps=_noted(run, step, index))
            self._city.registers.put("response", [run], update=("body", "state"), state=run.state)
        self._run = run
        return run

    def do(self, effect: Effect, step: Step, key: str, values: Mapping[str, str]) -> Result:
        """Do an effect; raises as `cityward.secure.respond.engine.Host.do`."""
        run = self._run
        if run is None:
            raise NotDone("The step was not kept before it was to be done.")
        if effect.kind == "act":
            return do_act(self._city, run, effect.command.command, values)
        secrets = self._secrets(effect)
        target = self._targets.of(effect.receiver)
        if target is None:
            raise NotDone("respond.toml names this target no more.")
        filled, seconds = {**values, **secrets}, min(target.timeout_seconds, step.timeout_seconds)
        if effect.kind == "ssh":
            from cityward.secure.respond.adapters.ssh import run_command

            result = bounded(lambda: run_command(target, self._city.path, effect.command, step, values), seconds)
        else:
            result = bounded(
                lambda: send_step(target, self._city.path, self._city.clock, run, effect, step, key, filled), seconds
            )
        return _without(result, secrets)

    def _secrets(self, effect: Effect) -> dict[str, str]:
        """Secrets that an effect needs, read at the last moment; they are kept nowhere."""
        found = {}
        for name in named_in(effect.command.content):
            held = self._targets.secrets.get(name.strip("_"))
            if held is not None and held.to == effect.receiver:
                try:
                    found[name] = secret_in(self._city.path, f"the secret {name}", held.file, held.environment)
                except CitywardError as error:
                    raise NotDone(f"{getattr(error, 'what', error)}") from None
        return found


def facts_of(run: Run, what: str, step: Execution | None = None) -> dict[str, str | int]:
    """What an entry about a run says in the open; of a quiet one not which playbook it is, nor which of its steps."""
    facts: dict[str, str | int] = {"what": what}
    if step is not None:
        facts["number"] = step.number
    if step is not None and not run.quiet:
        facts["step"] = step.step
    if step is None and not run.quiet:
        facts["playbook_sha256"] = run.sha256
    return facts


def bounded(do: Callable[[], Result], seconds: float) -> Result:
    """Do something that waits for others, and wait no longer than its bound, whatever the other side sends how slowly.

    Raises
    ------
    Unclear
        It did not end; it may have happened.
    """
    ended: list[Result | BaseException] = []

    def work() -> None:
        try:
            ended.append(do())
        except BaseException as error:  # noqa: BLE001 (it is raised again where somebody waits)
            ended.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds + GRACE_SECONDS)
    if not ended:
        raise Unclear(f"It did not end within {seconds:g} seconds.", again=True)
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def _noted(run: Run, step: Execution | None, index: int) -> tuple[Execution, ...]:
    return tuple(
        msgspec.structs.replace(one, receipt=index) if step is not None and one.key == step.key else one
        for one in run.steps
    )


def _without(result: Result, secrets: Mapping[str, str]) -> Result:
    """What came back, without secrets that somebody sent back."""
    told = result.told
    for secret in secrets.values():
        told = told.replace(secret, HIDDEN)
    kept = {name: text for name, text in result.outputs.items() if not any(one in text for one in secrets.values())}
    return Result(told=told, outputs=kept)
