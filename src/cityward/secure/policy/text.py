"""Reads files of policies: each statement with its line, its identifier and its words, checked against the schema.

Source: Cedar policy language 4, grammar of policies (comments begin with ``//``; strings escape with a backslash).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from cityward.core.errors import SettingsError
from cityward.core.records import Record

if TYPE_CHECKING:
    from cedarpy import Schema

FILE_BYTES_MAX: Final = 256 * 2**10
FILES_MAX: Final = 100
STATEMENTS_MAX: Final = 1_000
"""Each decision looks at every policy; with a thousand it takes about a millisecond."""

_TOKEN: Final = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|;', re.DOTALL)
_DOC: Final = re.compile(
    r'@doc\("([^"]+)"\)\s*action "([a-z-]+)"(?: in \[([^\]]*)\])?(?: appliesTo [^;]*?resource: \[([^\]]*)\])?'
)
_AS_MANY: Final = 'Write @id("…") and @advice("…") before permit or forbid, the advice in plain words.'


class Statement(Record, frozen=True, kw_only=True):
    """One policy of a file: ``id`` and ``advice`` are its annotations, ``line`` counts from 1."""

    id: str
    advice: str
    effect: Literal["permit", "forbid"]
    file: str
    line: int
    text: str
    actions: tuple[str, ...] | None
    """Actions and groups that its head names; None means all."""


class Action(Record, frozen=True, kw_only=True):
    """What may be asked: its words, the groups it belongs to, and the kinds of things it can be about."""

    id: str
    words: str
    groups: tuple[str, ...]
    kinds: tuple[str, ...]


def cedar() -> Any:
    """The engine.

    Raises
    ------
    SettingsError
        It is not installed.
    """
    try:
        import cedarpy
    except ModuleNotFoundError:
        raise SettingsError(
            "Policies need a library that is not installed.", "Install it: pip install 'cityward[access]'."
        ) from None
    return cedarpy


def schema_text() -> str:
    """The schema that every policy is checked against."""
    return (resources.files("cityward.secure.policy") / "rules" / "schema.cedarschema").read_text(encoding="utf-8")


def actions(schema: str) -> dict[str, Action]:
    """Actions of a schema that are about something, by identifier."""
    return {
        name: Action(id=name, words=words, groups=_quoted(groups), kinds=tuple(kinds.replace(" ", "").split(",")))
        for words, name, groups, kinds in _DOC.findall(schema)
        if kinds
    }


def _quoted(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r'"([^"]+)"', text))


def shipped() -> list[tuple[str, str]]:
    """Name and text of each file of policies that comes with the program, by name."""
    folder = resources.files("cityward.secure.policy") / "rules"
    files = (file for file in folder.iterdir() if file.name.endswith(".cedar"))
    return sorted((file.name, file.read_text(encoding="utf-8")) for file in files)


def own(folder: Path) -> list[tuple[str, str]]:
    """Name and text of each file of a city's own policies, by name.

    Raises
    ------
    SettingsError
        There are too many, or one is too large or no text.
    """
    paths = sorted(folder.glob("*.cedar"))
    if len(paths) > FILES_MAX:
        raise SettingsError(f"{folder.name}/ holds more than {FILES_MAX} files of policies.", "Put some together.")
    return [(f"{folder.name}/{path.name}", read(path)) for path in paths]


def read(path: Path) -> str:
    """The text of one file; raises as `own`."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise SettingsError(f"{path.name} is larger than {FILE_BYTES_MAX // 2**10} KB.", "Split it.")
        return data.decode("utf-8")
    except OSError as error:
        raise SettingsError(
            f"{path.name} cannot be read ({type(error).__name__}).", "Mend it, or take it away."
        ) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path.name} is not UTF-8 text.", "Save it as UTF-8.") from None


def statements(file: str, text: str, schema: Schema) -> list[Statement]:
    """Every policy of a file, checked.

    Raises
    ------
    SettingsError
        One cannot be read, lacks its identifier or its words, or does not fit the schema; file and line are named.
    """
    engine = cedar()
    found = []
    for line, part in _parts(text):
        try:
            parsed = json.loads(engine.policies_to_json_str(part))
        except ValueError as error:
            raise _broken(file, line, f"it cannot be read ({_short(error)})", "Mend it; ';' ends a policy.") from None
        if len(parsed["staticPolicies"]) != 1:
            raise _broken(file, line, "it is a template, or nothing at all", "Name the principal and the resource.")
        policy = next(iter(parsed["staticPolicies"].values()))
        notes = policy.get("annotations", {})
        if not (notes.get("id") or "").strip() or not (notes.get("advice") or "").strip():
            raise _broken(file, line, "it has no @id or no @advice", _AS_MANY)
        said = {"id": notes["id"], "advice": notes["advice"], "effect": policy["effect"], "text": part.strip()}
        found.append(Statement(file=file, line=line, actions=_heads(policy["action"]), **said))
    told = engine.validate_policies("\n".join(one.text for one in found), schema)
    for wrong in told.errors:
        at = found[int(wrong.policy_id.removeprefix("policy"))] if wrong.policy_id else found[0]
        words = re.sub(r"^for policy `policy\d+`, ", "", wrong.error)
        raise _broken(file, at.line, words, "'cityward access matrix' names actions, kinds and roles.")
    return found


def _heads(head: dict[str, Any]) -> tuple[str, ...] | None:
    """The actions and groups in the head of a policy."""
    if head["op"] == "All":
        return None
    return tuple(one["id"] for one in head.get("entities", [head.get("entity")]))


def unique(found: Sequence[Statement]) -> None:
    """Refuse two policies of one identifier, and more than a decision can look at."""
    seen: dict[str, Statement] = {}
    for one in found:
        if one.id in seen:
            other = seen[one.id]
            raise _broken(
                one.file, one.line, f'@id("{one.id}") is that of {other.file}, line {other.line}', "Choose another."
            )
        seen[one.id] = one
    if len(found) > STATEMENTS_MAX:
        raise SettingsError(f"There are more than {STATEMENTS_MAX:,} policies.", "Put some together.")


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """The statements of a text, each with the line on which it begins."""
    start = 0
    for token in _TOKEN.finditer(text):
        if token.group() == ";":
            yield _begins(text, start), text[start : token.end()]
            start = token.end()
    rest = re.sub(r"//[^\n]*", "", text[start:])
    if rest.strip():
        yield _begins(text, start), text[start:]


def _begins(text: str, start: int) -> int:
    blank = re.compile(r"(?:\s|//[^\n]*)*").match(text, start)
    return text.count("\n", 0, blank.end() if blank else start) + 1


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200]


def _broken(file: str, line: int, why: str, remedy: str) -> SettingsError:
    return SettingsError(f"{file}, line {line}: this policy does not count, and none of the set: {why}.", remedy)
