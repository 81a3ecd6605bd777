"""The command 'scan': a scan of files as users of other scan programs have them."""

from __future__ import annotations

import math
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.cli.main import as_json, json_option
from cityward.core.clock import rng
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.know.scan import Cluster, Design
    from cityward.know.scan.frames import Table

_FILE = click.Path(dir_okay=False, path_type=Path)
_DATE = click.DateTime(["%Y-%m-%d", "%Y/%m/%d"])
_SHOWN = 12  # members of a cluster in a line
_MOST = 500  # clusters without common places that are told
_UNIT_DAYS = {"day": 1.0, "month": 365.25 / 12, "year": 365.25}
_SHORTER = 0.1  # of a unit: by so much a month or year may be shorter than the mean one


@click.command()
@click.option("--cases", "case_file", type=_FILE, required=True, help="id, number of cases, date, covariates.")
@click.option("--geo", "place_file", type=_FILE, help="id, latitude, longitude; or id, x, y. Not for --temporal.")
@click.option("--pop", "population_file", type=_FILE, help="id, date, population, covariates (poisson).")
@click.option("--ctl", "control_file", type=_FILE, help="id, number of controls, date (bernoulli).")
@click.option(
    "--model",
    type=click.Choice(["space-time-permutation", "poisson", "bernoulli"]),
    default="space-time-permutation",
    show_default=True,
)
@click.option("--prospective", is_flag=True, help="Only windows that reach the last day (the default).")
@click.option("--retrospective", is_flag=True, help="Windows of any time.")
@click.option("--spatial", is_flag=True, help="Without time.")
@click.option("--temporal", is_flag=True, help="Without space.")
@click.option("--from", "start", type=_DATE, help="First day of the study.")
@click.option("--to", "end", type=_DATE, help="Last day of the study.")
@click.option("--unit", type=click.Choice(["day", "month", "year"]), help="Of time; default: as precise as the dates.")
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Units of one interval.")
@click.option("--coordinates", type=click.Choice(["degrees", "plane"]), help="Default: degrees, if they can be.")
@click.option("--max-share", type=float, default=0.5, show_default=True, help="Of cases or people in a window.")
@click.option("--max-km", type=float, help="Largest radius; plane units on the plane.")
@click.option("--max-days", type=click.IntRange(1), help="Longest window; default half of the study.")
@click.option("--min-cases", type=int, default=2, show_default=True, help="Fewest cases of a window.")
@click.option("--rates", type=click.Choice(["high", "low", "both"]), default="high", show_default=True)
@click.option("--weekday", is_flag=True, help="Adjust for the day of the week.")
@click.option("--replicates", type=int, default=999, show_default=True, help="Of chance (Monte Carlo).")
@click.option("--stop-after", type=int, help="Stop once so many replicates are as strong (sequential).")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Default: all cores. The result is the same.")
@json_option
def scan(seed: int, threads: int | None, json_: bool, **options: Any) -> None:
    """Scan text files for clusters in space and time."""
    from cityward.know import scan as engine

    forms = {name: options.pop(name) for name in ("prospective", "retrospective", "spatial", "temporal")}
    shape = _shape(**forms)
    limits = {
        name: options.pop(name) for name in ("max_share", "max_km", "min_cases", "rates", "replicates", "stop_after")
    }
    max_days = options.pop("max_days")
    engine.Design(shape=shape, **limits)  # a mistake is told before files are read
    table, unit = _read(shape, **options)
    longest = _longest(table, unit, options["every"], max_days)
    design = engine.Design(shape=shape, max_intervals=longest, most=_MOST, **limits)
    if threads:
        _use(threads)
    found = engine.scan(table.study, design, rng(seed, "scan", "files"))
    told = {
        "model": table.study.model,
        "shape": shape,
        "from": table.edges[0],
        "to": _last(table, len(table.edges) - 1),
        "locations": sum(map(len, table.members)),
        "places": len(table.members),
        "coordinates": "degrees" if table.study.sphere else "plane",
        "cases": table.study.total,
        "population": float(table.people.sum()) if table.people.size else None,
        "left_out": {"without_coordinates": table.without_place, "outside_the_study": table.outside},
        "min_cases": design.min_cases,
        "replicates": int(found.maxima.size),
        "seed": seed,
        "clusters": [_cluster(table, design, cluster) for cluster in found.clusters],
    }
    if json_:
        as_json(told)
    else:
        _print(told)


def _read(
    shape: str,
    *,
    case_file: Path,
    place_file: Path | None,
    population_file: Path | None,
    control_file: Path | None,
    model: Any,
    start: datetime | None,
    end: datetime | None,
    unit: Any,
    every: int,
    coordinates: str | None,
    weekday: bool,
) -> tuple[Table, str]:
    from cityward.know.scan.frames import tabulate
    from cityward.know.scan.text_files import read_cases, read_places, read_population

    if place_file is None and not shape.startswith("temporal"):
        raise UserError("Where the locations are is not told.", "Give the file of their coordinates with --geo.")
    placed = read_places(place_file, coordinates) if place_file else None
    people, covariates = read_population(population_file) if population_file else (None, 0)
    known = {"poisson": covariates, "bernoulli": 0}
    cases = read_cases(case_file, covariates=known.get(model))
    controls = read_cases(control_file, covariates=0, value="controls") if control_file else None
    if cases.unit is None and shape != "spatial":
        raise UserError(f"{case_file.name} has no dates.", "Add them after the number of cases, or give --spatial.")
    places, degrees = placed or (_somewhere(cases.frame, people, controls.frame if controls else None), False)
    table = tabulate(
        cases.frame,
        places,
        model,
        start=_day(start, cases.frame, "--from"),
        end=_day(end, cases.frame, "--to"),
        unit=unit or cases.unit or "day",
        every=every,
        population=people,
        controls=controls.frame if controls else None,
        weekday=weekday,
        sphere=degrees,
    )
    return table, unit or cases.unit or "day"


