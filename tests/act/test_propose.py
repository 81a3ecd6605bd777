from datetime import date

import msgspec

from cityward.act.propose import MOST_PROPOSALS, propose
from cityward.core.records import Need, Proposal, Silence

NEED = Need(
    id="N-0000000001",
    service="Overflowing carts",
    domain="environment",
    territories=("2", "3"),
    names=("Clearing", "Garfield Ridge"),
    starts=date(2014, 6, 9),
    ends=date(2014, 6, 30),
    observed=37,
    expected=4.3,
    relative_risk=8.6,
    relative_risk_low=6.4,
    relative_risk_high=11.3,
    statistic=47.0,
    p_value=0.002,
    recurrence_days=526.0,
    replicates=999,
    population=55_000.0,
    sentence="37 reports of overflowing carts where 4.3 were expected, in 2 areas around Clearing since 9 June.",
)
SILENCE = Silence(
    id="S-0000000001",
    territory="54",
    name="Riverdale",
    heard=21,
    expected=71.0,
    ratio=0.3,
    ratio_low=0.2,
    ratio_high=0.6,
    population=7_000.0,
    compared_with=("Woodlawn",),
    sentence=(
        "Riverdale is quieter than places like it: we hear 0.3 times what we would expect (0.2 to 0.6). "
        "Ask there; do not assume that all is well."
    ),
)


def only(proposals: list[Proposal]) -> Proposal:
    assert len(proposals) == 1
    return proposals[0]


def from_need(need: Need) -> Proposal:
    return only(propose([need], []))


def test_nothing_found_proposes_nothing() -> None:
    assert propose([], []) == []


def test_a_need_is_inspected() -> None:
    found = from_need(NEED)
    assert found.about == NEED.id
    assert found.system == "cityward-need-scan"
    assert found.state == "waiting"
    assert found.territories == NEED.territories
    assert found.title == "Look into overflowing carts in 2 areas around Clearing"
    assert found.because == (
        "37 reports of overflowing carts where 4.3 were expected, in 2 areas around Clearing since 9 June; "
        "chance alone would show this about once in 526 days."
    )
    assert found.action.startswith("Send an inspection to 2 areas around Clearing")


def test_no_effect_is_promised() -> None:
    found = propose([NEED], [SILENCE])
    assert len(found) == 2
    assert {one.effect for one in found} == {"Not known yet: what comes of it will tell, confirmed by residents."}


def test_a_rank_that_is_only_a_bound_says_so() -> None:
    need = msgspec.structs.replace(NEED, p_value=0.001, recurrence_days=1000.0)
    assert "chance alone would show this less than once in 1,000 days." in from_need(need).because


def test_a_likely_data_entry_batch_is_checked_at_the_desk_first() -> None:
    caveat = "More than half of the reports came on one day: it may be a batch of data entry, not a need."
    found = from_need(msgspec.structs.replace(NEED, caveats=(caveat,)))
    assert found.action.startswith("Check with the intake desk")
    assert "Send" not in found.action


def test_a_small_number_is_read_before_anybody_is_sent() -> None:
    found = from_need(msgspec.structs.replace(NEED, observed=7))
    assert found.action.startswith("Read the 7 reports one by one")


def test_abbreviations_keep_their_capitals() -> None:
    assert from_need(msgspec.structs.replace(NEED, service="LED lamps")).title.startswith("Look into LED lamps in")
    assert from_need(msgspec.structs.replace(NEED, service="x")).title.startswith("Look into x in")


def test_a_need_over_all_services_that_one_service_explains_is_not_proposed_twice() -> None:
    everything = msgspec.structs.replace(NEED, id="N-0000000002", service="all services")
    elsewhere = msgspec.structs.replace(everything, id="N-0000000003", territories=("70", "71", "2"))
    found = propose([NEED, everything, elsewhere], [])
    assert [one.about for one in found] == [NEED.id, elsewhere.id]
    assert found[1].title.startswith("Look into reports of all kinds")


def test_a_silent_place_is_asked_not_inspected() -> None:
    found = only(propose([], [SILENCE]))
    assert found.about == SILENCE.id
    assert found.system == "cityward-silence"
    assert found.because == SILENCE.sentence
    assert found.action.startswith("Ask in Riverdale: knock on doors, call")
    assert found.territories == ("54",)


def test_few_are_proposed_and_the_best_come_first() -> None:
    needs = [msgspec.structs.replace(NEED, id=f"N-{at:010d}", names=(f"Place {at}",)) for at in range(20)]
    quiet = [msgspec.structs.replace(SILENCE, id=f"S-{at:010d}") for at in range(20)]
    found = propose(needs, quiet)
    assert len(found) == 9 <= MOST_PROPOSALS
    assert [one.about for one in found[:6]] == [need.id for need in needs[:6]]
    assert [one.about for one in found[6:9]] == [silence.id for silence in quiet[:3]]


def test_identifiers_are_unique_and_stay_the_same() -> None:
    one, other = propose([NEED], [SILENCE]), propose([NEED], [SILENCE])
    assert one == other
    assert len({proposal.id for proposal in one}) == 2
    assert all(proposal.id.startswith("P-") for proposal in one)
