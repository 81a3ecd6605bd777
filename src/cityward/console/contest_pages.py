"""The pages on which a person reads a decision on his own case and contests it: no account, no script.

Enters: a case number with its secret, or the secret link. Leaves: the decision in plain words, the deadlines, and what
became of the appeal. Never: whether a case number exists, to whoever lacks its secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from cityward.answerable.appeals import WORDS_CHARS_MAX, NotTaken
from cityward.city.appealed import CaseView
from cityward.console.case_wording import WORDING
from cityward.console.contest_texts import CONTEST
from cityward.console.forms import fields_of
from cityward.console.resident_pages import HEADERS, Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.core.appeals import RESIDENT, Appeal
from cityward.core.clock import monotonic
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.records import to_json
from cityward.guard.holds import RULE as HOLD_RULE

if TYPE_CHECKING:
    from cityward.console.pages import Console

TRIES_A_MINUTE: Final = 10
"""Case numbers with a secret that one address can try: nobody types faster, and a guess needs 2^127 of them."""

FORM_BYTES: Final = 128 * 2**10
"""A text of the longest kind in the widest signs, as forms write it."""

FIELDS_MAX: Final = 250
SECRET_CHARS: Final = 400
TYPED_CHARS: Final = 8_000
"""What a form shows again of what was typed: more than is taken, so that it can be shortened."""


class Contests:
    """Pages of one city."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()
        self._tries = Pace(TRIES_A_MINUTE)

    # -- the door ----------------------------------------------------------------------------------

    def enter(self, request: Request, status: int = 200, **form: str) -> HTMLResponse:
        """The form that asks for number and secret, and what appeals came to so far."""
        language = language_asked(request)
        if self._too_fast(request, self._pace):
            return self._slow(request, language)
        text = CONTEST[language]
        shown = {"title": text["enter_title"], "number": "", "problem": "", **form}
        figures = self._figures(language)
        short = text["enter_short"].format(city=self._console.city.name)
        return self._page(request, "contest.html", language, status, short=short, figures=figures, **shown)

    def look_up(self, request: Request, body: bytes) -> Response:
        """Take number and secret; whoever has both is led on."""
        language = language_asked(request)
        if self._too_fast(request, self._tries):
            return self._slow(request, language)
        sent = fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)
        number, secret = (sent.get(name, [""])[0][:SECRET_CHARS] for name in ("number", "secret"))
        try:
            token = self._console.city.appeals.enter(number, secret)
        except UnknownId:
            return self.enter(request, 404, number=number[:40], problem=CONTEST[language]["wrong"])
        return RedirectResponse(f"/case/{token}?lang={language}", 303, headers=HEADERS)

    def _figures(self, language: str) -> str:
        """How often appeals change something, in a sentence; only what may be published."""
        told = self._console.city.appeals.statistics()
        every, text = told.all, CONTEST[language]
        if every.share_changed is None or every.upheld is None or every.changed is None or every.median_days is None:
            return text["figures_none"]
        return text["figures_told"].format(
            decided=every.upheld + every.changed,
            changed=every.changed,
            since=day_in(language, told.since),
            until=day_in(language, told.until),
            days=f"{every.median_days:g}",
        )

    # -- one case ----------------------------------------------------------------------------------

    def show(self, request: Request, token: str, **form: Any) -> HTMLResponse:
        """The decision, and the appeal."""
        language = language_asked(request)
        if self._too_fast(request, self._pace):
            return self._slow(request, language)
        text = CONTEST[language]
        try:
            case = self._console.city.appeals.case(token, WORDING[language])
        except UnknownId:
            shown = {"title": TEXTS[language]["unknown"], "told": [TEXTS[language]["unknown_why"]]}
            return self._page(request, "contest_told.html", language, 404, **shown)
        except Refused:
            shown = {"title": text["unavailable"], "told": [text["unavailable_why"]]}
            return self._page(request, "contest_told.html", language, 503, **shown)
        told = {**self._told(case, language), "problem": "", "words": "", "checked": (), **form}
        return self._page(request, "contest_case.html", language, 422 if told["problem"] else 200, **told)

    def act(self, request: Request, token: str, body: bytes) -> Response:
        """Contest, add, take back or erase, as the form says; on a mistake show it again with what was typed."""
        language = language_asked(request)
        if self._too_fast(request, self._pace):
            return self._slow(request, language)
        sent = fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)
        words, appeals = sent.get("words", [""])[0], self._console.city.appeals
        wrong = tuple(sent.get("wrong", []))
        try:
            if len(body) > FORM_BYTES:
                raise NotTaken("long", "The form is too long.")
            match sent.get("do", [""])[0]:
                case "contest":
                    appeals.contest(token, words, wrong)
                case "add":
                    appeals.add_by_link(token, words, sent.get("about", [""])[0])
                case "withdraw":
                    appeals.withdraw_by_link(token)
                case "erase":
                    appeals.erase_by_link(token)
                case _:
                    raise UserError("button")
        except UnknownId:
            return self.show(request, token)
        except (Refused, UserError) as error:
            return self.show(
                request, token, problem=_problem(error, language), words=words[:TYPED_CHARS], checked=wrong
            )
        return RedirectResponse(f"/case/{token}?lang={language}", 303, headers=HEADERS)

    def _told(self, case: CaseView, language: str) -> dict[str, Any]:
        """What the page says of a case."""
        text, told, terms = CONTEST[language], case.told, self._console.city.appeals.terms
        decision, until = told.decision, day_in(language, case.appeal_by)
        before = case.appeal.before if case.appeal else ""
        law = _law(terms.appeal_law, "appeal_law", text)
        facts, because = self._console.city.appeals.facts(decision), self._console.city.appeals.because_of(decision)
        return {
            "title": text[f"title_{decision.state}"].format(outcome=decision.outcome or ""),
            "lead": self._lead(case, language, before),
            "because": _own_reason(case, text),
            "rule_says": text["rule_says"].format(outcome=decision.recommended, because=because.rstrip("."))
            if because
            else "",
            "why": text["why_first" if decision.state == "reversed" else "why"],
            "rule": text["rule"].format(
                rule=decision.rule,
                version=decision.rule_version,
                row=text["row"].format(row=decision.row) if decision.row else "",
            ),
            "law": text["law"].format(law=told.law.rstrip(".")) if told.law else "",
            "decision": decision,
            "factors": told.factors,
            "would_change": told.would_change if decision.state != "reversed" else (),
            "uncertainty": told.uncertainty,
            "parties": [(text.get(one.duty, one.duty), one.name, one.contact) for one in told.parties],
            "until": text["until"].format(
                day=until, law=law, days=terms.answer_days, answer_law=_law(terms.answer_law, "answer_law", text)
            ),
            "too_late": text["too_late"].format(day=until, law=law)
            if case.late and case.appeal is None and decision.state == "decided"
            else "",
            "other_way": text["other_way"].format(appeal=told.appeal) if told.appeal else "",
            "withdraw_told": text["withdraw_told"].format(day=until),
            "case": case,
            "facts": [(one.name, one.label, _value(one.value, text)) for one in facts],
            "appeal": self._appeal(case.appeal, language, {one.name: one.label for one in facts})
            if case.appeal
            else None,
        }

    def _lead(self, case: CaseView, language: str, before: str) -> list[str]:
        text, decision = CONTEST[language], case.told.decision
        if decision.state == "waiting":
            return [text["waiting"]]
        day = self._day(language, decision.changed_at)
        told = text["by_person"].format(by=decision.by, day=day) if decision.by else text["by_rule"].format(day=day)
        return [told, *([text["reversed"].format(before=before)] if decision.state == "reversed" else [])]

    def _appeal(self, appeal: Appeal, language: str, labels: dict[str, str]) -> dict[str, Any]:
        """What the page says of the appeal."""
        text = CONTEST[language]
        due = day_in(language, appeal.due_on)
        late = self._console.city.appeals.is_overdue(appeal)
        key = "overdue" if late else appeal.state
        closed = self._day(language, appeal.closed_at) if appeal.closed_at else due
        came = self._day(language, appeal.opened_at)
        lines = [
            text["appeal_number"].format(appeal=appeal.id, day=came),
            text[key].format(name=appeal.assigned_to, day=closed, before=appeal.before, after=appeal.after),
        ]
        if appeal.wrong:
            lines.append(text["wrong_facts"].format(facts=", ".join(labels.get(one, one) for one in appeal.wrong)))
        if appeal.because:
            lines += [text["because"].format(because=appeal.because), text["court"]]
        said = [
            (one.words or (text["erased"] if one.digest else ""), labels.get(one.about, one.about), one.by == RESIDENT)
            for one in appeal.said
        ]
        return {"lines": lines, "said": said, "words_kept": any(one.words for one in appeal.said)}

    def _day(self, language: str, moment: Any) -> str:
        day: date = self._console.city.day_of(moment)
        return day_in(language, day)

    # -- pages -------------------------------------------------------------------------------------

    def _too_fast(self, request: Request, pace: Pace) -> bool:
        return not pace.allows(address_of(request), monotonic())

    def _slow(self, request: Request, language: str) -> HTMLResponse:
        text = TEXTS[language]
        return self._page(request, "contest_told.html", language, 429, title=text["slow"], told=[text["slow_why"]])

    def _page(self, request: Request, template: str, language: str, status: int, **shown: Any) -> HTMLResponse:
        html = self._console.templates.get_template(template).render(
            city=self._console.city.name,
            language=language,
            languages=LANGUAGES,
            path=request.url.path,
            text={**TEXTS[language], **CONTEST[language]},
            **shown,
        )
        return HTMLResponse(html, status, headers=HEADERS)


