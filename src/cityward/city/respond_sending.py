"""Steps of playbooks that leave the house as signed webhooks, by the same client that sends orders.

Source: Standard Webhooks 1.0; OWASP, Server-Side Request Forgery Prevention.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from cityward.act.send.http import Answer, Client, accepted
from cityward.act.send.signing import key_of, sign
from cityward.act.send.way import NotDelivered, Way
from cityward.core.clock import Clock
from cityward.core.errors import SettingsError, UserError
from cityward.core.records import to_json
from cityward.secure.outbound import NotAllowed
from cityward.secure.respond.effects import Effect
from cityward.secure.respond.engine import Failed, NotDone, Result, Unclear
from cityward.secure.respond.records import Run, Step
from cityward.secure.respond.targets import NAME, Target, secret_in
from cityward.secure.respond.values import filled

_OUTPUT_CHARS: Final = 2_000
_NEVER_SENT: Final = (NotAllowed, httpx.ConnectError, httpx.ConnectTimeout)


def send_step(
    target: Target,
    folder: Path,
    clock: Clock,
    run: Run,
    effect: Effect,
    step: Step,
    key: str,
    values: Mapping[str, str],
) -> Result:
    """Send what a step says to its target; any 2xx is a yes, and its JSON may set the variables of ``out_args``.

    Raises
    ------
    NotDone
        Nothing was sent.
    Failed
        It answered, and not with a yes.
    Unclear
        It was sent, and no answer came.
    """
    try:
        secret = secret_in(folder, f"the secret of '{target.name}'", target.secret_file, target.secret_environment)
        way = Way(
            name=target.name, adapter="webhook", folder=folder, now=clock.now, url=target.url, secret=secret,
            allow_private=target.allow_private, timeout_seconds=min(target.timeout_seconds, step.timeout_seconds),
        )  # fmt: skip
        signing, client = key_of(secret), Client(way)
        body = _body(clock.now(), run, effect, step, values)
    except UserError as error:
        raise NotDone(_ours(error.what)) from None
    path = effect.command.command.removeprefix("POST ").split(" ")[0]
    headers = {"content-type": "application/json", "idempotency-key": key, **sign(signing, key, clock.now(), body)}
    with closing(client):
        try:
            answer = client.request("POST", "" if path == "/" else path, headers=headers, content=body)
        except NotDelivered as error:
            sent = not isinstance(error.__context__, _NEVER_SENT)
            kind = Unclear if sent else NotDone
            raise kind(_ours(error.words), again=not isinstance(error.__context__, NotAllowed)) from None
        except SettingsError as error:
            raise NotDone(_ours(error.what)) from None
    return _result(answer, step)


def _body(now: datetime, run: Run, effect: Effect, step: Step, values: Mapping[str, str]) -> bytes:
    content = json.loads(effect.command.content) if effect.command.content else None
    data = {
        "run": run.id, "playbook": run.playbook, "playbook_sha256": run.sha256, "step": step.id, "name": step.title,
        "content": _filled(content, values),
    }  # fmt: skip
    return to_json({"type": "respond.step", "timestamp": now, "data": data})


def _filled(content: Any, values: Mapping[str, str]) -> Any:
    """Variables stand in texts of the JSON alone: a value can never become a part of its structure."""
    if isinstance(content, dict):
        return {name: _filled(inner, values) for name, inner in content.items()}
    if isinstance(content, list):
        return [_filled(inner, values) for inner in content]
    return filled(content, values) if isinstance(content, str) else content


def _result(answer: Answer, step: Step) -> Result:
    try:
        accepted(answer)
    except NotDelivered as error:
        raise Failed(_ours(error.words), again=answer.status >= 500 or answer.status == 429) from None
    outputs: dict[str, str] = {}
    if step.out_args and answer.whole:
        try:
            said = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            said = None
        for name in step.out_args if isinstance(said, dict) else ():
            value = said.get(name.strip("_"))
            if isinstance(value, str | int | float | bool):
                outputs[name] = (str(value).lower() if isinstance(value, bool) else str(value))[:_OUTPUT_CHARS]
    return Result(told=f"It answered {answer.status}.", outputs=outputs)


def _ours(words: str) -> str:
    """Words of the client that sends orders, which speak of another file."""
    return words.replace("city.toml: the way", f"{NAME}: the target").replace("city.toml", NAME)
