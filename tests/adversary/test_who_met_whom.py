"""Contact tracing: from what each door gives out, an attacker looks for who was where with whom.

A hundred couples are planted among other people: both of a couple report from the same spot in the same minute, on
several days, in several areas. Each test prints how many of them the attacker found ('pytest -s tests/adversary').
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient
from tests.adversary.test_release_attacks import new_ledger, request, way_out
from tests.guard.granted import NOW, fill, grant, keeper

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.core.clock import Clock
from cityward.core.errors import Refused
from cityward.guard.keeper import Keeper
from cityward.private.grants import FIELDS, check_grants

COUPLES, MEETINGS, OTHERS = 100, 6, 800
WITH_PLACE = ("territory", "lon", "lat")


def society(seed: int = 3) -> pl.DataFrame:
    """Reports: couples that meet ``MEETINGS`` times, and people who meet nobody twice."""
    random = np.random.default_rng(seed)
    start = np.datetime64("2014-04-15T05:00:00", "us")
    met = COUPLES * MEETINGS
    area, minute = random.integers(0, 10, met), random.integers(0, 60 * 24 * 60, met)
    spot = random.uniform(0, 0.01, (met, 2))
    couple = np.arange(met) % COUPLES
    alone = OTHERS * MEETINGS
    who = np.concatenate([2 * couple, 2 * couple + 1, 2 * COUPLES + np.arange(alone) % OTHERS])
    areas = np.concatenate([area, area, random.integers(0, 10, alone)])
    minutes = np.concatenate([minute, minute, random.integers(0, 60 * 24 * 60, alone)])
    spots = np.concatenate([spot, spot, random.uniform(0, 0.01, (alone, 2))])
    return pl.DataFrame(
        {
            "id": [f"r{at:06d}" for at in range(who.size)],
            "service": ["light"] * who.size,
            "territory": [f"area-{at}" for at in areas],
            "occurred_at": pl.Series(start + minutes.astype("timedelta64[m]")).dt.replace_time_zone("UTC"),
            "person": [f"person {at}" for at in who],
            "lon": -87.7 + areas / 100 + spots[:, 0],
            "lat": 41.8 + spots[:, 1],
            "text": ["dark"] * who.size,
        }
    ).sample(fraction=1, shuffle=True, seed=seed)


def met(rows: pl.DataFrame, times: int = 2) -> int:
    """Pairs of names that were in one spot at one time at least ``times`` times: what a contact tracer looks for."""
    spot = [name for name in (*WITH_PLACE, "occurred_at") if name in rows.columns]
    if "person" not in rows.columns or not set(spot) & set(WITH_PLACE):
        return 0
    seen = rows.drop_nulls("person").select("person", spot=pl.struct(spot).hash()).unique()
    few = seen.filter(pl.len().over("spot") <= 20)  # in a crowd nobody meets
    pairs = few.join(few, on="spot", suffix="_other").filter(pl.col("person") < pl.col("person_other"))
    return pairs.group_by("person", "person_other").len().filter(pl.col("len") >= times).height


def trails(rows: pl.DataFrame) -> int:
    """Names that were seen in two areas or more: where a person goes."""
    if not {"person", "territory"} <= set(rows.columns):
        return 0
    return rows.drop_nulls("person").group_by("person").agg(pl.col("territory").n_unique()).filter(
        pl.col("territory") > 1
    ).height  # fmt: skip


def got(what: str, found: object, of: object) -> None:
    print(f"  {what}: {found} of {of}")


@pytest.fixture(scope="module")
def truth() -> pl.DataFrame:
    return society()


def test_there_is_something_to_find(truth: pl.DataFrame) -> None:
    """With the rows as they came the attack finds every couple: it is a real one."""
    got("couples in the rows as they came", met(truth), COUPLES)
    assert met(truth) == COUPLES
    assert trails(truth) > COUPLES


# -- consult -------------------------------------------------------------------------------------------

NAMED = ("person",)
FIELD_SETS = tuple(
    (*NAMED, *some)
    for some in (
        ("territory",), ("stated_territory",), ("lon", "lat"), ("address",), ("occurred_at",),
        ("territory", "occurred_at"),
        ("territory", "lon", "lat", "occurred_at"), ("id", "occurred_at"), ("key",), ("text",), ("service",),
    )
)  # fmt: skip
PRECISIONS = tuple(
    itertools.product(
        ("exact", 100, 5_000, "territory", "group"),
        ("exact", "hour", "day", "week", "month"),
        ("day", "month", "year"),
        ("kept", "renamed"),
        ("research", "audit", "incident-recognition"),
    )
)


@pytest.fixture
def kept(tmp_path: Path, truth: pl.DataFrame) -> Keeper:
    found, _ = keeper(tmp_path)
    fill(found, truth)
    return found


def test_no_grant_that_stands_alone_shows_couples_or_trails(kept: Keeper, tmp_path: Path) -> None:
    """The attacker writes every grant that there is of persons, and reads with each that is taken."""
    taken: dict[str, tuple[str, tuple[str, ...]]] = {}
    asked = 0
    for fields, (space, time, names, ids, purpose) in itertools.product(FIELD_SETS, PRECISIONS):
        asked += 1
        text = grant(
            reader="reader-one", purpose=purpose, fields=fields, space=space, time=time, pseudonyms=names, row_ids=ids,
            special_basis="9(2)(j)",
        )  # fmt: skip
        if not check_grants({"one": text}, NOW.date()).problems:
            taken[f"{purpose}-{asked}"] = (text, fields)
    worst = 0
    random = np.random.default_rng(1)
    for name in random.choice(sorted(taken), size=40, replace=False):
        text, fields = taken[str(name)]
        (tmp_path / "grants" / "one.toml").write_text(text, encoding="utf-8")
        rows = kept.reading("reader-one", str(name).rsplit("-", 1)[0]).frame(fields)
        worst = max(worst, met(rows), trails(rows) if rows["person"].n_unique() > 1 else 0)
    got("grants of persons that are taken", len(taken), asked)
    got("couples or trails in the worst of them", worst, COUPLES)
    assert 40 <= len(taken) < asked / 3
    assert worst == 0


def test_two_grants_together_show_no_couples(kept: Keeper, tmp_path: Path) -> None:
    """One reader sees names, another places; both tell rows apart, by identifier or by moment."""
    tries = 0
    for joins in (("id",), ("key",), ("occurred_at",)):
        for purpose in ("research", "audit"):
            names = grant(
                reader="reader-one", purpose="research", fields=("person", *joins), time="exact", row_ids="kept"
            )
            places = grant(
                reader="reader-two", purpose=purpose, fields=(*WITH_PLACE, *joins), space="exact", time="exact",
                row_ids="kept",
            )  # fmt: skip
            for file, text in (("one", names), ("two", places)):
                (tmp_path / "grants" / f"{file}.toml").write_text(text, encoding="utf-8")
            with pytest.raises(Refused, match="where with whom"):
                kept.reading("reader-one", "research").frame(("person", *joins))
            assert kept.reading("reader-two", purpose).frame((*WITH_PLACE, *joins)).height > 0
            tries += 1
    got("pairs of grants that showed couples", 0, tries)


def test_only_programs_of_cityward_read_persons_beside_places(tmp_path: Path) -> None:
    """What the city's own grants show; each of those programs hands on no column that names anybody (see below)."""
    with open_city(init(tmp_path / "city", name="C", territories=_area(tmp_path)), Clock.fixed(NOW)) as city:
        checked = city.keeper.grants()
    assert not checked.problems
    readers = {
        one.reader for one in checked.in_force().values() if one.sees_persons and not one.purpose.startswith("private")
    }
    got("readers of persons", sorted(readers), len(checked.grants))
    assert readers <= {"cityward-turn", "cityward-replay"}
    assert "person" in FIELDS["interactions"]


