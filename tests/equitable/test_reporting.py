from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from cityward.core.errors import UserError
from cityward.core.records import Territory
from cityward.equitable.reporting import Reporting, corrected, expose, fit, silent
from cityward.equitable.reporting_fit import (
    Evidence,
    baseline,
    chi_square_tail,
    clustering,
    draw,
    normal_tail,
    pool,
    student_quantile,
)

START = datetime(2024, 1, 1, 8, 30, tzinfo=UTC)


def territory(at: int, **known: float | None) -> Territory:
    facts: dict[str, float | None] = {"population": 1000.0 + at, "households": 400.0, "internet_share": 0.5 + at / 100}
    return Territory(id=str(at), name=f"Place {at}", level="area", **(facts | {"income": 30_000.0 + at} | known))


def city(number: int = 12) -> list[Territory]:
    return [territory(at) for at in range(number)]


def frame(rows: list[tuple[int, str, float, float | None]]) -> pl.DataFrame:
    """Rows of (incident, territory, day of the report, day of closing)."""
    return pl.DataFrame(
        {
            "incident": [row[0] for row in rows],
            "service": ["bins" for _ in rows],
            "territory": [row[1] for row in rows],
            "occurred_at": [START + timedelta(days=row[2]) for row in rows],
            "closed_at": [None if row[3] is None else START + timedelta(days=row[3]) for row in rows],
        },
        schema={
            "incident": pl.UInt64,
            "service": pl.String,
            "territory": pl.String,
            "occurred_at": pl.Datetime("us", "UTC"),
            "closed_at": pl.Datetime("us", "UTC"),
        },
    )


def many(places: int = 12, cases: int = 60, again: int = 30) -> pl.DataFrame:
    """Cases open for 5.3 days and, in each place, ``again`` of them reported once more at ages 0 to 4."""
    rows = []
    for place in range(places):
        for case in range(cases):
            number, day = place * cases + case, case + place / 100
            rows.append((number, str(place), day, day + 5.3))
            if case < again:
                rows.append((number, str(place), day + case % 5 + 0.2, day + 5.3))
    return frame(rows)


def test_open_days_and_ages_are_counted_exactly() -> None:
    rows = [(1, "0", 0.0, 2.25), (1, "0", 0.5, 2.25), (1, "0", 2.1, 2.25), (2, "1", 0.1, 40.1), (3, "1", 60.3, 60.4)]
    found = expose(frame(rows), city(2))
    table = found.table().select("territory", "from_day", "to_day", "reports", "open_days")
    assert table.filter(territory="0").rows() == [("0", 0, 0, 1, 1.0), ("0", 1, 1, 0, 1.0), ("0", 2, 3, 1, 0.25)]
    assert table.filter(territory="1")["open_days"].sum() == pytest.approx(40.0)
    assert found.left_out == {}


def test_dates_alone_are_taken_to_close_at_midday() -> None:
    found = expose(frame([(1, "0", 0, 0), (1, "0", 0, 0), (2, "0", 3, 5), (3, "0", 9, 9)]), city(1))
    assert found.open_days.tolist() == [0.5, 2.5, 0.5]
    assert found.age_days.tolist() == [0]


def test_a_case_that_is_still_open_counts_until_the_last_moment_known() -> None:
    found = expose(frame([(1, "0", 0.0, None), (2, "0", 3.2, 90.0), (3, "0", 10.1, None)]), city(1))
    assert found.open_days == pytest.approx([10.1, 6.9, 0.0])
    later = expose(frame([(1, "0", 0.0, None), (2, "0", 3.2, 4.0)]), city(1), until=START + timedelta(days=365))
    assert later.open_days == pytest.approx([30.0, 0.8])


def test_what_cannot_be_used_is_counted_by_reason() -> None:
    rows = [(1, "0", 5.0, 1.0), (1, "0", 5.5, 9.0), (2, "elsewhere", 0.1, 2.0), (3, "0", 0.2, 1.0), (3, "0", 3.3, None)]
    found = expose(frame([*rows, (4, "0", 6.7, 7.0), (4, "0", 6.8, 2.0)]), city(1))
    assert found.left_out == {"incidents closed before they were opened": 1, "incidents elsewhere": 1}
    assert found.open_days.size == 2