def _somewhere(*frames: Any) -> Any:
    """All locations at one point, for a scan without space."""
    import polars as pl

    names = pl.concat([frame.select("place") for frame in frames if frame is not None]).unique()
    return names.with_columns(x=pl.lit(0.0), y=pl.lit(0.0))


def _longest(table: Table, unit: str, every: int, max_days: int | None) -> int:
    """Most intervals of a window: those of ``max_days``, or of half of the units of the study.

    The half is of units and not of intervals, as in the reference program: of 24 days by weeks it is 12 days,
    which is one whole week.
    """
    from cityward.know.scan.frames import intervals

    if max_days is not None:
        units = int(max_days / _UNIT_DAYS[unit] + (0 if unit == "day" else _SHORTER))
    else:
        units = (len(intervals(table.edges[0], _last(table, -1), unit, 1)) - 1) // 2  # type: ignore[arg-type]
    return max(units // every, 1)


def _shape(*, prospective: bool, retrospective: bool, spatial: bool, temporal: bool) -> Any:
    if prospective + retrospective > 1 or (spatial and (prospective or retrospective or temporal)):
        raise UserError("These forms of a scan exclude each other.", "Give one of them.")
    if temporal:
        return "temporal-prospective" if prospective else "temporal"
    return "spatial" if spatial else "retrospective" if retrospective else "prospective"


def _day(told: datetime | None, cases: Any, option: str) -> date:
    if told is not None:
        return told.date()
    if "time" in cases.columns:
        raise UserError(
            f"The study needs {option}.", "Give the first and the last day on which cases could be counted."
        )
    return date(2000, 1, 1)  # any day: there is no time


def _use(threads: int) -> None:
    import numba

    numba.set_num_threads(min(threads, numba.get_num_threads()))


def _last(table: Table, interval: int) -> date:
    return date.fromordinal(table.edges[interval].toordinal() - 1)


def _cluster(table: Table, design: Design, cluster: Cluster) -> dict[str, Any]:
    from cityward.know.scan.places import radius_km

    study = table.study
    everywhere = design.shape.startswith("temporal")
    at = list(range(study.x.size)) if everywhere else list(cluster.members)
    first, last = (0, study.intervals - 1) if design.shape == "spatial" else (cluster.first, cluster.last)
    outside = (
        (study.total - cluster.observed) / (study.total - cluster.expected) if study.total > cluster.expected else 0
    )
    ratio = cluster.observed / cluster.expected if cluster.expected else math.nan
    alive = design.shape.endswith("prospective")
    days = (table.edges[-1] - table.edges[0]).days / study.intervals
    return {
        "statistic": cluster.statistic,
        "p_value": cluster.p_value if design.replicates else None,
        "p_value_gumbel": cluster.p_gumbel if design.replicates else None,
        "recurrence_interval_days": days * cluster.recurrence if alive and design.replicates else None,
        "members": [] if everywhere else [name for place in at for name in table.members[place]],
        "centre": None if everywhere else [float(study.x[at[0]]), float(study.y[at[0]])],
        "radius_km": None if everywhere else radius_km(study.x[at], study.y[at], sphere=study.sphere),
        "from": table.edges[first],
        "to": _last(table, last + 1),
        "rate": "high" if cluster.high else "low",
        "observed": cluster.observed,
        "expected": cluster.expected,
        "observed_to_expected": ratio if math.isfinite(ratio) else None,
        "relative_risk": ratio / outside if outside > 0 and math.isfinite(ratio) and table.people.size else None,
        "population": float(table.people[at].sum()) if table.people.size else None,
    }


def _print(told: dict[str, Any]) -> None:
    click.echo(
        f"{told['cases']:,} cases at {told['places']:,} places from {told['from']} to {told['to']}; "
        f"{told['replicates']:,} replicates of chance."
    )
    for reason, amount in told["left_out"].items():
        if amount:
            click.echo(f"Left out: {amount:,} cases {reason.replace('_', ' ')}.")
    for rank, cluster in enumerate(told["clusters"], start=1):
        names = ", ".join(cluster["members"][:_SHOWN]) or "everywhere"
        more = len(cluster["members"]) - _SHOWN
        click.echo(
            f"{rank:>3}. {cluster['observed']:,} cases, {cluster['expected']:.2f} expected, "
            f"{cluster['from']} to {cluster['to']}; statistic {cluster['statistic']:.6f}"
            + (f", p {cluster['p_value']:.4f}" if cluster["p_value"] is not None else "")
            + (
                f", once in {cluster['recurrence_interval_days']:,.0f} days"
                if cluster["recurrence_interval_days"]
                else ""
            )
            + f"\n     {names}{f' and {more} more' if more > 0 else ''}"
        )
    if not told["clusters"]:
        few = "The study has fewer cases than a window must have" if told["cases"] < told["min_cases"] else ""
        click.echo(f"{few or 'No window stands out from chance'}.")
