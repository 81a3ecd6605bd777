"""The pages *Rules*: what decides here, and the workbench, where a rule is drafted, tried on the past and published."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from cityward.answerable.replay import GroupChange, Replay, digest_of, headline, read_pricing, told_share
from cityward.answerable.table import Finding, Table, check, run_tests
from cityward.answerable.table.validity import is_valid
from cityward.city.drafting import rule_asked
from cityward.console.asking import asker_of, signed
from cityward.console.draft_form import FIELDS_MAX, DraftForm, fits, form_of, form_sent, next_version
from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import marked, number, problem_of, say, say_many
from cityward.console.words import day
from cityward.core.errors import CitywardError, Refused, UnknownId, UserError
from cityward.core.records import to_json

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

KEPT_MAX: Final = 20
"""Most replays, and most findings of rules, that are kept in memory."""
PERIOD_DAYS: Final = 90
LEVELS: Final = ("error", "warning", "note")
HITS: Final = {
    "unique": marked("at most one row may hold"),
    "any": marked("several may hold, if they say the same"),
    "first": marked("the first that holds"),
    "priority": marked("the strongest answer"),
    "collect": marked("all that hold"),
    "collect-sum": marked("the sum of all"),
    "collect-min": marked("the least of all"),
    "collect-max": marked("the greatest of all"),
    "collect-count": marked("how many hold"),
}


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/rules``, the page of each rule, and its workbench."""
    pages = RulePages(console)

    @router.get("/rules")
    def rules(request: Request) -> Response:
        return console.page(request, "rules.html", **_listed(console.city))

    @router.get("/rules/{identifier}")
    def rule(request: Request, identifier: str) -> Response:
        return console.page(request, "rule.html", **_shown(console.city, identifier, pages.findings))

    @router.get("/rules/{identifier}/draft")
    def draft(request: Request, identifier: str) -> Response:
        return pages.draft(request, identifier)

    @router.post("/rules/{identifier}/draft")
    async def change(request: Request, identifier: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.change, request, identifier, body)

    @router.get("/console/replays/{key}.json")
    def areas(key: str) -> Response:
        return JSONResponse(pages.areas(key), headers={"cache-control": "no-cache"})


# -- what decides ----------------------------------------------------------------------------------


def _listed(city: City) -> dict[str, Any]:
    today, published = city.today, city.drafting.published()
    drafts = city.drafting.drafts()
    by_id: dict[str, list[Table]] = {}
    for table in city.rules():
        by_id.setdefault(table.id, []).append(table)
    rules = [
        {
            "id": name,
            "table": _now(versions, today),
            "origin": _origin(_now(versions, today), published),
            "valid": any(is_valid(one, today) for one in versions),
            "draft": name in drafts,
            "later": [one for one in versions if one.sheet.valid_from and one.sheet.valid_from > today],
        }
        for name, versions in by_id.items()
    ]
    used = sum(bool(one["valid"]) for one in rules)
    open_ = sum(bool(one["draft"]) for one in rules)
    told = say_many("One rule decides here", "%(num)s rules decide here", used)
    if open_:
        told += "; " + say_many("%(num)s is being drafted", "%(num)s are being drafted", open_)
    return {"headline": told, "rules": rules, "period": _period}


def _period(table: Table) -> str:
    """When a version is valid, as people read days."""
    first, last = table.sheet.valid_from, table.sheet.valid_until
    if first and last:
        return say("from %(first)s until %(last)s", first=day(first), last=day(last))
    if last:
        return say("until %(last)s", last=day(last))
    return say("from %(first)s", first=day(first)) if first else say("always")


def _now(versions: Sequence[Table], today: date) -> Table:
    """The version that is valid, else the newest."""
    return next((one for one in versions if is_valid(one, today)), versions[-1])


def _origin(table: Table, published: Sequence[Any]) -> Any:
    """Who published a version, or None."""
    mine = [one for one in published if (one.rule, one.version) == (table.id, table.version)]
    if not mine:
        return None
    sheet = msgspec.structs.replace(table.sheet, valid_until=None)
    digest = digest_of(Table(sheet, table.conditions, table.outcomes))
    return next((one for one in mine if one.digest == digest), None)