def test_a_person_who_calls_again_is_one_report() -> None:
    rows = frame([(1, "0", 0.0, 9.0), (1, "0", 1.5, 9.0), (1, "0", 2.5, 9.0), (1, "0", 3.1, 9.0)])
    found = expose(rows.with_columns(person=pl.Series(["a", "a", "b", None])), city(1))
    assert found.age_days.tolist() == [2, 3]
    assert found.left_out == {"second reports of a person": 1}


def test_the_order_of_rows_changes_nothing() -> None:
    rows, places = many(), city()
    one = fit(expose(rows, places), places, seed=3)
    other = fit(expose(rows.sample(fraction=1, shuffle=True, seed=1), places), places, seed=3)
    assert one.territories.equals(other.territories)
    assert one.windows.equals(other.windows)
    assert one.because == other.because


def cannot_tell(found: Reporting) -> bool:
    return (
        not found.publishable
        and found.because.startswith("We cannot tell")
        and set(found.verdicts.values()) <= {"cannot tell"}
    )


def test_places_alike_show_no_gap() -> None:
    found = fit(expose(many(), city()), city())
    assert "gap" not in found.coefficients["gap"].to_list()
    assert found.publishable
    assert "No gap" in found.because
    assert (found.territories["low"] < 1).all()
    assert (found.territories["high"] > 1).all()


