"""What a person can ask about himself: access, rectification, erasure, objection and restriction, with deadlines."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import polars as pl

from cityward.city.photographs import photos_in
from cityward.city.saying import name_of
from cityward.core.batch import Batch
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.frames import INTERACTION, PLACED, conform
from cityward.core.identifiers import make_id
from cityward.core.limits import TEXT_CHARS
from cityward.core.persons import PersonRequest, Retained, Right, months_after
from cityward.core.records import Record, to_json
from cityward.guard import erase as door
from cityward.guard.backup import destroy_days, destroy_subject, seal
from cityward.guard.decided import case_decision
from cityward.guard.holds import RULE as HOLD_RULE
from cityward.guard.holds import WHY as HOLD_WHY
from cityward.guard.retain import RULE as RETENTION_RULE
from cityward.guard.retain import retain
from cityward.know.place import place
from cityward.private.pseudonym import Pseudonyms, load_or_create_key
from cityward.private.purposes import PURPOSES
from cityward.private.redact import redact_text
from cityward.private.restrictions import STILL_READ_FOR

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.settings import RetentionSection

IDENTIFIER_CHARS_MAX: Final = 200
EXTENSION_MONTHS: Final = 2
"""By how much the month can be extended (Source: Regulation (EU) 2016/679, article 12(3))."""

REASON_CHARS_MIN: Final = 10
REASON_CHARS_MAX: Final = 1_000
RECTIFIED: Final = ("text", "address", "channel", "service")
"""Columns that a person can have put right."""

_NOT_PROVEN = "That is not right, or there is no such thing."


class Use(Record, frozen=True, kw_only=True):
    """One purpose for which rows of a person are read, and the columns that it sees."""

    purpose: str
    columns: tuple[str, ...]


class Held(Record, frozen=True, kw_only=True):
    """What is held of a person."""

    request: PersonRequest
    interactions: tuple[dict[str, Any], ...]
    answers: tuple[dict[str, Any], ...]
    decisions: tuple[dict[str, Any], ...]
    uses: tuple[Use, ...]
    left_out: tuple[str, ...]
    until: dict[str, str]


class Persons:
    """Rights of persons in ``city``; reached as ``city.persons``."""

    def __init__(self, city: City) -> None:
        self._city = city

    # -- who asks ----------------------------------------------------------------------------------

    @cached_property
    def _pseudonyms(self) -> Pseudonyms:
        return Pseudonyms(load_or_create_key(self._city.folder.pseudonym_key))

    def by_identifier(self, identifier: str) -> door.Subject:
        """Whoever knows the identifier by which a source knows him.

        Raises
        ------
        UserError
            It is empty or too long. It is never repeated in the message.
        """
        if not identifier or len(identifier) > IDENTIFIER_CHARS_MAX:
            raise UserError(
                f"An identifier has 1 to {IDENTIFIER_CHARS_MAX} characters.", "Give the one that the source knows."
            )
        return door.subject_of(identifier, self._city.folder.history, self._pseudonyms, self._city.mappings())

    def by_order(self, order: str, token: str) -> door.Subject:
        """Whoever has the secret link of an order.

        Raises
        ------
        UserError
            The link is not that of the order, or there is no such order: the answer is the same.
        """
        held = self._city.orders.outbox.holds(order)
        token = token.rstrip("/").rsplit("/", 1)[-1]
        right = hmac.compare_digest(token.encode(), self._city.orders.secret_of(order).encode())
        if not right or not held:
            raise UserError(_NOT_PROVEN, "Check the number and the whole secret link.")
        return door.Subject(order=order)

    def by_case(self, decision: str, secret: str) -> door.Subject:
        """Whoever has the number of a decision on his own case and its secret.

        Raises
        ------
        UserError
            They do not belong together, or there is no such decision: the answer is the same.
        """
        try:
            case = self._city.appeals.case(self._city.appeals.enter(decision, secret))
        except UnknownId:
            raise UserError(_NOT_PROVEN, "Check the number and the whole secret link.") from None
        return door.Subject(decision=case.told.decision.id)

    # -- requests and deadlines --------------------------------------------------------------------

    def open_request(self, right: Right, by: str, proof: str = "none yet", subject: str | None = None) -> PersonRequest:
        """Note a request and start its month; return it."""
        by = name_of(by, "Who takes this request?")
        now = self._city.clock.now()
        with self._city.writing():
            # Nothing of the person goes into the identifier: it is written in letters and in the ledger.
            number = len(self.requests())
            request = PersonRequest(
                id=make_id("request", number, right, now.isoformat()),
                right=right,
                state="open",
                made_at=now,
                due_on=months_after(self._city.day_of(now), 1),
                by=by,
                proof=proof,
                subject=subject,
            )
            return self._keep(request, "person-request")

    def requests(self, *, only_open: bool = False) -> list[PersonRequest]:
        """Requests, oldest first."""
        every = self._city.registers.list_of("request", PersonRequest)
        return [one for one in every if one.state == "open" or not only_open]

    def is_overdue(self, request: PersonRequest) -> bool:
        """Whether its last day is over and the request still open."""
        return request.state == "open" and self._city.today > request.due_on

    def secret_of(self, request: PersonRequest) -> str:
        """What the person needs, with the number, to ask how his request stands; derived, kept nowhere."""
        return self._secret(request.id)

    def status(self, identifier: str, secret: str) -> PersonRequest:
        """How a request stands, for whoever has its secret; a wrong one and a wrong number are answered alike."""
        # The secret first: with a wrong one nothing is looked up, so that not even the time tells what there is.
        right = hmac.compare_digest(secret.encode(), self._secret(identifier).encode())
        held = self._city.registers.get(identifier, PersonRequest) if right and identifier.startswith("Q-") else None
        if held is None:
            raise UserError(_NOT_PROVEN, "Check the number and the secret of your request.")
        return held

    def _secret(self, identifier: str) -> str:
        key = load_or_create_key(self._city.folder.residents_key)
        return urlsafe_b64encode(hmac.digest(key, f"request {identifier}".encode(), "sha256")[:18]).decode()

    def extend(self, number: str, by: str, because: str, told_on: date) -> PersonRequest:
        """Give a request two further months, of which the person was told, with the reason (GDPR article 12(3)).

        Parameters
        ----------
        number : str
            Of an open request that was not extended before.
        by : str
            First and last name of who extends it.
        because : str
            The reason, as the person was told it: that it is complex, or one of many.
        told_on : datetime.date
            The day on which the person was told; within the first month.

        Raises
        ------
        UnknownId, UserError
            No such request; it is done, was extended, has no reason, or the person was told too late or not yet.
        """
        named, because = self._named(number), redact_text(" ".join(because.split()))
        by = name_of(by, "Who takes this request?")
        if named.state != "open" or named.told_on is not None:
            what = "is done" if named.state != "open" else f"was extended to {named.due_on} already"
            raise UserError(f"{named.id} {what}.", "A request is extended once, while it is open (article 12(3)).")
        if not REASON_CHARS_MIN <= len(because) <= REASON_CHARS_MAX:
            raise UserError(
                f"To extend a request needs a reason of {REASON_CHARS_MIN} to {REASON_CHARS_MAX:,} characters.",
                "Write what the person was told: why it is complex, or how many requests there are.",
            )
        if not self._city.day_of(named.made_at) <= told_on <= min(named.due_on, self._city.today):
            raise UserError(
                f"The person has to be told between the day of the request and {named.due_on} (article 12(3)); "
                f"{told_on} is not, or is still to come.",
                "Tell the person first, then write it down here. Without that the first month stands: answer now.",
            )
        return self._keep(
            msgspec.structs.replace(
                named,
                due_on=months_after(self._city.day_of(named.made_at), 1 + EXTENSION_MONTHS),
                by=by,
                extended_because=because,
                told_on=told_on,
            ),
            "person-extension",
        )

    def _named(self, number: str) -> PersonRequest:
        named = self._city.registers.get(number, PersonRequest) if number.startswith("Q-") else None
        if named is None:
            raise UnknownId(f"There is no request '{number[:20]}'.", "'cityward person requests' lists them.")
        return named

    def _keep(self, request: PersonRequest, kind: str) -> PersonRequest:
        """Ledger first, then the register; the entry says what, never about whom."""
        told = msgspec.structs.replace(request, subject=None, by="")
        facts: dict[str, str | int] = {"right": request.right, "state": request.state, "rule": door.RULE}
        facts |= {f"count_{name}": count for name, count in request.counts.items()}
        facts |= {"due_on": str(request.due_on), "told_on": str(request.told_on)} if request.told_on else {}
        columns, state = ("body", "state"), request.state
        return self._city.keep("request", request, facts, told=kind, content=to_json(told), update=columns, state=state)

    def _request(self, right: Right, subject: door.Subject, by: str, number: str | None) -> PersonRequest:
        """The request that is answered now: the one named, one that was cut off, or a new one."""
        who = self._who(subject)
        proof = "order" if subject.order is not None else "case" if subject.decision is not None else "identifier"
        if number is not None:
            named = self._named(number)
            if named.state != "open" or named.right != right or named.subject not in (None, who):
                raise UserError(f"{named.id} is not an open request for this.", "Look at 'cityward person requests'.")
            request = msgspec.structs.replace(named, proof=proof, subject=who)
            with self._city.writing():
                self._city.registers.put("request", [request], update=("body",))
            return request
        open_ones = self.requests(only_open=True)
        cut_off = next((one for one in open_ones if one.subject == who and one.right == right), None)
        return cut_off or self.open_request(right, by, proof, who)

    def _who(self, subject: door.Subject) -> str:
        """A keyed digest of the subject, of no use anywhere else."""
        proved = f"order {subject.order}" if subject.order is not None else f"case {subject.decision}"
        value = subject.identifier if subject.identifier is not None else proved
        return str(self._pseudonyms.column(pl.Series([value]), "requests of persons")[0])

    def _done(self, request: PersonRequest, counts: Mapping[str, int]) -> PersonRequest:
        done = msgspec.structs.replace(
            request, state="done", done_at=self._city.clock.now(), subject=None, counts=dict(counts)
        )
        return self._keep(done, f"person-{request.right}")

    # -- the rights --------------------------------------------------------------------------------

    def access(self, subject: door.Subject, by: str, number: str | None = None) -> Held:
        """What is held, for which purposes, and until when (GDPR article 15)."""
        request = self._request("access", subject, by, number)
        with self._city.writing() as intake:
            intake.flush()
        rows = door.held_rows(self._city.folder.history, subject)
        orders = door.held_orders(self._place, subject, rows["key"].to_list())
        shown = rows.select(name for name in door.SHOWN if name in rows.columns).sort("occurred_at")
        said = tuple(
            {"order": order.id, "service": order.job.service, "state": order.state, "words": words}
            for order in orders
            for words in [*door.words_of(order), *([""] if not door.words_of(order) else [])]
        )
        left_out = tuple(door.restrictions_of(self._city.folder.history, subject))
        decisions = tuple(self._case(row) for row in self._cases(subject).iter_rows(named=True))
        counts = {"interactions": rows.height, "orders": len(orders), "decisions": len(decisions)}
        return Held(
            request=self._done(request, counts),
            interactions=tuple(shown.iter_rows(named=True)),
            answers=said,
            decisions=decisions,
            uses=self.uses(left_out) if rows.height else (),
            left_out=left_out,
            until=self.until(),
        )

    def _cases(self, subject: door.Subject) -> pl.DataFrame:
        return door.held_cases(self._city.folder.history, subject)

    def _case(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What a person is told of one decision about him, with what was said in appeals against it."""
        decided = case_decision(dict(row))
        return {
            "decision": decided.id,
            "case": decided.case,
            "rule": f"{decided.rule} {decided.rule_version}",
            "state": decided.state,
            "outcome": decided.outcome or "",
            "because": decided.because,
            "decided_at": decided.decided_at,
            "facts": decided.inputs,
            "appeals": [
                {"appeal": one.id, "state": one.state, "because": one.because,
                 "said": [{"by": said.by, "about": said.about, "words": said.words} for said in one.said]}
                for one in self._city.appeals.against(decided.id)
            ],
        }  # fmt: skip

    def uses(self, left_out: tuple[str, ...] = ()) -> tuple[Use, ...]:
        """Purposes that read interactions, with what they see; without those that restrictions leave out."""
        granted: dict[str, set[str]] = {}
        for grant in self._city.keeper.grants().in_force().values():
            if grant.table == "interactions":
                granted.setdefault(grant.purpose, set()).update(grant.fields)
        return tuple(
            Use(purpose=purpose, columns=tuple(name for name in door.SHOWN if name in granted[purpose]))
            for purpose in PURPOSES
            if purpose in granted and all(purpose in STILL_READ_FOR[kind] for kind in left_out)
        )

    def until(self) -> dict[str, str]:
        """For how long each kind of thing is kept, in words."""
        kept = self._city.settings.retention
        names = {
            "reports": (kept.interactions, "from the day that it tells of"),
            "your pseudonym": (kept.personal, "from that day"),
            "texts": (kept.free_text, "from that day"),
            "addresses": (kept.location, "from that day"),
            "answers about work": (kept.answers, "from the last step of the work"),
            "words of appeals": (kept.answers, "from the answer to the appeal"),
            "decisions of cases": (kept.decisions, "from the day of the decision"),
        }
        return {
            name: f"{days} days {since}" if days else "no limit is set: until you ask for erasure"
            for name, (days, since) in names.items()
        }

    def rectify(
        self,
        subject: door.Subject,
        by: str,
        source: str,
        row: str,
        changes: Mapping[str, str],
        number: str | None = None,
    ) -> PersonRequest:
        """Put a row right by a revision; what was said before stays as an earlier version (GDPR article 16).

        Raises
        ------
        UserError
            No such row of this person; a column that cannot be changed.
        """
        if subject.identifier is None:
            raise UserError("A rectification needs the identifier that the source knows.", "Prove it without --order.")
        wrong = [name for name in changes if name not in RECTIFIED]
        if wrong or not changes:
            raise UserError(
                f"Columns that can be put right: {', '.join(RECTIFIED)}.", "Write column=value, one a line."
            )
        if any(len(value) > TEXT_CHARS for value in changes.values()):
            raise UserError(f"A value is longer than {TEXT_CHARS:,} characters.", "Shorten it.")
        request = self._request("rectify", subject, by, number)
        with self._city.writing() as intake:
            intake.flush()
            rows = door.held_rows(self._city.folder.history, subject)
            mine = rows.filter((pl.col("source") == source) & (pl.col("id") == row))
            if mine.height != 1:
                raise UserError(_NOT_PROVEN, "'cityward person access' lists the rows with their source and number.")
            # What is not changed was treated by the door already; the person's name in history is made anew.
            mapping = self._city.mappings().get(source)
            classes = {name: mapping.class_of(name) if mapping else "free-text" for name in changes}
            revised = mine.with_columns(
                *(pl.lit(value).alias(name) for name, value in changes.items()), person=pl.lit(subject.identifier)
            )
            frame = place(conform(revised.drop("territory", "placed_by"), INTERACTION), self._city.level(None)[0])
            batch = Batch(source, "rectification", 1, conform(frame, PLACED), classes={**classes, "person": "personal"})
            taken = intake.admit(intake.treat(batch))
            if taken.refused:
                raise Refused(door.RULE, "The door refused the new value.", "Write it without biometric data.")
            intake.flush()
        return self._done(request, {"revised": taken.revised, "repeated": taken.repeated})

    def erase(self, subject: door.Subject, by: str, number: str | None = None) -> PersonRequest:
        """Take everything of the person out (GDPR article 17); done only when nothing is left.

        What a hold on evidence keeps stays, restricted (article 18), and the request with it: the same erasure again
        takes it out once the hold is released.

        Raises
        ------
        Refused
            A hold keeps something; all the rest was taken out.
        cityward.core.errors.CityBusy
            Another process writes to this city.
        cityward.guard.erase.NotErased
            Something is left in a file that only a person can mend.
        """
        request = self._request("erase", subject, by, number)

        def note(counts: dict[str, int]) -> None:
            nonlocal request
            most = {name: max(count, request.counts.get(name, 0)) for name, count in counts.items()}
            request = msgspec.structs.replace(request, counts={**request.counts, **most})
            self._city.registers.put("request", [request], update=("body",))
            if not _held(counts):
                destroy_subject(self._city.folder.signing_key.parent, subject)
                if gone := photos_in(self._city).erase(subject):
                    request = msgspec.structs.replace(request, counts={**request.counts, "photos": gone})

        # What was asked of a case leads to its appeals: their words go before it.
        with self._city.writing() as intake:
            intake.flush()
        said = self._city.appeals.erase_words_of(
            self._cases(subject)["id"].to_list(), lambda words: door.names(subject, words)
        )
        most = {**request.counts, "appeals": max(said, request.counts.get("appeals", 0))}
        request = msgspec.structs.replace(request, counts=most)
        counts: dict[str, int] = self._alone(lambda: door.erase(self._place, subject, note))
        if _held(counts):
            raise self._kept_back(request, subject, counts)
        return self._done(request, {name: count for name, count in request.counts.items() if name not in door.HELD})

    def _kept_back(self, request: PersonRequest, subject: door.Subject, counts: Mapping[str, int]) -> Refused:
        """Note that a hold keeps something of the person, and restrict it to legal claims."""
        with self._city.writing():
            if subject.identifier is not None:
                door.restrict(self._city.folder.history, subject, "restriction")
        kept = self._keep(msgspec.structs.replace(request, counts={**request.counts, **counts}), "person-erase")
        reports, orders, decisions = (counts[name] for name in door.HELD)
        cases = f", and what was asked and said in {decisions} decisions of cases" if decisions else ""
        return Refused(
            HOLD_RULE,
            f"All was erased but {reports} reports and {orders} orders{cases}: they are evidence of a decision under a "
            f"hold ({HOLD_WHY}). They are restricted meanwhile, and {kept.id} stays open.",
            "Tell the person so and why (article 12(4)); 'cityward liability holds' lists holds. Once they are "
            "released, do the same again.",
        )

    def leave_out(
        self, subject: door.Subject, right: Right, by: str, number: str | None = None, *, lift: bool = False
    ) -> PersonRequest:
        """Restrict processing (GDPR article 18), take note of an objection (article 21), or lift both."""
        if subject.identifier is None:
            raise UserError("This needs the identifier that the source knows.", "Prove it without --order.")
        request = self._request(right, subject, by, number)
        with self._city.writing():
            if lift:
                lifted = door.lift(self._city.folder.history, subject)
                return self._done(request, {"lifted": lifted})
            door.restrict(self._city.folder.history, subject, "restriction" if right == "restrict" else "objection")
        return self._done(request, {"sources": len(subject.pseudonyms)})

    # -- retention ---------------------------------------------------------------------------------

    def retain(self) -> Retained | None:
        """Delete what was kept for longer than ``[retention]`` of ``city.toml`` allows; None when nothing is limited.

        Raises
        ------
        cityward.core.errors.CityBusy
            Another process writes to this city.
        """
        limits = {name: days for name, days in _limits(self._city.settings.retention).items() if days}
        if not limits:
            return None
        now, before = self._city.clock.now(), self.retentions()
        seen = [one for one in before if now - one.at >= timedelta(days=limits.get("quarantine", 0))]
        upto = max((one.quarantine_upto for one in seen), default=0) if "quarantine" in limits else 0
        told = self._alone(lambda: retain(self._place, limits, now, upto))
        if "answers" in limits:
            told.deleted["appeals"] = self._city.appeals.erase_closed_before(now - timedelta(days=limits["answers"]))
        kept_days = self._city.settings.retention.backup_keys
        if photos := photos_in(self._city).limit(_photos_before(limits, now)):
            told.deleted["photos"] = photos
        keys_gone = destroy_days(self._city.folder.signing_key.parent, now.date(), kept_days)
        if keys_gone:
            told.deleted["backup_keys"] = keys_gone
        done = Retained(
            id=make_id("retention", len(before), now.isoformat()),
            at=now,
            limits=limits,
            deleted=told.deleted,
            oldest=told.oldest,
            held={name: count for name, count in told.held.items() if count},
            quarantine_upto=self._city.registers.quarantine_upto(),
        )
        facts: dict[str, str | int] = {f"deleted_{name}": count for name, count in told.deleted.items()}
        facts |= {f"oldest_{name}": oldest for name, oldest in told.oldest.items()}
        facts |= {f"held_{name}": count for name, count in done.held.items()}
        return self._city.keep("retention", done, {**facts, "rule": RETENTION_RULE})

    def retentions(self) -> list[Retained]:
        """Retention jobs, oldest first."""
        return self._city.registers.list_of("retention", Retained)

    # -- sealed backups ----------------------------------------------------------------------------

    def seal(self, target: Path) -> int:
        """Seal a backup of the city into a new file; return the number of its rows of interactions.

        Raises
        ------
        UserError
            The file exists already, or lies in the city.
        """
        keys, day = self._city.folder.signing_key.parent, self._city.clock.now().date()
        with self._city.writing() as intake:
            intake.flush()
            return seal(self._city.path, self._city.folder.history, keys, target, day)

    # -- what it takes -----------------------------------------------------------------------------

    @property
    def _place(self) -> door.Place:
        return door.Place(self._city.path, self._city.folder.history, self._city.registers, self._city.orders.outbox)

    def _alone(self, work: Callable[[], Any]) -> Any:
        """Do something for which nobody may write history, this city's own writer included."""
        with self._city.writing() as intake:
            intake.flush()
            self._city.close()
            return work()


def _held(counts: Mapping[str, int]) -> bool:
    """Whether a hold on evidence keeps something of a person."""
    return any(counts.get(name) for name in door.HELD)


def _photos_before(limits: Mapping[str, int], now: datetime) -> datetime | None:
    """Photos are words, a place and a person at once: they go with the first of these, or with the report."""
    named = [limits[name] for name in ("interactions", "personal", "free_text", "location") if name in limits]
    return now - timedelta(days=min(named)) if named else None


def _limits(kept: RetentionSection) -> dict[str, int | None]:
    """What the job deletes, and after how many days; keys of backups are destroyed by the backup itself."""
    return {name: days for name, days in msgspec.structs.asdict(kept).items() if name != "backup_keys"}