def _shown(city: City, identifier: str, findings: Callable[[Table], Sequence[Finding]]) -> dict[str, Any]:
    versions = [one for one in city.rules() if one.id == identifier]
    if not versions:
        raise UnknownId(say("There is no rule '%(id)s'.", id=identifier[:60]), say("The page Rules names them."))
    table, published = _now(versions, city.today), city.drafting.published(identifier)
    return {
        "table": table,
        "sheet": table.sheet,
        "valid": is_valid(table, city.today),
        "hits": HITS,
        "period": _period,
        "versions": [(one, _origin(one, published)) for one in versions],
        "published": published,
        "findings": findings(table),
        "tests": run_tests(table),
        "draft": identifier in city.drafting.drafts(),
        "form": form_of(table) if fits(table) else None,
    }


# -- the workbench ---------------------------------------------------------------------------------


@dataclass
class Shown:
    """What the workbench shows beside the form."""

    problem: object = ""
    done: str = ""
    replay: Replay | None = None
    status: int = 200
    sent: Mapping[str, str] = field(default_factory=dict)


class RulePages:
    """What the routes of the workbench show; the last replays are kept for their maps, and what was found in rules."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._replays: OrderedDict[str, Replay] = OrderedDict()
        self._findings: OrderedDict[str, tuple[Finding, ...]] = OrderedDict()
        self._lock = Lock()

    def findings(self, table: Table) -> tuple[Finding, ...]:
        """What the checks find in a rule that decides; a large one takes seconds, so that it is checked once."""
        digest = digest_of(table)
        with self._lock:
            found = self._findings.get(digest)
        return found if found is not None else self._keep(self._findings, digest, check(table))

    def _keep(self, kept: OrderedDict[str, Any], key: str, found: Any) -> Any:
        with self._lock:
            kept[key] = found
            while len(kept) > KEPT_MAX:
                kept.popitem(last=False)
        return found

    def draft(self, request: Request, identifier: str) -> Response:
        """The draft that is kept, or the rule in force as the next version."""
        return self._page(request, self._start(identifier), Shown())

    def _start(self, identifier: str) -> DraftForm:
        drafting = self.console.city.drafting
        kept = drafting.draft(identifier)
        if kept is not None:
            return form_of(kept)
        versions = [one for one in self.console.city.rules() if one.id == identifier]
        if not versions:
            raise UnknownId(say("There is no rule '%(id)s'.", id=identifier[:60]), say("The page Rules names them."))
        form = form_of(_now(versions, self.console.city.today))
        form.head.pop("valid_from", None)
        form.head.pop("valid_until", None)
        form.head["version"] = next_version(str(form.head["version"]))
        return form

    def change(self, request: Request, identifier: str, body: bytes) -> Response:
        """Do what a button says; on a mistake show the form again with everything that was typed."""
        fields = first_of(fields_of(body, FIELDS_MAX, blank=True))
        if not fields:
            raise UserError(say("This form is empty or too large."), say("Open it again, or edit the rule as a file."))
        form, what = form_sent(fields, identifier), fields.get("do", "check")
        shown = Shown(sent=fields)
        try:
            if what == "replay":
                shown.replay = self._replay(form.table(), fields)
            elif what == "save":
                self.console.city.drafting.save(form.table())
                shown.done = say("The draft is kept. It decides nothing until it is published.")
            elif what == "publish":
                return self._publish(request, form.table(), signed(request, dict(fields)))
            elif what != "check":
                form.change(what)
                shown.sent = {name: one for name, one in fields.items() if not name.startswith("column-")}
        except (Refused, UserError) as error:
            shown.problem, shown.status = problem_of(error), 422
        return self._page(request, form, shown)

    def _replay(self, draft: Table, fields: Mapping[str, str]) -> Replay:
        since, until = (_day(fields, name) for name in ("since", "until"))
        found = self.console.city.drafting.replay(
            draft,
            since,
            until,
            against="outcome" if fields.get("against") == "outcome" else "recommended",
            better=[one for one in fields.get("better", "").split(",") if one.strip()],
            groups=[one.strip() for one in fields.get("groups", "").split(",") if one.strip()],
            pricing=read_pricing(fields.get("cost", ""), fields.get("currency", "").strip()[:20] or "EUR"),
        )
        self._keep(self._replays, _key(found), found)
        return found

    def _publish(self, request: Request, draft: Table, fields: Mapping[str, str]) -> Response:
        asker = asker_of(request)
        if asker is not None:
            first_day, because = _day(fields, "valid_from"), fields.get("because", "")
            exact = rule_asked(draft, first_day, because)
            words = f"Publish version {draft.version} of the rule {draft.id}, in force from {first_day}: {because}"
            asker.require("publish-rule", "Rule", draft.id, exact, words)
        without = fields.get("without", "").strip()
        evidence = None if without else self._replay(draft, fields)
        made = self.console.city.drafting.publish(
            draft,
            _day(fields, "valid_from"),
            by=fields.get("by", ""),
            because=fields.get("because", ""),
            evidence=evidence,
            without=without,
        )
        return RedirectResponse(f"/explain/{made.id}", 303)

    def _page(self, request: Request, form: DraftForm, shown: Shown) -> Response:
        city = self.console.city
        identifier = str(form.head["id"])
        findings: Sequence[Any] = ()
        tests: Sequence[Any] = ()
        try:
            table = form.table()
            # A draft is valid from the day on which it is published, so that it names none is nothing to find.
            findings = [one for one in check(table) if one.kind != "no-validity"]
            tests = run_tests(table)
        except CitywardError as error:
            if not shown.problem:
                shown.problem = problem_of(error)
        until = city.today
        sent = {
            "since": (until - timedelta(days=PERIOD_DAYS)).isoformat(),
            "until": until.isoformat(),
            "valid_from": (until + timedelta(days=1)).isoformat(),
            **dict.fromkeys(("by", "because", "without", "better", "groups", "cost", "against"), ""),
            **dict.fromkeys(("column-name", "column-unit", "column-values", "column-label"), ""),
            **{name: shown.sent[name] for name in shown.sent if not name.startswith(("w", "t")) or name in _OWN},
        }
        return self.console.page(
            request,
            "draft.html",
            shown.status,
            id=identifier,
            form=form,
            now=city.drafting.in_force(identifier),
            hits=HITS,
            findings=findings,
            tests=tests,
            levels={level: sum(one.level == level for one in findings) for level in LEVELS},
            sent=sent,
            shown=shown,
            replay=shown.replay,
            told=headline(shown.replay) if shown.replay else "",
            key=_key(shown.replay) if shown.replay else "",
            share=told_share,
            signed=lambda value: f"+{number(value)}" if value > 0 else number(value),
            names=city.area_names,
            groupings=_groupings(shown.replay),
            sides=_sides(shown.replay),
        )

    def areas(self, key: str) -> dict[str, Any]:
        """Polygons with the share that loses (or changes) in each; raises UnknownId for a replay of long ago."""
        with self._lock:
            found = self._replays.get(key)
        if found is None:
            raise UnknownId(say("This replay is not kept any more."), say("Replay the draft again."))
        by_place = {one.group: one for one in found.territories}
        polygons = self.console.city.geojson()
        for feature in polygons["features"]:
            properties = feature["properties"]
            one = by_place.get(properties["id"])
            share = (one.worse if found.order else one.changed) if one else None
            properties.update(
                rate=None if share is None or share.share is None else 100 * share.share,
                quiet=share is not None and share.cases is None,
                told=f"{properties['name']}: {_told_of(one, found)}",
            )
        return polygons


_OWN: Final = frozenset({"without", "title", "tests"})


def _told_of(one: GroupChange | None, found: Replay) -> str:
    if one is None:
        return say("no case")
    if found.order:
        return say("%(share)s lose", share=told_share(one.worse))
    return say("%(share)s change", share=told_share(one.changed))


def _key(found: Replay) -> str:
    return sha256(to_json(found)).hexdigest()[:32]


def _groupings(found: Replay | None) -> dict[str, list[GroupChange]]:
    names = dict.fromkeys(one.grouping for one in (found.groups if found else ()))
    return {name: [one for one in found.groups if one.grouping == name] for name in names} if found else {}


def _sides(found: Replay | None) -> list[tuple[str, int | None, int | None]]:
    """How many have each outcome before and after; None where a part of it is not told."""
    if found is None:
        return []
    sums: dict[str | None, list[int | None]] = {}
    for flow in found.flows:
        for at, outcome in enumerate((flow.before, flow.after)):
            kept = sums.setdefault(outcome, [0, 0])
            now = kept[at]
            kept[at] = None if now is None or flow.cases is None else now + flow.cases
    order = {name: at for at, name in enumerate(found.order)}
    ranked = sorted(sums, key=lambda name: (name is None, order.get(name or "", len(order)), name or ""))
    return [(name or say("nothing decided"), sums[name][0], sums[name][1]) for name in ranked]


def _day(fields: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(fields.get(name, "").strip())
    except ValueError:
        raise UserError(say("A day is missing or is none."), say("Write it as 2026-01-31.")) from None