@pytest.mark.parametrize(
    "rows",
    [
        frame([]),
        frame([(at, str(at % 12), at / 10, at / 10 + 3) for at in range(200)]),
        frame([(at // 2, str(at // 2 % 12), 0.0, 0.0) for at in range(60)]),
        frame([(at, "0", 5.0 + at / 7, 1.0) for at in range(50)]),
    ],
    ids=["nothing", "no further report", "one day", "closed before opened"],
)
def test_where_there_is_no_evidence_we_cannot_tell(rows: pl.DataFrame) -> None:
    found = fit(expose(rows, city()), city())
    assert cannot_tell(found)
    assert np.isfinite(found.draws).all()
    answer = corrected(np.arange(12), found)
    assert (answer.estimate == np.arange(12)).all()
    assert np.isfinite(answer.high).all()
    assert silent({}, city(), found) == []


def test_one_place_cannot_be_compared() -> None:
    found = fit(expose(many(1, 400, 300), city(1)), city(1))
    assert cannot_tell(found)
    assert found.territories["readiness"].item() == pytest.approx(1.0)
    assert found.coefficients.height == 0


def test_unknown_covariates_are_not_used_and_unknown_values_are_the_mean() -> None:
    rows = many()
    bare = [Territory(id=str(at), name=str(at), level="area") for at in range(12)]
    assert fit(expose(rows, bare), bare).coefficients.height == 0
    holes = [
        territory(at, internet_share=float("nan") if at == 3 else 0.5 + at / 50, population=0.0) for at in range(12)
    ]
    found = fit(expose(rows, holes), holes)
    assert found.coefficients["covariate"].to_list() == ["internet", "income"]
    assert np.isfinite(found.draws).all()


def test_a_place_without_any_case_gets_the_city_with_a_wide_interval() -> None:
    found = fit(expose(many(), city(13)), city(13))
    width = (found.territories["high"] - found.territories["low"]).to_numpy()
    assert width[12] > width[:12].max()
    assert found.territories["shrinkage"][12] == 1.0


def test_what_is_wrongly_asked_is_refused_with_a_remedy() -> None:
    with pytest.raises(UserError, match="closed_at"):
        expose(many().drop("closed_at"), city())
    with pytest.raises(UserError, match="same identifier"):
        expose(many(), [*city(), territory(0)])
    exposure = expose(many(), city())
    with pytest.raises(UserError, match="not those"):
        fit(exposure, city(11))
    with pytest.raises(UserError, match="'wealth' has 2 values"):
        fit(exposure, city(), covariates={"wealth": [1.0, 2.0]})
    found = fit(exposure, city())
    for counts in (np.ones(11), -np.ones(12), np.full(12, np.nan), np.float64(1.0)):
        with pytest.raises(UserError):
            corrected(counts, found)
    with pytest.raises(UserError, match="heard_share"):
        corrected(np.ones(12), found, heard_share=1.0)


def planted() -> tuple[list[Territory], Reporting]:
    """Forty places of two kinds, of which the half with less internet reports a third as readily."""
    rng = np.random.default_rng(5)
    places = [territory(at, internet_share=0.6 + 0.3 * (at % 2)) for at in range(40)]
    rows, number = [], 0
    for place in range(40):
        for _ in range(150):
            number += 1
            day = float(rng.uniform(0, 900))
            rows.append((number, str(place), day, day + 6.0))
            ages = np.sort(rng.uniform(0, 6, rng.poisson(0.6 if place % 2 else 0.2)))
            rows += [(number, str(place), day + float(age), day + 6.0) for age in ages]
    return places, fit(expose(frame(rows), places), places, covariates={"internet": [0.6, 0.9] * 20})


def test_a_planted_gap_is_published_corrected_and_named_where_it_silences() -> None:
    places, found = planted()
    assert found.publishable
    assert "internet" in found.because
    assert set(found.territories["verdict"].to_list()[1::2]) <= {"more readily", "cannot tell"}
    answer = corrected(np.full((3, 40), 60), found)
    assert answer.corrected
    assert answer.estimate.shape == (3, 40)
    assert answer.estimate[0, ::2].mean() / answer.estimate[0, 1::2].mean() == pytest.approx(3.0, rel=0.15)
    assert ((answer.low < answer.estimate) & (answer.estimate < answer.high)).all()
    everything = corrected(np.full(40, 60), found, heard_share=0.999)
    assert np.abs(everything.estimate / 60 - 1).max() < 0.2
    quiet = silent({place.id: 60 for place in places}, places, found)
    assert quiet
    assert {int(place.territory) % 2 for place in quiet} == {0}
    assert all(place.ratio_high < 0.8 and "less readily" in place.sentence for place in quiet)


def test_a_place_quieter_than_its_peers_is_told_with_what_is_known_of_its_readiness() -> None:
    places, found = planted()
    heard = {place.id: 100 for place in places} | {"1": 5}
    table = found.territories.with_columns(verdict=pl.lit("as others"))
    alike = Reporting(table, found.coefficients, found.windows, True, "", found.draws, {})
    assert "there may be less to report" in silent(heard, places, alike)[0].sentence
    untold = Reporting(
        table.with_columns(verdict=pl.lit("cannot tell")), found.coefficients, found.windows, False, "", found.draws, {}
    )
    assert "we cannot tell" in silent(heard, places, untold)[0].sentence
    assert msgspec.json.encode(silent(heard, places, untold)[0])


def test_the_baseline_is_found_though_ready_places_close_early() -> None:
    rate, readiness = np.array([[0.1, 0.02]]), np.array([2.0, 0.5])
    days = np.array([[[40_000.0, 1_000.0]], [[40_000.0, 90_000.0]]])
    found = baseline(readiness[:, None, None] * rate * days, days)
    assert found[0, 0] / found[0, 1] == pytest.approx(5.0, rel=0.02)


def test_clustering_is_that_of_a_negative_binomial() -> None:
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(50), 2000)
    means = rng.uniform(0.05, 0.3, place.size)
    counts = rng.poisson(means * rng.gamma(0.5, 2.0, place.size)).astype(float)
    sums = [np.bincount(place, column) for column in (counts, means)]
    assert clustering(counts, means, place, *sums) == pytest.approx(2.0, rel=0.15)


def test_the_posterior_of_many_reports_is_what_was_counted() -> None:
    evidence = Evidence(np.array([4000.0, 1000.0, 2000.0]), np.full(3, 2000.0), np.full(3, 1e6))
    design = np.ones((3, 1))
    drawn = draw(evidence, design, pool(evidence, design), 4000, np.random.default_rng(1))
    assert np.exp(drawn.mean(axis=0)) == pytest.approx([2.0, 0.5, 1.0], rel=0.01)
    assert drawn.std(axis=0) == pytest.approx(1 / np.sqrt(evidence.events), rel=0.06)


def test_tails_are_those_of_the_tables() -> None:
    assert normal_tail(1.959964) == pytest.approx(0.05, abs=1e-6)
    assert chi_square_tail(96.217, 76) == pytest.approx(0.058, abs=0.002)
    assert chi_square_tail(3.841, 1) == pytest.approx(0.05, abs=0.003)
    assert chi_square_tail(1.0, 0) == 1.0


def test_quantiles_of_student_are_those_of_the_tables() -> None:
    for share, degrees, table in ((0.995, 18, 2.8784), (0.995, 58, 2.6633), (0.9995, 30, 3.6460)):
        assert student_quantile(share, degrees) == pytest.approx(table, rel=0.003)
    assert np.isfinite(student_quantile(0.995, -1))
