"""What a rule is asked with when it decides ranked cases."""

from datetime import date

import numpy as np

from cityward.city.case_inputs import INPUTS, inputs_of
from cityward.core.cases import Case, Ranking


def case(number: int, since: date | None) -> Case:
    return Case(
        id=f"C-{number:010x}", type="kitchen", entity=str(number), name="", territory="1", area="Rogers Park", lon=None,
        lat=None, known_to=date(2014, 6, 30), waiting_since=since, place=number + 1, of=2_000,
        probability=0.3, low=0.2, high=0.4, usual=0.15, reasons=(), system="kitchens 1", appeal="Ask.",
    )  # fmt: skip


def ranking(*cases: Case) -> Ranking:
    return Ranking(
        type="kitchen", title="Kitchens", system="kitchens", known_to=date(2014, 6, 30), model="m", learned_from=1,
        usual=0.15, cases=cases, tried=1, tried_found=1, tried_done=0.5, tried_ranked=0.6,
        tried_ranked_interval=(0.5, 0.7), tried_days_earlier=1.0, tried_days_earlier_interval=(0.5, 1.5), brier=0.1,
        brier_usual=0.1, calibration=(), groups=(), refused=(), used=True,
    )  # fmt: skip


def test_a_row_for_each_case_in_the_order_of_the_ranking():
    found = inputs_of(ranking(case(0, date(2014, 6, 20)), case(1, None)), seed=1)
    assert found.schema == INPUTS
    assert found["case"].to_list() == ["C-0000000000", "C-0000000001"]
    assert found["days_since_visit"].to_list() == [10.0, None]


def test_no_cases_are_no_rows():
    assert inputs_of(ranking(), seed=1).schema == INPUTS


def test_the_lot_is_even_and_whoever_checks_draws_the_same():
    cases = [case(number, None) for number in range(2_000)]
    lots = inputs_of(ranking(*cases), seed=1)["lot"].to_numpy()
    assert lots.min() >= 0
    assert lots.max() < 1
    # Kolmogorov-Smirnov: an even draw of 2,000 strays further than 0.036 in one of a hundred.
    assert np.abs(np.sort(lots) - np.arange(2_000) / 2_000).max() < 0.036
    assert (inputs_of(ranking(*cases[::-1]), seed=1)["lot"].to_numpy()[::-1] == lots).all()
    assert (inputs_of(ranking(*cases), seed=2)["lot"].to_numpy() != lots).all()