def _area(folder: Path) -> Path:
    ring = [[-87.71, 41.79], [-87.59, 41.79], [-87.59, 41.82], [-87.71, 41.82], [-87.71, 41.79]]
    one = {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    path = folder / "area.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    return path


# -- publish -------------------------------------------------------------------------------------------


def test_a_meeting_is_no_kind_of_release(tmp_path: Path) -> None:
    with open_city(init(tmp_path / "city", name="C", territories=_area(tmp_path)), Clock.fixed(NOW)) as city:
        for kind in ("meetings", "contacts", "pairs", "co-location", "rows", "points", "traces"):
            with pytest.raises(Refused, match="meetings of persons do not leave"):
                city.releases.request(kind, date(2014, 1, 1), date(2014, 1, 31), epsilon=1.0)


def test_published_trips_do_not_tell_whether_two_met(tmp_path: Path) -> None:
    """Two cities: in one a couple goes to the lonely area together, in the other neither does; the attacker guesses."""
    right, trials = 0, 20
    for trial in range(trials):
        counts = []
        for together in (True, False):
            out = way_out(tmp_path / f"{together}{trial}", new_ledger(tmp_path / f"{together}{trial}"))
            rows = pl.DataFrame(
                {
                    "person": ["one", "two"] * together + [f"p{at}" for at in range(60)],
                    "origin": ["1", "1"] * together + ["1", "2"] * 30,
                    "territory": ["3", "3"] * together + ["2", "1"] * 30,
                }
            ).with_columns(day=pl.lit(date(2014, 1, 1)), service=pl.lit(None, pl.String))
            frame = out.frame(out.make(request(kind="trips", edition=1 + trial), lambda rows=rows: rows))
            counts.append(frame.filter(pl.col("territory") == "3")["noisy"].sum())
        right += counts[0] > counts[1]
    got("couples told apart at epsilon 0.5", right, trials)
    assert right < trials  # with exact figures each


# -- everything that a city hands out ------------------------------------------------------------------

MAPPING = (
    'source = "lamps"\nkind = "request"\ndomain = "public space"\ntime_zone = "UTC"\n[columns]\nid = "id"\n'
    'occurred_at = "at"\nlon = "lon"\nlat = "lat"\ntext = "words"\nperson = "mail"\n[service]\ndefault = "Lamps"\n'
)
PAGES = (
    "/",
    "/silence",
    "/compare",
    "/ahead",
    "/cases",
    "/work",
    "/ledger",
    "/privacy",
    "/grants",
    "/your-data",
    "/intake",
)
API = ("needs", "silences", "forecast", "proposals", "quarantine", "refusals", "intake", "orders", "ledger/entries")


@pytest.fixture
def city(tmp_path: Path, truth: pl.DataFrame) -> Iterator[City]:
    folder = init(tmp_path / "city", name="C", territories=_area(tmp_path))
    (tmp_path / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    truth.select(
        "id", "lon", "lat", at=pl.col("occurred_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), words="text",
        mail=pl.col("person").str.replace(" ", ".") + "@example.org",
    ).write_csv(tmp_path / "lamps.csv")  # fmt: skip
    with open_city(folder, Clock.fixed(datetime(2014, 7, 1, 12, tzinfo=UTC))) as opened:
        opened.sense(tmp_path / "lamps.csv", opened.add_mapping(tmp_path / "lamps.toml"))
        opened.run(as_of=date(2014, 6, 14))
        yield opened


def test_pages_exports_and_explanations_name_nobody_twice(city: City, tmp_path: Path) -> None:
    """Each name that a person has anywhere inside is looked for in everything that leaves."""
    everybody = [f"person.{at}@example.org" for at in range(0, 2 * COUPLES, 9)]
    marks = {one for who in everybody for one in city.persons.by_identifier(who).pseudonyms.values()} | set(everybody)
    inside = city.keeper.reading("cityward-turn", "incident-recognition").frame(("person", "lon", "lat", "occurred_at"))
    marks |= set(inside["person"].drop_nulls().unique()[:2_000])
    assert met(inside) > 0  # the programs could
    app = create_app(city)
    mount_console(app, city)
    shown = TestClient(app, raise_server_exceptions=False)
    told = [shown.get(path).text for path in (*PAGES, *(f"/api/{name}" for name in API))]
    ids = sorted(set(re.findall(r"\b[A-Z]-[0-9a-f]{10}\b", " ".join(told))))
    told += [shown.get(f"/api/explain/{one}").text for one in ids[:60]]
    told += [shown.get(f"/api/needs/{one}/evidence").text for one in ids if one.startswith("N-")]
    left = "\n".join(told)
    assert sum(map(len, told)) > 50_000  # there was something to search
    assert len(ids) > 5
    got("names found in what was handed out", sum(mark in left for mark in marks), len(marks))
    assert [mark for mark in marks if mark in left] == []
