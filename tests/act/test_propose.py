from datetime import date

import msgspec

from cityward.act.options import DESK, DO_NOTHING, DOORS, INSPECT, READ, ROUND, TABLE, Course, Work
from cityward.act.propose import MOST_PROPOSALS, propose
from cityward.core.records import Need, Option, Outcome, Proposal, Silence

FIRST = date(2014, 7, 1)

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


AHEAD = Course(30, 4.2, 24.0, 9.0, 41.0, (0.53, 0.21, 0.9), (0.48, 0.12, 0.92))
WORK = Work({"Overflowing carts": 15}, 20, 90.0)


def measured(*counts: int, option: str = INSPECT, service: str = "Overflowing carts", settled: bool = True):
    """Outcomes of one action, each where 40 (30 to 50) were expected."""
    return [
        Outcome(
            id=f"O-{at:010d}", decision="D-1", proposal="P-1", about="N-1", service=service, territories=("2",),
            names=("Clearing",), option=option, as_of=FIRST, action_day=FIRST, days=28, verdict="fewer than expected",
            sentence="…", observed=count, fading=40.0, fading_low=30.0, fading_high=50.0, settled=settled,
        )
        for at, count in enumerate(counts)
    ]  # fmt: skip


def options_of(need: Need, outcomes: list[Outcome], ahead: Course | None = AHEAD) -> tuple[Option, ...]:
    courses = {need.id: ahead} if ahead else {}
    found = propose([need], [], courses=courses, work=WORK, measured=outcomes)
    return only(found).options


def test_a_need_has_options_and_to_do_nothing_is_the_last() -> None:
    inspect, sweep, nothing = options_of(NEED, [])
    assert [inspect.title, sweep.title, nothing.title] == [INSPECT, ROUND, DO_NOTHING]
    assert inspect.recommended
    assert (inspect.crew_hours, inspect.cost) == (9.2, 828.0)  # 37 reports of 15 minutes
    assert (sweep.crew_hours, sweep.cost) == (8.0, 720.0)  # two areas
    assert (nothing.crew_hours, nothing.cost) == (0.0, 0.0)
    assert {option.people for option in (inspect, sweep, nothing)} == {55_000.0}
    assert "About 24 reports in 28 days (9 to 41), where 4 are usual." in nothing.effect
    assert "53 % (21 to 90 %) is left in the first two weeks" in nothing.effect
    assert nothing.known_from.startswith("30 past surges of this kind")


def test_a_need_of_which_no_course_is_known_says_so() -> None:
    assert options_of(NEED, [], None)[-1].effect == "Nobody can say: too few past surges are known here."
    few = Course(7, 4.2, 24.0, 9.0, 41.0, (0.5, 0.2, 0.9), (0.4, 0.1, 0.9))
    assert "7 past surges of this kind in this city: a small number" in options_of(NEED, [], few)[-1].known_from


def test_the_desk_comes_first_when_data_entry_is_suspected() -> None:
    caveat = "More than half of the reports came on one day: it may be a batch of data entry, not a need."
    found = options_of(msgspec.structs.replace(NEED, caveats=(caveat,)), [])
    assert [option.title for option in found] == [DESK, INSPECT, ROUND, DO_NOTHING]
    small = options_of(msgspec.structs.replace(NEED, observed=7), [])
    assert [option.title for option in small] == [READ, INSPECT, ROUND, DO_NOTHING]


def test_an_effect_is_expected_from_measured_outcomes_alone() -> None:
    unknown = options_of(NEED, [])[0]
    assert (unknown.effect_low, unknown.effect_high) == (None, None)
    assert "Measured so far: 2" in options_of(NEED, measured(10, 12))[0].effect
    known = options_of(NEED, measured(10, 12, 8, 10))[0]
    assert -24 < known.effect_low < known.effect_high < 0
    assert "fewer than expected without it" in known.effect
    assert known.known_from.startswith("4 measured outcomes of it for this service.")
    same = options_of(NEED, measured(40, 42, 38))[0]
    assert same.effect_low < 0 < same.effect_high
    assert "not clearly different" in same.effect
    assert "more than" in options_of(NEED, measured(70, 72, 78))[0].effect


def test_outcomes_of_other_actions_or_unsettled_ones_say_nothing_of_this_one() -> None:
    for others in (measured(1, 2, 3, option=ROUND), measured(1, 2, 3, settled=False)):
        assert options_of(NEED, others)[0].effect_low is None
    elsewhere = options_of(NEED, measured(10, 12, 8, service="Other"))[0]
    assert elsewhere.known_from.startswith("3 measured outcomes of it. ")


def test_hours_without_a_cost_have_none() -> None:
    options = only(propose([NEED], [])).options
    assert options[0].crew_hours == 18.5  # 30 minutes each where nothing is set
    assert options[0].cost is None


def test_a_silent_place_can_be_asked_in_two_ways_or_not() -> None:
    found = only(propose([], [SILENCE], work=WORK)).options
    assert [option.title for option in found] == [DOORS, TABLE, DO_NOTHING]
    assert [option.cost for option in found] == [900.0, 3600.0, 0.0]
    assert {(option.effect_low, option.people) for option in found} == {(None, 7_000.0)}
