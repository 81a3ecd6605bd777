"""Who is heard: how readily residents report what they see, and when that cannot be told.

Once a case is known, further reports of it are read as chances to report that residents took: how many came
for each day that the case was open measures them, and not the number of problems. Source of the idea: Liu,
Bhandaram and Garg (2024), Quantifying spatial under-reporting disparities in resident crowdsourcing, Nature
Computational Science 4. Theirs is a constant rate; ours falls with the age of the case, because most further
reports come on the first day, and cases stay open for longer in some places than in others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.core.records import Silence, Territory
from cityward.equitable import reporting_fit as numbers
from cityward.equitable.reporting_exposure import EDGES_DAYS, Exposure, expose
from cityward.equitable.reporting_fit import Evidence, Floats
from cityward.equitable.silence import CLEARLY_BELOW, FEWEST_EXPECTED, MOST_LISTED, Beside, silences

WINDOWS_DAYS: Final = (0, 3, 7, 30, 100)
"""Last ages that are looked at; 0 is the day of the first report alone."""

MAIN_DAYS: Final = 30
FEWEST_REPORTS: Final = 100
FEWEST_TERRITORIES: Final = 8

SAME_EVERYWHERE: Final = 0.01
"""Below this probability, that places differ equally at all ages of a case is not believed."""

NEGLIGIBLE: Final = 0.1
"""A coefficient per standard deviation whose interval is within this is no gap."""

CLEAR_RATIO: Final = 1.1
ALIKE_RATIO: Final = 1.25
DRAWS: Final = 1_000
_Z90: Final = 1.6449
_BY_CHANCE: Final = 0.01
"""Probability that a city without any gap shows one by some covariate in the main window."""

_CELLS: Final = 2_000_000

__all__ = ["Corrected", "Exposure", "Reporting", "corrected", "expose", "fit", "silent"]


@dataclass(frozen=True, slots=True)
class Stability:
    """Whether places differ alike at all ages of a case: the least of two p-values, and one per covariate."""

    territories: float
    covariates: tuple[float, ...]


@dataclass(frozen=True)
class Reporting:
    """How readily residents report, and whether it may be published.

    Attributes
    ----------
    territories : polars.DataFrame
        ``territory, name, readiness`` (1 is the mean of the places with any case), ``low, high`` (90 %),
        ``shrinkage`` (0: the place's own reports decide; 1: places like it do), ``reports`` (further reports
        counted), ``expected`` (at the city's baseline) and ``verdict``: ``more readily``, ``less readily``,
        ``as others`` or ``cannot tell``.
    coefficients : polars.DataFrame
        Of log readiness per standard deviation of each covariate: ``alone`` and ``together`` with the
        others, each with its 90 % interval; ``same_everywhere``, the probability of differences as large
        between ages of a case if the covariate mattered alike at all of them; ``clear``, whether ``alone`` is
        beyond chance among all covariates; ``gap``: ``gap``, ``no gap`` or ``cannot tell``.
    windows : polars.DataFrame
        For each covariate and window: ``raw``, the coefficient of reports per open day as counted; and
        ``estimate, low, high`` with the city's baseline by age and service taken into account.
    publishable : bool
    because : str
        Why, in plain words.
    draws : ndarray of float, shape (draws, territories)
        Readiness, drawn from its joint posterior.
    left_out : dict of str to int
    """

    territories: pl.DataFrame
    coefficients: pl.DataFrame
    windows: pl.DataFrame
    publishable: bool
    because: str
    draws: Floats
    left_out: dict[str, int]

    @cached_property
    def verdicts(self) -> dict[str, str]:
        """Verdict by territory."""
        return dict(self.territories.select("territory", "verdict").iter_rows())


def fit(
    exposure: Exposure,
    territories: Sequence[Territory],
    *,
    covariates: Mapping[str, Sequence[float | None] | Floats] | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Reporting:
    """Estimate how readily residents report in each territory, and decide whether it can be told.

    Parameters
    ----------
    exposure : Exposure
        Made by `expose` for the same territories.
    territories : sequence of Territory
    covariates : mapping of str to sequence of float, optional
        By default internet access, log income and log people per home (which stands for how densely people
        live). Unknown values count as the mean; a covariate that tells nobody apart is not used.
    seed : int
    draws : int
        Of the posterior, at least 100.

    Raises
    ------
    UserError
        Territories are not those of the exposure, or a covariate has another length.

    Notes
    -----
    Further reports of an incident come at ``readiness[territory] * baseline[service, age]`` a day while it is
    open. Incidents have a gamma factor of their own, so that a case that everybody reports widens the
    interval. Log readiness is normal around the covariates. Differences are published only when they hold
    in every window, from the first day alone to 100 days, and do not change with the age of a case.
    """
    if tuple(territory.id for territory in territories) != exposure.territories:
        raise UserError("The territories are not those that reports were counted for.", "Give expose() the same ones.")
    names, values = _standardised(territories, covariates)
    design = np.column_stack([np.ones(len(values)), values])
    events, days = exposure.cube()
    windows, alone = _windows(exposure, events, days, names, values)
    evidence = _evidence(exposure, events, days, MAIN_DAYS)
    pooled = numbers.pool(evidence, design)
    readiness = np.exp(numbers.draw(evidence, design, pooled, draws, rng(seed, "reporting")))
    heard = days.sum(axis=(1, 2)) > 0
    readiness = readiness / readiness[:, heard if heard.any() else slice(None)].mean(axis=1, keepdims=True)
    stable = _stability(exposure, events, days, values)
    together = [pooled.slope(position + 1) for position in range(len(names))]
    coefficients = _coefficients(names, alone, together, stable, windows, places=int(heard.sum()))
    publishable, because = _decide(int(evidence.events.sum()), int(heard.sum()), coefficients, stable)
    return Reporting(
        territories=_verdicts(territories, evidence, pooled, readiness, publishable=publishable),
        coefficients=coefficients,
        windows=windows,
        publishable=publishable,
        because=because,
        draws=readiness,
        left_out=dict(exposure.left_out),
    )


def _standardised(
    territories: Sequence[Territory], covariates: Mapping[str, Sequence[float | None] | Floats] | None
) -> tuple[list[str], Floats]:
    """Names and standardised values, shape (territories, covariates); what is unknown is 0, the mean."""
    if covariates is None:
        covariates = _known(territories)
    names, columns = [], []
    for name, given in covariates.items():
        column = np.array([np.nan if value is None else value for value in given], dtype=float)
        if column.shape != (len(territories),):
            raise UserError(
                f"Covariate {name!r} has {column.size} values for {len(territories)} territories.", "Give one for each."
            )
        finite = np.isfinite(column)
        centre = column[finite].mean() if finite.any() else 0.0
        deviation = column[finite].std() if finite.any() else 0.0
        if finite.sum() >= FEWEST_TERRITORIES and deviation > 1e-9 * max(abs(centre), 1e-9):
            names.append(name)
            columns.append(np.where(finite, (column - centre) / deviation, 0.0))
    return names, np.column_stack(columns) if columns else np.empty((len(territories), 0))


def _known(territories: Sequence[Territory]) -> dict[str, Floats]:
    people, homes, internet, income = (
        np.array([np.nan if value is None else value for value in column], dtype=float)
        for column in (
            [territory.population for territory in territories],
            [territory.households for territory in territories],
            [territory.internet_share for territory in territories],
            [territory.income for territory in territories],
        )
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"internet": internet, "income": np.log(income), "people per home": np.log(people / homes)}


def _ages(window_days: int) -> int:
    """How many ages a window covers."""
    return sum(edge <= window_days for edge in EDGES_DAYS[:-1])


def _evidence(exposure: Exposure, events: Floats, days: Floats, window_days: int) -> Evidence:
    ages = _ages(window_days)
    rate = numbers.baseline(events[:, :, :ages], days[:, :, :ages])
    expected = np.tensordot(days[:, :, :ages], rate, axes=2)
    counted = events[:, :, :ages].sum(axis=(1, 2))
    means = np.zeros(len(exposure.open_days))
    for age, (low, high) in enumerate(pairwise(EDGES_DAYS[: ages + 1])):
        means += rate[exposure.service, age] * np.clip(exposure.open_days - low, 0, high - low)
    counts = np.bincount(
        exposure.incident[exposure.age_days < EDGES_DAYS[ages]], minlength=len(exposure.open_days)
    ).astype(float)
    variance = numbers.clustering(counts, means, exposure.territory, counted, expected)
    squares = np.bincount(exposure.territory, means**2, minlength=len(expected))
    return Evidence(counted, expected, numbers.size_of(expected, squares.astype(np.float64), variance))


def _windows(
    exposure: Exposure, events: Floats, days: Floats, names: Sequence[str], values: Floats
) -> tuple[pl.DataFrame, list[tuple[float, float]]]:
    """The table of windows, and each covariate's coefficient on its own in the main window."""
    rows, main = [], []
    for window in WINDOWS_DAYS:
        ages = _ages(window)
        evidence = _evidence(exposure, events, days, window)
        open_days = days[:, :, :ages].sum(axis=(1, 2))
        for position, name in enumerate(names):
            x = values[:, position]
            mean, deviation = numbers.pool(evidence, np.column_stack([np.ones(len(x)), x])).slope(1)
            if window == MAIN_DAYS:
                main.append((mean, deviation))
            raw = numbers.constant_rate_slope(evidence.events, open_days, x)
            reports = int(evidence.events.sum())
            rows.append((name, window, reports, raw, mean, mean - _Z90 * deviation, mean + _Z90 * deviation))
    numeric = ("raw", "estimate", "low", "high")
    schema = {
        "covariate": pl.String,
        "window_days": pl.Int64,
        "reports": pl.Int64,
        **dict.fromkeys(numeric, pl.Float64),
    }
    return pl.DataFrame(rows, schema=schema, orient="row"), main


def _stability(exposure: Exposure, events: Floats, days: Floats, values: Floats) -> Stability:
    """Test whether the share of early reports differs between places more than open days explain.

    A score test: given a place's further reports, the early ones are binomial whatever its readiness, so
    that readiness cancels out. The variance is that between incidents, whose reports come together.
    """
    ages = _ages(MAIN_DAYS)
    expected = numbers.baseline(events[:, :, :ages], days[:, :, :ages]) * days[:, :, :ages]
    total = expected.sum(axis=2)
    place = exposure.territory[exposure.incident], exposure.service[exposure.incident]
    everywhere, each = 1.0, np.ones(values.shape[1])
    for early in (_ages(0), _ages(3)):
        part = expected[:, :, :early].sum(axis=2)
        share = np.divide(part, total, out=np.zeros_like(part), where=total > 0)
        inside = exposure.age_days < EDGES_DAYS[ages]
        residual = np.where(exposure.age_days < EDGES_DAYS[early], 1.0, 0.0) - share[place]
        score = np.bincount(place[0][inside], residual[inside], minlength=len(values))
        binomial = (events[:, :, :ages].sum(axis=2) * share * (1 - share)).sum(axis=1)
        by_incident = np.bincount(exposure.incident[inside], residual[inside])
        dispersion = max(float(by_incident @ by_incident) / max(binomial.sum(), 1e-12), 1.0)
        variance = dispersion * binomial
        some = variance > 0
        if not some.any():
            continue
        square = float((score[some] ** 2 / variance[some]).sum())
        everywhere = min(everywhere, 2 * numbers.chi_square_tail(square, int(some.sum()) - 1))
        away = values - variance @ values / variance.sum()
        spread = np.sqrt(variance @ away**2)
        z = np.divide(score @ away, spread, out=np.zeros(len(spread)), where=spread > 1e-9)
        each = np.minimum(each, [2 * numbers.normal_tail(value) for value in z])
    return Stability(min(everywhere, 1.0), tuple(float(value) for value in each))


def _coefficients(
    names: Sequence[str],
    alone: Sequence[tuple[float, float]],
    together: Sequence[tuple[float, float]],
    stable: Stability,
    windows: pl.DataFrame,
    *,
    places: int,
) -> pl.DataFrame:
    rows = []
    far = numbers.student_quantile(1 - _BY_CHANCE / (2 * max(len(names), 1)), places - 2)
    for name, single, joint, same in zip(names, alone, together, stable.covariates, strict=True):
        bounds = [value for mean, deviation in (single, joint) for value in _interval(mean, deviation)]
        clear = abs(single[0]) > far * single[1]
        gap = _gap(single[0], clear, windows.filter(pl.col("covariate") == name), same)
        rows.append((name, *bounds, same, clear, gap))
    numeric = ("alone", "alone_low", "alone_high", "together", "low", "high", "same_everywhere")
    schema = {"covariate": pl.String, **dict.fromkeys(numeric, pl.Float64), "clear": pl.Boolean, "gap": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _interval(mean: float, deviation: float) -> tuple[float, float, float]:
    return mean, mean - _Z90 * deviation, mean + _Z90 * deviation


def _gap(mean: float, clear: bool, windows: pl.DataFrame, same_everywhere: float) -> str:
    """A gap is one that every window shows, no less than half as large on the first days as in the main one."""
    sign = np.sign(mean)
    estimate, low, high = (windows[name].to_numpy() * sign for name in ("estimate", "low", "high"))
    nearest = np.minimum(low, high)
    short = windows["window_days"].to_numpy() < WINDOWS_DAYS[2]
    if same_everywhere < SAME_EVERYWHERE:
        return "cannot tell"
    if clear and (nearest > 0).all() and (estimate[short] > abs(mean) / 2).all():
        return "gap"
    inside = windows.filter(pl.col("window_days").is_in([0, MAIN_DAYS]))
    small = inside.select((pl.col("low") > -NEGLIGIBLE) & (pl.col("high") < NEGLIGIBLE)).to_series().all()
    return "no gap" if small else "cannot tell"


def _decide(reports: int, places: int, coefficients: pl.DataFrame, stable: Stability) -> tuple[bool, str]:
    """Whether the estimates may be published, and why in plain words."""
    if reports < FEWEST_REPORTS or places < FEWEST_TERRITORIES:
        return False, (
            f"We cannot tell: {reports} further reports in {places} places are too few to compare "
            f"(at least {FEWEST_REPORTS} in {FEWEST_TERRITORIES})."
        )
    moving = coefficients.filter(pl.col("same_everywhere") < SAME_EVERYWHERE)["covariate"].to_list()
    if moving:
        return False, (
            f"We cannot tell: the difference by {' and '.join(moving)} is not the same on the first days of a case "
            "as later, so that it says more about cases than about who reports."
        )
    fading = coefficients.filter(pl.col("gap") != "gap", pl.col("clear"))["covariate"].to_list()
    if fading:
        return False, (
            f"We cannot tell: a difference by {' and '.join(fading)} is seen over {MAIN_DAYS} days, "
            "but not clearly in every window down to the first day alone."
        )
    if stable.territories < SAME_EVERYWHERE:
        return False, (
            "We cannot tell: which places report more changes with the age of a case, "
            "by more than chance and open days explain."
        )
    found = coefficients.filter(pl.col("gap") == "gap")
    if not found.height:
        open_ones = coefficients.filter(pl.col("gap") == "cannot tell")["covariate"].to_list()
        small = f"; whether there is a small one by {' or '.join(open_ones)} we cannot tell" if open_ones else ""
        return True, f"No gap was found{small}. Places differ alike at all ages of a case."
    told = " and ".join(
        f"{name} ({np.exp(mean):.2f} times per standard deviation, {np.exp(low):.2f} to {np.exp(high):.2f})"
        for name, mean, low, high in found.select("covariate", "alone", "alone_low", "alone_high").iter_rows()
    )
    return True, f"Readiness differs by {told}, alike in every window from the first day alone to 100 days."


def _verdicts(
    territories: Sequence[Territory],
    evidence: Evidence,
    pooled: numbers.Pooled,
    readiness: Floats,
    *,
    publishable: bool,
) -> pl.DataFrame:
    low, middle, high = np.quantile(readiness, (0.05, 0.5, 0.95), axis=0)
    weight = evidence.expected * middle
    information = weight * evidence.size / (evidence.size + weight)
    spread = float(pooled.weights @ numbers.SPREADS**2)
    verdict = np.select(
        [high < 1 / CLEAR_RATIO, low > CLEAR_RATIO, (low > 1 / ALIKE_RATIO) & (high < ALIKE_RATIO)],
        ["less readily", "more readily", "as others"],
        "cannot tell",
    )
    return pl.DataFrame(
        {
            "territory": [territory.id for territory in territories],
            "name": [territory.name for territory in territories],
            "readiness": middle,
            "low": low,
            "high": high,
            "shrinkage": 1 / (1 + spread * information),
            "reports": evidence.events.astype(np.int64),
            "expected": evidence.expected,
            "verdict": verdict if publishable else np.full(len(territories), "cannot tell"),
        },
        schema_overrides={"territory": pl.String, "name": pl.String, "verdict": pl.String},
    )


@dataclass(frozen=True, slots=True)
class Corrected:
    """Incidents as they would count if every place reported as the city does, with a 90 % interval.

    ``estimate``, ``low`` and ``high`` have the shape of the counts; ``corrected`` says whether the estimate
    was corrected at all (not when readiness cannot be told: it is the raw count then).
    """

    estimate: Floats
    low: Floats
    high: Floats
    corrected: bool


def corrected(
    counts: NDArray[np.int64] | Floats, reporting: Reporting, *, heard_share: float = 0.0, seed: int = 0
) -> Corrected:
    """Correct counts of incidents for readiness, carrying the uncertainty of both.

    Parameters
    ----------
    counts : ndarray, shape (..., territories)
        Incidents, at least 0; territories in the order of ``reporting.territories``.
    reporting : Reporting
    heard_share : float
        Share, 0 to below 1, of what happens in the average place that is heard of at all. Near 0 a place
        half as ready hears half as much; near 1 everything is heard anyhow and there is little to correct.
        It cannot be learned from reports.
    seed : int

    Notes
    -----
    A place of readiness r hears of 1 - (1 - heard_share)^r of what happens. Counts are Poisson, with
    Jeffreys's prior. When readiness may not be published the estimate is the raw count, and the interval
    spans that of the raw and that of the corrected one: we cannot tell which holds.

    Raises
    ------
    UserError
        Counts are negative, not finite or of other territories, or the share is not in its range.
    """
    heard = np.asarray(counts, dtype=float)
    places = reporting.draws.shape[1]
    if heard.ndim == 0 or heard.shape[-1] != places:
        raise UserError(f"Counts are not of the {places} territories that were fitted.", "Give one count for each.")
    if not (np.isfinite(heard) & (heard >= 0)).all():
        raise UserError("A count is negative or not a number.", "Give counts of incidents, 0 or more.")
    if not 0 <= heard_share < 1:
        raise UserError("heard_share is not a share below 1.", "Give 0 when it is not known.")
    factor = 1 / reporting.draws
    if heard_share:
        factor = heard_share / -np.expm1(reporting.draws * np.log1p(-heard_share))
    flat = heard.reshape(-1, places)
    low, high = np.empty_like(flat), np.empty_like(flat)
    stream = rng(seed, "corrected")
    block = max(_CELLS // max(factor.size, 1), 1)
    for first in range(0, len(flat), block):
        rows = slice(first, first + block)
        rates = stream.standard_gamma(flat[rows, None, :] + 0.5, size=(len(flat[rows]), *factor.shape))
        low[rows], high[rows] = np.quantile(rates * factor, (0.05, 0.95), axis=1)
        if not reporting.publishable:
            raw = np.quantile(rates, (0.05, 0.95), axis=1)
            low[rows], high[rows] = np.minimum(low[rows], raw[0]), np.maximum(high[rows], raw[1])
    estimate = flat * np.median(factor, axis=0) if reporting.publishable else flat.copy()
    # Of nothing heard the middle of the interval is above 0, but the best guess is still nothing.
    low = np.minimum(low, estimate)
    return Corrected(
        estimate.reshape(heard.shape),
        low.reshape(heard.shape),
        np.maximum(high, estimate).reshape(heard.shape),
        corrected=reporting.publishable,
    )


def silent(
    heard: Mapping[str, int],
    territories: Sequence[Territory],
    reporting: Reporting,
    *,
    beside: Beside | None = None,
) -> list[Silence]:
    """Return places where comparable places, or their own readiness, say that more happens than is heard.

    Parameters
    ----------
    heard, territories, beside
        As for `silence.silences`, whose answer it begins with.
    reporting : Reporting
        Of the same territories.

    Returns
    -------
    list of Silence
        At most `MOST_LISTED`, by the upper end of their 90 % interval. Each sentence says what is known of how
        readily people report there, "we cannot tell" included. A place that is quiet beside its peers
        although it reports as readily as others, or more, stays listed with the words that it may simply
        have less to report.
    """
    told = {
        "less readily": "Residents there report less readily than elsewhere.",
        "as others": "Residents there report as readily as others: there may be less to report.",
        "more readily": "Residents there report more readily than others: there may be less to report.",
        "cannot tell": "How readily residents there report we cannot tell.",
    }
    verdicts = reporting.verdicts
    found = [
        msgspec.structs.replace(
            place, sentence=f"{place.sentence} {told[verdicts.get(place.territory, 'cannot tell')]}"
        )
        for place in silences(heard, territories, beside=beside)
    ]
    listed = {place.territory for place in found}
    people = {territory.id: float(territory.population or 0) for territory in territories}
    for row in reporting.territories.filter(pl.col("verdict") == "less readily").iter_rows(named=True):
        place, count = row["territory"], heard.get(row["territory"], 0)
        expected = count / row["readiness"]
        if place not in listed and row["high"] < CLEARLY_BELOW and expected >= FEWEST_EXPECTED:
            found.append(_unready(row, count, expected, people.get(place, 0.0)))
    return sorted(found, key=lambda place: (place.ratio_high, place.territory))[:MOST_LISTED]


def _unready(row: Mapping[str, object], count: int, expected: float, population: float) -> Silence:
    identifier, name = str(row["territory"]), str(row["name"])
    readiness, low, high = (float(str(row[key])) for key in ("readiness", "low", "high"))
    return Silence(
        id=make_id("silence", "reporting", identifier, count, round(expected, 3)),
        territory=identifier,
        name=name,
        heard=count,
        expected=expected,
        ratio=readiness,
        ratio_low=low,
        ratio_high=high,
        population=population,
        compared_with=(),
        sentence=(
            f"{name} reports less readily than the city: while a case is open, {readiness:.1f} times the usual further "
            f"reports come ({low:.1f} to {high:.1f}). Of what happens there we may hear as little; ask there."
        ),
    )