def _own_reason(case: CaseView, text: Any) -> str:
    """The reason of the person who decided; that of an appeal stands with the appeal."""
    decision = case.told.decision
    if not decision.because or decision.state != "decided":
        return ""
    return str(text["reason"].format(because=decision.because))


def _problem(error: Refused | UserError, language: str) -> str:
    """Why a step was not taken, in the language of who reads it; what he cannot mend leads to the office."""
    text = CONTEST[language]
    if isinstance(error, NotTaken):
        why = f"no_{error.why}"
    elif isinstance(error, Refused):
        why = "no_hold" if error.rule == HOLD_RULE else "no_other"
    else:
        why = "no_button"
    return text.get(why, text["no_other"]).format(most=WORDS_CHARS_MAX)


def _law(law: str, name: str, text: Mapping[str, str]) -> str:
    """A law of ``city.toml`` as the city words it; that of the default settings in the language of the page."""
    return text[name] if law == CONTEST["en"][name] else law


def _value(value: str, text: Mapping[str, str]) -> str:
    return {"": "–", "yes": text["true"], "no": text["false"]}.get(value, value)


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/case`` and what lies behind it."""
    pages = Contests(console)

    @router.get("/case")
    def enter(request: Request) -> Response:
        return pages.enter(request)

    @router.post("/case")
    async def look_up(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.look_up, request, body)

    @router.get("/case/statistics.json")
    def statistics() -> Response:
        return Response(to_json(console.city.appeals.statistics()), media_type=JSONResponse.media_type)

    @router.get("/case/{token}")
    def show(request: Request, token: str) -> Response:
        return pages.show(request, token)

    @router.post("/case/{token}")
    async def act(request: Request, token: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.act, request, token, body)
