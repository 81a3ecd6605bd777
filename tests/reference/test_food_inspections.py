"""The City of Chicago's published result of ordering food inspections (2015), from its own rows and scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cityward.anticipate.case_features import epoch_days
from cityward.anticipate.case_measures import auc, days_earlier, first_half_share
from cityward.anticipate.leakage import check

PUBLISHED_DAYS = 7.79


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> pl.DataFrame:
    return pl.read_parquet(shared_data / "chicago" / "food_inspection_model.parquet")


def test_the_citys_order_gives_the_published_figures(rows: pl.DataFrame) -> None:
    test = rows.filter("test")
    found, days, score = test["criticalfound"].to_numpy(), epoch_days(test["inspection_date"]), test["score"].to_numpy()
    assert (len(found), found.sum()) == (1637, 258)
    assert first_half_share(found, score) == pytest.approx(0.686, abs=0.0005)
    assert days_earlier(found, score, days) == pytest.approx(PUBLISHED_DAYS, abs=0.005)
    assert auc(found, score) == pytest.approx(0.679, abs=0.0005)


def test_the_citys_own_cut_gives_its_own_halves(rows: pl.DataFrame) -> None:
    """The city takes whole days before the middle visit, and notes 0.5465116 as done, 0.6821705 by score."""
    test = rows.filter("test")
    found, days, score = test["criticalfound"].to_numpy(), epoch_days(test["inspection_date"]), test["score"].to_numpy()
    values, count = np.unique(days, return_counts=True)
    first = values[np.cumsum(count) < len(days) / 2]
    simulated = np.empty_like(days)
    simulated[np.argsort(-score, kind="stable")] = np.sort(days)
    total = found.sum()
    assert found[np.isin(days, first)].sum() / total == pytest.approx(0.5465116, abs=5e-8)
    assert found[np.isin(simulated, first)].sum() / total == pytest.approx(0.6821705, abs=5e-8)
    assert (days - simulated)[found == 1].mean() == pytest.approx(PUBLISHED_DAYS, abs=0.005)


def test_the_published_share_comes_from_an_order_within_the_day_that_no_rule_gives(rows: pl.DataFrame) -> None:
    """55.8 % is what a sort by date that is not stable leaves; the order of rows, kept, gives 54.7 %."""
    test = rows.filter("test")
    found, dates = test["criticalfound"].to_numpy(), test["inspection_date"].to_numpy()
    shares = {
        kind: found[np.argsort(dates, kind=kind)][: len(found) // 2].sum() / found.sum()  # type: ignore[call-overload]
        for kind in ("stable", "heapsort")
    }
    assert shares["stable"] == pytest.approx(0.547, abs=0.0005)
    assert shares["heapsort"] == pytest.approx(0.558, abs=0.0005)


def test_the_order_done_depends_on_how_one_day_is_cut(rows: pl.DataFrame) -> None:
    """The middle falls into 1 October: the published 55.8 % is 144 of 258, within what that day's order allows."""
    test = rows.filter("test").sort("inspection_date")
    found, days = test["criticalfound"].to_numpy(), epoch_days(test["inspection_date"])
    half = len(found) // 2
    middle = days == days[half - 1]
    before = found[days < days[half - 1]].sum()
    most = before + min(found[middle].sum(), half - (days < days[half - 1]).sum())
    assert before / 258 <= 0.5581 <= most / 258
    assert first_half_share(found, -days.astype(float)) == pytest.approx(0.5508, abs=0.0005)
    assert days_earlier(found, -days.astype(float), days) == 0


def test_results_of_the_visit_and_the_fitted_score_are_refused(rows: pl.DataFrame) -> None:
    """Columns of the city's own table that a careless model would learn from."""
    names = [
        name for name in rows.columns if name not in ("inspection_date", "criticalfound", "license", "test", "train")
    ]
    days = epoch_days(rows["inspection_date"])
    found = check(
        rows,
        names,
        rows["criticalfound"].to_numpy(),
        days,
        (~rows["test"]).to_numpy(),
        entity="license",
        forbidden=("inspector_assigned", "heat_burglary"),
    )
    refused = {one.column: one.kind for one in found if one.refused}
    assert refused.pop("score") == "fitted to the outcome"
    assert refused.pop("pass_flag") == "tells the outcome"
    assert refused.pop("criticalcount") in ("tells the outcome", "after the visit")
    for name in ("seriouscount", "minorcount", "fail_flag"):
        assert refused.pop(name) == "after the visit", name
    assert refused.pop("inspection_id") == refused.pop("business_id") == "identifier"
    assert refused.pop("inspector_assigned") == refused.pop("heat_burglary") == "forbidden"
    honest = {"pastcritical", "pastserious", "pastminor", "pastfail", "timesincelast", "heat_sanitation"}
    assert not honest & set(refused)
    assert not np.isnan(rows["score"].to_numpy()).any()
