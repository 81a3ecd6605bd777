"""The way out: figures for the public leave as private releases, paid from a budget, or not at all.

A release is paid before its noise is drawn: the receipt of the payment is durable first, and what is left is read from
the ledger itself. Whoever stops the process in between loses what was paid; nobody gets a figure for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, Final

import msgspec
import polars as pl

from cityward.core.clock import Clock
from cityward.core.disk import durable, replace_file
from cityward.core.errors import Defect, Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import from_json, to_json
from cityward.core.releases import KINDS, Release, ReleasePlan, ReleaseRequest
from cityward.guard.cells import Cells, Places
from cityward.guard.measured import Measured, count, measure, prepare
from cityward.private.bounding import Bounds
from cityward.private.budget import RULE as BUDGET_RULE
from cityward.private.budget import Every, Loss, Promise, check, days_of, largest, periods, spent
from cityward.private.measuring import Cost

RULE: Final = "publish-as-release 1"
"""Identifier and version of the rule that this module executes, as refusals quote it."""

_SPENT: Final = b'"kind":"spend"'


@dataclass(frozen=True, slots=True)
class Group:
    """People whose data may be released from: their promise, the period it holds for, and the sources they are in."""

    promise: Promise
    every: Every = "year"
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment, as the ledger tells it: for which release, of whose data, and of which days."""

    release: str
    group: str
    first: date
    last: date
    loss: Loss


@dataclass(slots=True)
class Account:
    """What was paid, read from the ledger.

    Payments are kept by their days, so that another period of the budget counts them too. One of a group that is no
    longer in the settings counts for every group: a new name is no new budget.
    """

    read: Callable[[int], Iterator[bytes]]
    groups: frozenset[str]
    paid: list[Payment] = field(default_factory=list)
    seen: int = 0
    reading: Lock = field(default_factory=Lock)

    def payments(self) -> list[Payment]:
        """All payments so far; each is read once, however many ask at the same time."""
        with self.reading:
            for entry in self.read(self.seen):
                self.seen += 1
                if _SPENT in entry:
                    self.paid.append(_payment(entry))
            return list(self.paid)

    def of(self, group: str, period: str) -> list[Loss]:
        """Losses of a group by data of a period so far."""
        first, last = days_of(period)
        return [
            one.loss
            for one in self.payments()
            if (one.group == group or one.group not in self.groups) and one.first <= last and one.last >= first
        ]


def _payment(entry: bytes) -> Payment:
    told: dict[str, Any] = msgspec.json.decode(entry)
    facts = told["facts"]
    first, last = (date.fromisoformat(facts[name]) for name in ("first", "last"))
    loss = Loss(epsilon=float(facts["epsilon"]), rho=float(facts["rho"]))
    return Payment(told["subject"], facts["group"], first, last, loss)


