"""Tries the early warnings on Chicago 2012 to 2014: python docs/early_warning.py [FOLDER].

Prints the tables of docs/early-warning.md and writes early-warning.svg into FOLDER (default: beside this file).
"""

from __future__ import annotations

import sys
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import polars as pl

from cityward.anticipate.chance import share_interval
from cityward.anticipate.early import CLOSES, FEWEST_EXPECTED, OPENS, past
from cityward.anticipate.growth import learn, past_surges
from cityward.anticipate.reconcile import tree
from cityward.anticipate.warning import Tried, outlook, reliability, standing
from cityward.core.words import percent

AS_OF = date(2014, 12, 30)
EDGES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEVELS = ("city", "side")
SIDE, MARGIN = 300, 46


def chicago() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Services; reports and closings, arrays (services, 10 nodes, days); reports (services, 77 areas, days)."""
    with as_file(files("cityward.city.demo") / "chicago") as data:
        rows = pl.read_parquet(data / "sanitation_requests.parquet")
        areas = pl.read_csv(data / "indicators_77.csv").sort("comm_num")
    cases = rows.unique("service_request_number", keep="last", maintain_order=True).select(
        service=pl.col("nature").fill_null("not stated"),
        territory=pl.col("community_area").cast(pl.Int64).cast(pl.String),
        opened=pl.col("creation_date").cast(pl.Date),
        closed=pl.col("completion_date").cast(pl.Date),
    )
    cases = cases.filter(pl.col("opened") >= date(2011, 1, 1))
    counts = cases.group_by("service", "territory", day="opened").agg(pl.len().alias("interactions"))
    services = sorted(cases["service"].unique())
    known = past(counts, cases, services=services, areas=[str(at) for at in areas["comm_num"]], as_of=AS_OF)
    nodes = tree(areas["side"].to_list(), city="Chicago", group="side")
    return services, nodes.sums(known.reports), nodes.sums(known.closings), known.reports


def tried(reports: np.ndarray, closings: np.ndarray) -> tuple[Tried, np.ndarray]:
    """Every past week that could be tried, and the kind of each node: 0 the city, 1 a side."""
    services, nodes, days = reports.shape
    kinds = np.tile(np.minimum(np.arange(nodes), 1), services)
    flat = reports.reshape(-1, days)
    found = outlook(flat, closings.reshape(-1, days), np.full(len(flat), np.nan), flat[:, -7:].sum(axis=1), kinds)
    return found.tried, kinds


def alarms(weeks: Tried, reports: np.ndarray, kinds: np.ndarray, kind: int) -> tuple[int, int, int, int, int]:
    """Warnings opened, weeks open, of these with too much; weeks with too much, of these warned of.

    Only services whose warnings are issued, and places with `FEWEST_EXPECTED` reports a week in the half year before.
    """
    nodes, days = reports.shape[1], reports.shape[2]
    flat, count = reports.reshape(-1, days), weeks.chance.shape[1]
    found = np.zeros(5, dtype=int)
    for at in np.flatnonzero(kinds == kind):
        if not standing(weeks, (np.arange(len(kinds)) // nodes == at // nodes) & (kinds == kind)).warns:
            continue
        is_open = False
        for week in np.flatnonzero(weeks.known[at]):
            end = days - 7 * (count - week)
            busy = flat[at, end - 182 : end].mean() * 7 >= FEWEST_EXPECTED
            was, is_open = is_open, busy and weeks.chance[at, week] >= (CLOSES if is_open else OPENS)
            came = bool(weeks.happened[at, week]) and busy
            found += [is_open and not was, is_open, is_open and came, came, came and is_open]
    return tuple(found.tolist())


def picture(by_level: dict[str, list[tuple[float, float, int]]]) -> str:
    """A reliability diagram for each level: probability given against share that happened, with 90 % intervals."""
    width = len(by_level) * (SIDE + MARGIN) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {SIDE + 2 * MARGIN}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1c1f21">',
        "<title>Reliability of early warnings on Chicago, 2012 to 2014</title>",
        f'<rect width="{width}" height="{SIDE + 2 * MARGIN}" fill="#fbfaf7"/>',
    ]
    for at, (level, steps) in enumerate(by_level.items()):
        parts.append(_panel(level, steps, MARGIN + at * (SIDE + MARGIN)))
    return "\n".join([*parts, "</svg>", ""])


def _panel(level: str, steps: list[tuple[float, float, int]], left: int) -> str:
    def place(x: float, y: float) -> tuple[float, float]:
        return round(left + SIDE * x, 1), round(MARGIN + SIDE * (1 - y), 1)

    (x0, y0), (x1, y1) = place(0, 0), place(1, 1)
    parts = [
        f'<text x="{left}" y="{MARGIN - 16}" font-weight="700">{level}</text>',
        f'<rect x="{x0}" y="{y1}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#d9d6cf"/>',
        f'<line x1="{x0}" y1="{y0}" x2="{x1}" y2="{y1}" stroke="#565d61" stroke-dasharray="4 4"/>',
        f'<text x="{x0}" y="{y0 + 18}">0</text><text x="{x1}" y="{y0 + 18}" text-anchor="end">1</text>',
        f'<text x="{(x0 + x1) / 2}" y="{y0 + 34}" text-anchor="middle">probability given</text>',
        f'<text x="{left - 8}" y="{(y0 + y1) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 {left - 8} {(y0 + y1) / 2})">share that happened</text>',
    ]
    for given, happened, count in steps:
        low, high = share_interval(happened * count, count)
        (x, y), (_, top), (_, bottom) = place(given, happened), place(0, high), place(0, low)
        parts.append(f'<line x1="{x}" y1="{top}" x2="{x}" y2="{bottom}" stroke="#4a8794" stroke-width="2"/>')
        parts.append(f'<circle cx="{x}" cy="{y}" r="{round(2.5 + np.sqrt(count) / 9, 1)}" fill="#0b5563"/>')
    return "\n".join(parts)


def main(folder: Path) -> None:
    """Print the tables, write the picture."""
    services, reports, closings, areas = chicago()
    weeks, kinds = tried(reports, closings)
    by_level = {}
    print("| level | weeks | forecasts | happened | Brier | climatology | skill |\n|---|---:|---:|---:|---:|---:|---:|")
    for kind, level in enumerate(LEVELS):
        known = weeks.known & (kinds == kind)[:, None]
        stands = standing(weeks, kinds == kind)
        by_level[level] = reliability(weeks.chance[known], weeks.happened[known], EDGES)
        print(
            f"| {level} | {stands.weeks} | {known.sum():,} | {weeks.happened[known].mean():.3f} | {stands.brier:.4f} | "
            f"{stands.climatology:.4f} | {percent(1 - stands.brier / stands.climatology)} |"
        )
    for level, steps in by_level.items():
        print(f"\n| {level}: given | happened | forecasts |\n|---:|---:|---:|")
        for given, happened, count in steps:
            print(f"| {given:.2f} | {happened:.2f} | {count:,} |")
    print("\n| level | opened | weeks open | of these, more came | weeks when more came | of these, warned of |")
    print("|---|---:|---:|---:|---:|---:|")
    for kind, level in enumerate(LEVELS):
        opened, lasted, right, came, caught = alarms(weeks, reports, kinds, kind)
        print(f"| {level} | {opened} | {lasted} | {percent(right / lasted)} | {came} | {percent(caught / came)} |")
    print("\n| service | city: Brier | climatology | warns | sides: Brier | climatology | warns |")
    print("|---|---:|---:|---|---:|---:|---|")
    for at, service in enumerate(services):
        own = np.arange(len(kinds)) // reports.shape[1] == at
        cells = [standing(weeks, own & (kinds == kind)) for kind in range(len(LEVELS))]
        told = [
            f"{one.brier:.3f} | {one.climatology:.3f} | {'yes' if one.warns else 'no'}" if one.weeks else "– | – | no"
            for one in cells
        ]
        print(f"| {service} | {' | '.join(told)} |")
    model = learn(past_surges(areas))
    print(
        f"\ngrowth of surges: {model.surges} surges, {model.grew / model.surges:.3f} grew, Brier {model.brier:.4f}, "
        f"climatology {model.climatology:.4f}, used: {model.used}"
    )
    (folder / "early-warning.svg").write_text(picture(by_level), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
