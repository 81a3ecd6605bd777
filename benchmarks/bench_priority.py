"""Food inspections of Chicago, September and October 2014: our order beside the city's, and without its two features.

The list is made on 2 September 2014 from what was known before that day, and judged once.
"""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from cityward.anticipate import case_measures as measures
from cityward.anticipate.case_features import epoch_days, features, list_days, outcomes
from cityward.anticipate.priority import train
from cityward.city.case_settings import load_case_types
from cityward.city.cases import income_groups, place_of, read_table, sources_of
from cityward.core.records import Territory
from cityward.know.territory import TerritoryIndex

CHICAGO = Path(__file__).parents[1] / "src" / "cityward" / "city" / "demo" / "chicago"
FIRST = int(epoch_days(pl.Series([date(2014, 9, 2)]))[0])


def complaints() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sanitation complaints: where, and on which day."""
    known = pl.read_parquet(CHICAGO / "sanitation_requests.parquet").drop_nulls(
        ["creation_date", "longitude", "latitude"]
    )
    return known["longitude"].to_numpy(), known["latitude"].to_numpy(), epoch_days(known["creation_date"])


def judged(seed: int = 20140630, resamples: int = 1_000) -> dict[str, object]:
    """Return both orders on the city's 1,637 test rows, with the paired differences to the city's score."""
    kind = load_case_types(CHICAGO / "cases")["food-inspection"]
    table = read_table(CHICAGO / kind.table, kind)
    days, outcome = epoch_days(table[kind.time]), outcomes(table[kind.outcome])
    lists = list_days(days, FIRST, kind.round_days)
    began = time.process_time()
    made = features(table, days, lists, outcome, sources_of(kind), complaints())
    past = days < FIRST
    model = train(made.filter(past), outcome[past], lists[past], seed=seed)
    seconds = time.process_time() - began
    city = pl.read_parquet(CHICAGO / "food_inspection_model.parquet").filter("test")
    rows = city.select("inspection_id", "inspection_date", "score", "criticalfound", "heat_burglary").join(
        table.with_row_index("row").select("row", "inspection_id", "longitude", "latitude"),
        on="inspection_id",
        how="left",
        maintain_order="left",
    )
    at = rows["row"].to_numpy()
    chance = model.probability(made[at])[0]
    found, when = rows["criticalfound"].to_numpy(), epoch_days(rows["inspection_date"])
    orders = {"ours": chance, "city": rows["score"].to_numpy(), "done": -when.astype(float)}
    told = measures.compared(found, when, orders, against="city", seed=seed, resamples=resamples)
    return {
        "orders": told,
        "found": found,
        "days": when,
        "probability": chance,
        "rows": rows,
        "base_rate": model.base_rate,
        "seconds": seconds,
        "calibration": measures.calibration(found, chance),
        "groups": measures.by_group(found, when, chance, groups(rows)),
    }


def groups(rows: pl.DataFrame) -> np.ndarray:
    """Income group of the area of each row, as the console shows it."""
    index = TerritoryIndex.from_geojson(
        CHICAGO / "community_areas.geojson", id_property="area", name_property="area", level="area"
    )
    facts = pl.read_csv(CHICAGO / "indicators_77.csv", infer_schema_length=None)
    territories = [
        Territory(id=str(int(one)), name="", level="area", income=income)
        for one, income in zip(facts["comm_num"], facts["hh_median_income"].cast(pl.Float64), strict=True)
    ]
    lon, lat = (rows[name].fill_null(float("nan")).to_numpy() for name in ("longitude", "latitude"))
    return income_groups(place_of(index, lon, lat), territories)


def main() -> dict[str, tuple[float, str]]:
    told = judged()
    ours = told["orders"]["ours"]  # type: ignore[index]
    for name, one in told["orders"].items():  # type: ignore[attr-defined]
        print(name, {key: {k: np.round(v, 3) for k, v in value.items()} for key, value in one.items()})
    found, chance = told["found"], told["probability"]
    usual = np.full(len(found), told["base_rate"])  # type: ignore[arg-type]
    print("brier", measures.brier(found, chance), "base rate", measures.brier(found, usual))  # type: ignore[arg-type]
    print("groups", told["groups"])
    print("calibration", told["calibration"])
    return {
        "food inspections: critical violations found in the first half, without inspector and burglary (share)": (
            round(ours["first_half_share"]["value"], 4),
            "≥ 0.686",
        ),
        "food inspections: days earlier than done, without inspector and burglary": (
            round(ours["days_earlier"]["value"], 2),
            "≥ 7.79",
        ),
        "food inspections: learned and listed (CPU s)": (round(told["seconds"], 2), "≤ 2"),  # type: ignore[call-overload]
    }


if __name__ == "__main__":
    for line, (value, target) in main().items():
        print(f"{line}: {value} (target {target})")
    sys.exit()