class WayOut:
    """Makes releases of one city.

    Parameters
    ----------
    folder : pathlib.Path
        Where releases are kept (the files for the public are made from these).
    groups : dict of str to Group
        Who may be released from; empty: nothing may.
    places : Places
        Territories.
    read_ledger : callable
        Yields the ledger's entries from an index on.
    append_receipt : callable
        Appends an entry and returns its index once it is durable.
    clock : Clock
        The time.
    """

    def __init__(
        self,
        folder: Path,
        *,
        groups: dict[str, Group],
        places: Places,
        read_ledger: Callable[[int], Iterator[bytes]],
        append_receipt: Callable[[bytes], int],
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._groups = groups
        self._places = places
        self._account = Account(read_ledger, frozenset(groups))
        self._append = append_receipt
        self._clock = clock

    # -- looking -----------------------------------------------------------------------------------

    def plan(self, request: ReleaseRequest) -> ReleasePlan:
        """Say what a release would cost and how far off it would be; reads no row and spends nothing.

        Raises
        ------
        UserError
            The request itself is wrong.
        """
        cells, loss, prepared = self._prepared(request)
        group, named = self._group(request), self._periods(request)
        before = [self._account.of(request.group, name) for name in named]
        made = self.made(request) is not None
        refusal = None if made else self._refusal(request, loss)
        error = prepared.error_95
        return ReleasePlan(
            id=release_id(request),
            title=self._title(request),
            unit=prepared.unit,
            mechanism=prepared.noise.kind,
            scale=prepared.noise.scale,
            cells=cells.size,
            periods=tuple(named),
            error_95=error,
            useful_from=None if error is None else error / request.noisy_share,
            spent_epsilon=max(spent(one, group.promise.delta) for one in before),
            budget_epsilon=group.promise.epsilon,
            after_epsilon=max(spent([*one, *([] if made else [loss])], group.promise.delta) for one in before),
            made=made,
            refusal=refusal,
        )

    def _refusal(self, request: ReleaseRequest, loss: Loss) -> str | None:
        try:
            self._check(request, loss)
        except Refused as refused:
            return str(refused)
        return None

    def budget(self) -> pl.DataFrame:
        """What was spent and is left, by group and period of data; groups from which nothing was released too."""
        found = []
        for name, group in self._groups.items():
            paid = [one for one in self._account.payments() if one.group == name or one.group not in self._groups]
            known = sorted({period for one in paid for period in periods(one.first, one.last, group.every)})
            for period in known or ["any"]:
                losses = self._account.of(name, period) if known else []
                cost = spent(losses, group.promise.delta)
                most = largest(losses, group.promise)
                limits = {"budget_epsilon": group.promise.epsilon, "delta": group.promise.delta}
                row = {"group": name, "period": period, "releases": len(losses), "spent_epsilon": cost}
                found.append(row | limits | {"largest_epsilon_left": most})
        return pl.DataFrame(found, schema=BUDGET)

    def releases(self) -> list[Release]:
        """Everything that was released, in the order of making."""
        found = [from_json(path.read_bytes(), Release) for path in sorted(self._folder.glob("X-*.json"))]
        return sorted(found, key=lambda one: one.spent_receipt)

    def made(self, request: ReleaseRequest) -> Release | None:
        """The release that answers exactly this request, or None."""
        path = self._folder / f"{release_id(request)}.json"
        found = from_json(path.read_bytes(), Release) if path.exists() else None
        if found is not None and found.request != request:
            raise Defect(f"{found.id} stands for two requests.")
        return found

    def frame(self, release: Release) -> pl.DataFrame:
        """Rows of a release.

        Raises
        ------
        Refused
            They are not those that the receipt tells of.
        """
        data = (self._folder / f"{release.id}.parquet").read_bytes()
        if sha256(data).hexdigest() != release.sha256:
            raise Refused(
                RULE, f"The file of {release.id} is not the one that was released.", "Restore it from a backup."
            )
        return pl.read_parquet(BytesIO(data))

    def sources_of(self, group: str) -> tuple[tuple[str, ...], bool]:
        """Sources of a group and True; or those of all other groups and False, where it names none."""
        named = self._groups[group].sources
        return (
            (named, True) if named else (tuple(one for other in self._groups.values() for one in other.sources), False)
        )

    # -- making ------------------------------------------------------------------------------------

    def make(self, request: ReleaseRequest, rows: Callable[[], pl.DataFrame]) -> Release:
        """Make a release, or return the one that was made of the same request before.

        Parameters
        ----------
        request : ReleaseRequest
            What is asked.
        rows : callable
            Returns ``person`` (may be null), ``service``, ``territory``, ``day`` (local date), and where the kind asks
            for it ``value`` or ``origin``; called only when the release may be made.

        Raises
        ------
        Refused
            There is no budget for it.
        UserError
            The request is wrong.
        """
        cells, loss, _ = self._prepared(request)
        known = self.made(request)
        if known is not None:
            self.frame(known)
            return known
        self._check(request, loss)
        exact = count(cells, rows())
        paid = self._pay(request, loss)
        measured = measure(cells, exact)
        return self._keep(request, measured, paid)

    def _check(self, request: ReleaseRequest, loss: Loss) -> None:
        group = self._group(request)
        if request.last >= self._clock.now().date():
            raise UserError(
                f"The period ends on {request.last}, which is not over.",
                "Release whole periods: what comes later could only be added by paying again.",
            )
        paid = {one.release for one in self._account.payments()}
        if any(one.id not in paid for one in self.releases()):
            raise Refused(
                BUDGET_RULE,
                "A release is kept whose payment the ledger does not tell of: the ledger was put back or changed.",
                "Run 'cityward verify', and restore the newest backup of ledger/.",
            )
        for name in self._periods(request):
            about = f"'{request.group}' in {name}"
            check(self._account.of(request.group, name), loss, group.promise, about)

    def _pay(self, request: ReleaseRequest, loss: Loss) -> int:
        facts = {
            "group": request.group,
            "first": request.first.isoformat(),
            "last": request.last.isoformat(),
            "epsilon": repr(loss.epsilon),
            "rho": repr(loss.rho),
        }
        return self._append(receipt("spend", release_id(request), self._clock.now(), to_json(request), **facts))

    @durable("keeping a release")
    def _keep(self, request: ReleaseRequest, measured: Measured, paid: int) -> Release:
        self._folder.mkdir(parents=True, exist_ok=True)
        buffer = BytesIO()
        measured.frame.write_parquet(buffer, statistics=False)
        data = buffer.getvalue()
        release = Release(
            id=release_id(request),
            request=request,
            title=self._title(request),
            unit=measured.prepared.unit,
            mechanism=measured.prepared.noise.kind,
            scale=measured.prepared.noise.scale,
            periods=tuple(self._periods(request)),
            error_95=measured.frame["error_95"].max(),  # type: ignore[arg-type]
            rows=measured.frame.height,
            too_noisy=int(measured.frame["too_noisy"].sum()),
            suppressed=int(measured.frame["suppressed"].sum()),
            made_at=self._clock.now(),
            sha256=sha256(data).hexdigest(),
            spent_receipt=paid,
        )
        replace_file(self._folder / f"{release.id}.parquet", data)
        entry = receipt("release", release.id, release.made_at, to_json(release), file=release.sha256)
        release = msgspec.structs.replace(release, receipt=self._append(entry))
        replace_file(self._folder / f"{release.id}.json", to_json(release))
        return release

    # -- what a request means ----------------------------------------------------------------------

    def _prepared(self, request: ReleaseRequest) -> tuple[Cells, Loss, Any]:
        self._group(request)
        bounds = Bounds(request.rows, request.cells)
        cost = Cost(request.epsilon, request.rho)
        if not 0 < request.noisy_share <= 10:
            raise UserError(
                f"The share {request.noisy_share} from which a value is too noisy is not between 0 and 10.",
                "0.1 marks values whose error is above a tenth of them.",
            )
        if request.suppress_below < 0 or request.edition < 1:
            raise UserError("Suppression and edition are whole numbers, from 0 and from 1.", "Leave them out.")
        cells = Cells(request, self._places)
        loss = Loss(epsilon=request.epsilon or 0.0, rho=request.rho or 0.0)
        return cells, loss, prepare(cells, bounds, cost)

    def _group(self, request: ReleaseRequest) -> Group:
        if request.group in self._groups:
            return self._groups[request.group]
        if not self._groups:
            raise Refused(
                RULE,
                "Nothing may be released here: no group of people has a privacy budget.",
                "Whoever answers for privacy adds a [release.groups.NAME] table with an epsilon to city.toml.",
            )
        raise UserError(
            f"There is no group '{request.group[:60]}' with a budget.", f"Groups here: {', '.join(self._groups)}."
        )

    def _periods(self, request: ReleaseRequest) -> list[str]:
        return periods(request.first, request.last, self._group(request).every)

    def _title(self, request: ReleaseRequest) -> str:
        services = "all services" if not request.services else f"{len(request.services)} services"
        if len(request.services) == 1:
            services = request.services[0]
        time = "" if request.every == "whole" else f" by {request.every}"
        where = f"by {self._places.level}"
        return f"{KINDS[request.kind]}: {services} {where}{time}, {request.first} to {request.last}".capitalize()


BUDGET: Final = {
    "group": pl.String,
    "period": pl.String,
    "releases": pl.Int64,
    "spent_epsilon": pl.Float64,
    "budget_epsilon": pl.Float64,
    "delta": pl.Float64,
    "largest_epsilon_left": pl.Float64,
}


def release_id(request: ReleaseRequest) -> str:
    """Identifier of the release that answers a request: of the request alone, so that it tells nothing of the data."""
    return make_id("release", to_json(request).decode())
