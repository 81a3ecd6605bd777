"""`cityward scan` on the reference program's own files, against its published clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from cityward.cli.main import group

NEW_MEXICO = (
    "--cases nm.cas --geo nm.geo --pop nm.pop --model poisson --retrospective --from 1973-01-01 --to 1991-12-31"
)
NEW_YORK = "--cases NYCfever.cas --geo NYCfever.geo --from 2001-11-01 --to 2001-11-24 --max-days 7 --max-km 3"
HUMBERSIDE = "--cases NHumberside.cas --geo NHumberside.geo --ctl NHumberside.ctl --model bernoulli --spatial"

# statistic, observed, expected, p (None: differs in the reference between equal statistics), from, to, radius, members
PUBLISHED: dict[str, list[tuple[Any, ...]]] = {
    NEW_MEXICO: [
        (10.979758, 236, 176.22, 0.0118, "1985-01-01", "1989-12-31", 125.60,
         "Torrance Bernalillo Valencia SantaFe Guadelupe Socorro Sandoval SanMiguel LosAlamos"),
        (5.684828, 16, 6.03, 0.7146, "1988-01-01", "1989-12-31", 0, "Chaves"),
        (3.884186, 13, 5.37, 0.9965, "1982-01-01", "1983-12-31", 41.28, "Curry Roosevelt"),
    ],
    NEW_YORK: [
        (3.845418, 4, 0.67, 0.2112, "2001-11-22", "2001-11-24", 2.90,
         "11418 11415 11419 11435 11416 11421 11451 11375 11417"),
        (3.164201, 2, 0.16, 0.4944, "2001-11-24", "2001-11-24", 0, "11372"),
        (2.137259, 2, 0.29, 0.9590, "2001-11-23", "2001-11-24", 0, "10472"),
        (1.427139, 2, 0.45, 0.9996, "2001-11-24", "2001-11-24", 2.45, "10469 10475 10467 10466"),
    ],
    HUMBERSIDE: [
        (4.836516, 4, 1.22, None, None, None, 5.83, "170 173 172 169"),
        (4.836516, 4, 1.22, None, None, None, 4.12, "18 19 14 26"),
        (3.712697, 5, 1.83, 0.827, None, None, 7.62, "130 134 135 118 115 124"),
        (3.712697, 5, 1.83, 0.827, None, None, 12.04, "152 158 153 154 148 155"),
        (3.609718, 3, 0.92, 0.986, None, None, 76.84, "3 4 5"),
        (3.609718, 3, 0.92, 0.986, None, None, 5.00, "85 86 82"),
    ],
}  # fmt: skip
REPLICATES = {NEW_MEXICO: 9999, NEW_YORK: 9999, HUMBERSIDE: 139}
"""Of the published p-values; the last analysis stopped early."""


def scanned(folder: Path, arguments: str, *more: str) -> dict[str, Any]:
    words = [str(folder / word) if (folder / word).is_file() else word for word in arguments.split()]
    done = CliRunner().invoke(group, ["scan", *words, *more, "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("arguments", PUBLISHED, ids=["new-mexico", "new-york", "humberside"])
def test_every_published_cluster_and_no_other_is_found(shared_data: Path, arguments: str) -> None:
    found = scanned(shared_data / "scan_reference" / "inputs", arguments, "--replicates", "9999")["clusters"]
    assert len(found) == pytest.approx(len(PUBLISHED[arguments]), abs=1)  # the last has p = 1 but for chance
    for cluster, told in zip(found, PUBLISHED[arguments], strict=False):
        statistic, observed, expected, p_value, first, last, radius, members = told
        assert cluster["statistic"] == pytest.approx(statistic, abs=1e-5)
        assert cluster["observed"] == observed
        assert cluster["expected"] == pytest.approx(expected, abs=0.005)
        assert cluster["radius_km"] == pytest.approx(radius, abs=0.005)
        assert cluster["members"] == members.split()
        if first:
            assert (cluster["from"], cluster["to"]) == (first, last)
        if p_value is not None:
            spread = p_value * (1 - p_value) * (1 / 9999 + 1 / REPLICATES[arguments])  # both are Monte Carlo estimates
            assert abs(cluster["p_value"] - p_value) < 4 * np.sqrt(spread) + 1 / REPLICATES[arguments]


def test_population_and_relative_risk_are_the_published_ones(shared_data: Path) -> None:
    found = scanned(shared_data / "scan_reference" / "inputs", NEW_MEXICO)
    assert found["population"] == pytest.approx(1_344_288, abs=0.5)
    people, risk = zip(*((one["population"], one["relative_risk"]) for one in found["clusters"][:3]), strict=True)
    np.testing.assert_allclose(people, [674_892, 52_756, 59_349], atol=0.5)
    np.testing.assert_allclose(risk, [1.42, 2.68, 2.44], atol=0.005)


def test_equal_seeds_give_equal_bytes_whatever_the_threads(shared_data: Path) -> None:
    folder = shared_data / "scan_reference" / "inputs"
    assert scanned(folder, NEW_YORK, "--threads", "1") == scanned(folder, NEW_YORK, "--threads", "2")
