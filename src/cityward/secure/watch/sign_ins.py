"""Guessing at sign-ins: one account, many accounts, from many places, and so slowly that nobody waits.

Pure: attempts in, findings out. An attempt is a row of ``at_us`` (microseconds since 1970), ``account``, ``network``
and ``device`` (keyed digests; an empty device is a stranger) and ``outcome`` (``wrong``, ``right``, ``busy``). Only
wrong tries of strangers count: people mistype on devices that are known.

Each limit is per window, and stands above what honest people do in `tests/secure/watch/test_sign_ins.py`: there
the rates of hits and false alarms are measured on simulated traces and told in docs/watch.md.
"""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

from cityward.core.records import Record

Guess = Literal["brute force", "spraying", "low and slow", "distributed guessing"]

MINUTE_US: Final = 60_000_000
DAY_US: Final = 86_400_000_000

BRUTE_MINUTES: Final = 10
BRUTE_TRIES: Final = 12
"""Wrong tries at one account from one network within `BRUTE_MINUTES`: people stop at five, and ask. The pace of
sign-in (`cityward.secure.access.throttle`) lets 14 of them through in that time, so that a higher limit would never be
reached."""

SPRAY_MINUTES: Final = 60
SPRAY_ACCOUNTS: Final = 12
"""Accounts tried wrongly from one network within `SPRAY_MINUTES`. A town hall shares a network: where most people who
try get in at last it is a Monday morning, so it counts only when the share of accounts that got in is below
`SPRAY_RIGHT_SHARE`."""

SPRAY_RIGHT_SHARE: Final = 0.5

SLOW_DAYS: Final = 7
SLOW_TRIES: Final = 30
SLOW_DAYS_ACTIVE: Final = 4
"""Wrong tries at one account within `SLOW_DAYS`, spread over at least so many days, and none of them right from where
they come: a person who cannot get in asks for a new invitation on the second day."""

SPREAD_MINUTES: Final = 24 * 60
SPREAD_NETWORKS: Final = 15
SPREAD_ACCOUNTS: Final = 5
"""Networks from which strangers were wrong and never right, at `SPREAD_ACCOUNTS` accounts that each saw
`SPREAD_PER_ACCOUNT` such networks or more, within a day."""

SPREAD_PER_ACCOUNT: Final = 4


class Guessing(Record, frozen=True, kw_only=True):
    """Guessing that was found: the kind, the digest of the account or network (empty: the whole city), and counts."""

    kind: Guess
    key: str
    tries: int
    accounts: int
    networks: int
    first_us: int
    last_us: int


def guessing(attempts: pl.DataFrame, now_us: int) -> list[Guessing]:
    """Find guessing in the attempts of the last week.

    Parameters
    ----------
    attempts : polars.DataFrame
        Columns as the module says, in any order.
    now_us : int
        The moment, in microseconds since 1970.
    """
    week = attempts.filter(pl.col("at_us").is_between(now_us - SLOW_DAYS * DAY_US, now_us))
    wrong = week.filter(outcome="wrong", device="").sort("at_us")
    got_in = week.filter(outcome="right").select("account", "network").unique()
    strangers = wrong.join(got_in, on=["account", "network"], how="anti")
    found = [*_brute(strangers), *_spray(wrong, got_in), *_slow(strangers), *_spread(strangers, got_in)]
    return sorted(found, key=lambda one: (-one.last_us, one.kind, one.key))


def _windows(rows: pl.DataFrame, by: str, minutes: int) -> pl.DataFrame:
    """For each row: how many rows, accounts and networks the window that ends with it holds, by ``by``."""
    held = rows.with_columns(at=pl.from_epoch("at_us", time_unit="us"))
    return held.rolling("at", period=f"{minutes}m", group_by=by).agg(
        tries=pl.len(),
        accounts=pl.col("account").n_unique() if by != "account" else pl.lit(1),
        networks=pl.col("network").n_unique() if by != "network" else pl.lit(1),
        first_us=pl.col("at_us").min(),
        last_us=pl.col("at_us").max(),
    )


def _brute(strangers: pl.DataFrame) -> list[Guessing]:
    pairs = strangers.with_columns(pair=pl.col("account") + pl.col("network"))
    held = pairs.with_columns(at=pl.from_epoch("at_us", time_unit="us"))
    windows = held.rolling("at", period=f"{BRUTE_MINUTES}m", group_by="pair").agg(
        tries=pl.len(),
        account=pl.col("account").last(),
        first_us=pl.col("at_us").min(),
        last_us=pl.col("at_us").max(),
    )
    worst = (
        windows.filter(pl.col("tries") >= BRUTE_TRIES)
        .group_by("account")
        .agg(
            pl.col("tries").max(), pl.col("first_us").min(), pl.col("last_us").max(), networks=pl.col("pair").n_unique()
        )
    )
    return [Guessing(kind="brute force", key=row.pop("account"), accounts=1, **row) for row in worst.to_dicts()]


def _spray(wrong: pl.DataFrame, got_in: pl.DataFrame) -> list[Guessing]:
    windows = _windows(wrong, "network", SPRAY_MINUTES).filter(pl.col("accounts") >= SPRAY_ACCOUNTS)
    if not windows.height:
        return []
    tried = wrong.group_by("network").agg(pl.col("account").unique()).explode("account")
    right = tried.join(got_in.with_columns(right=True), on=["account", "network"], how="left")
    share = right.group_by("network").agg(share=pl.col("right").fill_null(value=False).mean())
    worst = (
        windows.join(share.filter(pl.col("share") < SPRAY_RIGHT_SHARE), on="network")
        .group_by("network")
        .agg(pl.col("tries").max(), pl.col("accounts").max(), pl.col("first_us").min(), pl.col("last_us").max())
    )
    return [Guessing(kind="spraying", key=row.pop("network"), networks=1, **row) for row in worst.to_dicts()]


def _slow(strangers: pl.DataFrame) -> list[Guessing]:
    by_account = strangers.group_by("account").agg(
        tries=pl.len(),
        networks=pl.col("network").n_unique(),
        days=(pl.col("at_us") // DAY_US).n_unique(),
        first_us=pl.col("at_us").min(),
        last_us=pl.col("at_us").max(),
    )
    found = by_account.filter(pl.col("tries") >= SLOW_TRIES, pl.col("days") >= SLOW_DAYS_ACTIVE).drop("days")
    return [Guessing(kind="low and slow", key=row.pop("account"), accounts=1, **row) for row in found.to_dicts()]


def _spread(strangers: pl.DataFrame, got_in: pl.DataFrame) -> list[Guessing]:
    """Many networks, few tries each: only the whole shows it."""
    never = strangers.join(got_in.select("network").unique(), on="network", how="anti")
    day = never.with_columns(day=pl.col("at_us") // (SPREAD_MINUTES * MINUTE_US))
    per = day.group_by("day", "account").agg(seen=pl.col("network").n_unique())
    rows = day.join(per.filter(pl.col("seen") >= SPREAD_PER_ACCOUNT), on=["day", "account"])
    days = rows.group_by("day").agg(
        tries=pl.len(),
        accounts=pl.col("account").n_unique(),
        networks=pl.col("network").n_unique(),
        first_us=pl.col("at_us").min(),
        last_us=pl.col("at_us").max(),
    )
    found = days.filter(pl.col("networks") >= SPREAD_NETWORKS, pl.col("accounts") >= SPREAD_ACCOUNTS).drop("day")
    if not found.height:
        return []
    row = found.sort("tries").to_dicts()[-1]
    return [Guessing(kind="distributed guessing", key="", **row)]
