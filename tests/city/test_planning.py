"""Planning in the demonstration city: what waits, plans kept with receipts, moves and approval; and files of crews."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from cityward.act.options import DO_NOTHING
from cityward.city import City
from cityward.city.plan_files import read_crews, read_jobs
from cityward.city.plan_groups import groups_of
from cityward.city.planning import CASES_OFFERED
from cityward.core.errors import Refused, SettingsError, UnknownId, UserError
from cityward.core.records import Territory
from cityward.core.work import Crew

DAY = date(2014, 7, 1)
HEAD = "id,name,skills,lon,lat,begins,hours\n"


def test_jobs_are_open_cases_with_what_they_take(demo_copy: City) -> None:
    jobs = demo_copy.planning.jobs(date(2014, 6, 30))
    assert len({job.id for job in jobs}) == len(jobs) == 605 + CASES_OFFERED
    assert all(job.waiting_since <= date(2014, 6, 30) for job in jobs)
    work = demo_copy.settings.work
    assert all((job.minutes, job.skill) == (work.of(job.service).minutes, work.of(job.service).skill) for job in jobs)
    assert demo_copy.planning.jobs(date(2010, 1, 1)) == []


def test_orders_and_ranked_cases_wait_beside_reports(demo_copy: City) -> None:
    about_need = next(one for one in demo_copy.proposals("waiting") if one.about.startswith("N-"))
    before = {job.id for job in demo_copy.planning.jobs(date(2014, 6, 30))}
    demo_copy.decide(about_need.id, "approved", "Ana Rojas", "A crew is free on Tuesday.")
    new = [job for job in demo_copy.planning.jobs(date(2014, 6, 30)) if job.id not in before]
    assert {job.about for job in new} == {about_need.about}
    assert {job.territory for job in new} == set(about_need.territories)
    ranked = [job for job in demo_copy.planning.jobs(date(2014, 6, 30)) if job.skill == "food"]
    assert len(ranked) == CASES_OFFERED


def test_doing_nothing_gives_out_no_work(demo_copy: City) -> None:
    about_need = next(one for one in demo_copy.proposals("waiting") if one.about.startswith("N-"))
    nothing = [option.title for option in about_need.options].index(DO_NOTHING) + 1
    demo_copy.decide(about_need.id, "approved", "Ana Rojas", "It fades by itself.", option=nothing)
    assert demo_copy.orders.jobs() == []


def test_crews_approved_for_a_warning_go_out_for_as_long_as_was_said(demo_copy: City) -> None:
    proposal = next(one for one in demo_copy.proposals("waiting") if one.about.startswith("A-"))
    number, option = next((at, one) for at, one in enumerate(proposal.options, start=1) if one.extra_crews)
    usual = len(demo_copy.planning.crews())
    demo_copy.decide(proposal.id, "approved", "Ana Rojas", "Holidays are near.", option=number)
    on = [len(demo_copy.planning.crews(DAY + timedelta(days=days))) - usual for days in (-1, 0, option.extra_days)]
    assert on == [0, option.extra_crews, 0]


def test_a_plan_is_kept_moved_approved_and_found_in_the_ledger(demo_copy: City) -> None:
    crews = demo_copy.path / "crews.csv"
    longer = re.sub(r",[67]$", ",12", crews.read_text(encoding="utf-8"), flags=re.MULTILINE)
    crews.write_text(longer, encoding="utf-8")  # so that there is time left, and a case can be moved
    planning = demo_copy.planning
    assert planning.current() is None
    with pytest.raises(UserError, match="There is no plan yet"):
        planning.approve("Ana Rojas", "There is none to approve.")
    plan = planning.make(DAY)
    assert planning.current() == plan
    assert plan.gap is not None
    assert all(group.ratio <= demo_copy.settings.work.waiting_floor for group in plan.groups)
    crew = next(one for one in plan.crews if "food" in one.skills)
    dirty = next(job for job in plan.jobs if job.skill == "sanitation")
    with pytest.raises(UserError, match="cannot do “sanitation”"):
        planning.move(dirty.id, crew.id, by="Ana Rojas", because="Try it.")
    with pytest.raises(UserError, match="needs a name and a reason"):
        planning.move(dirty.id, crew.id, by="", because="")
    freed = freed_move(demo_copy)
    assert planning.current() == freed
    assert len(freed.moves) == 1
    with pytest.raises(Refused, match="no person is named"):
        planning.approve("boss", "I say so, and that is enough.")
    decision = planning.approve("Ana Rojas", "It is fair and costs little.")
    assert decision.outcome == "approved"
    assert planning.decision(freed.id) == decision
    with pytest.raises(UserError, match="decided already"):
        planning.approve("Ana Rojas", "Once more, to be sure.")
    with pytest.raises(UserError, match="decided already"):
        planning.move(dirty.id, crew.id, by="Ana Rojas", because="Too late.")
    assigned = planning.assignments(freed.id)
    assert [(job.id, who, day) for job, who, day in assigned] == [(v.job, v.crew, v.day) for v in freed.visits]
    proposal = demo_copy.proposal(decision.proposal)
    assert [option.title for option in proposal.options] == [
        "This plan",
        "Without a floor",
        "First come, first served",
    ]
    assert all(option.cost for option in proposal.options)
    kinds = {entry["subject"]: entry["kind"] for entry in demo_copy.ledger_entries(0, 200)}
    assert kinds[plan.id] == "plan-made"
    assert kinds[freed.id] == "plan-moved"
    entries = str(demo_copy.ledger_entries(0, 200))
    assert not any(name in entries for name in ("Ana", "Rojas", "They know the street"))  # nobody is named in it
    assert kinds[decision.id] == "decision"
    assert demo_copy.verify().ok
    told = demo_copy.explain(freed.id)
    assert told.kind == "plan"
    assert any(label == "moved by" for label, _ in told.evidence)
    with pytest.raises(UnknownId):
        planning.assignments("L-0000000000")


def test_a_plan_beside_the_one_that_was_made_gives_out_its_own_tours_and_fills_orders_that_wait(
    demo_copy: City,
) -> None:
    need = next(one for one in demo_copy.proposals("waiting") if one.about.startswith("N-"))
    demo_copy.decide(need.id, "approved", "Ana Rojas", "Somebody has to look.")
    waiting = {order.id for order in demo_copy.orders.list()}
    plan = demo_copy.planning.make(DAY)
    proposal = demo_copy.planning.propose(plan)
    decision = demo_copy.decide(proposal.id, "approved", "Ana Rojas", "It is what people know.", option=3)
    tours = {job.id: (crew, day) for job, crew, day in demo_copy.planning.assignments(plan.id, decision.option_title)}
    given = {order.job.id: (order.crew, order.day) for order in demo_copy.orders.list() if order.crew}
    assert given == tours
    assert demo_copy.orders.outbox.unproved() == {}
    assert waiting <= {order.id for order in demo_copy.orders.list()}
    filled = [order for order in demo_copy.orders.list() if order.id in waiting and order.crew]
    assert all(order.decision != decision.id for order in filled)


def freed_move(city: City):
    """Move some visited job to some crew that has the skill and the time."""
    plan = city.planning.current()
    assert plan
    jobs = {job.id: job for job in plan.jobs}
    loads = {crew.id: sum(jobs[v.job].minutes for v in plan.visits if v.crew == crew.id) for crew in plan.crews}
    for visit in plan.visits[:2]:
        for crew in sorted(plan.crews, key=lambda crew: loads[crew.id])[:5]:
            if crew.id != visit.crew and jobs[visit.job].skill in crew.skills:
                try:
                    return city.planning.move(visit.job, crew.id, by="Ana Rojas", because="They know the street.")
                except UserError:
                    continue
    pytest.fail("No job of the plan can be moved anywhere.")


def test_crews_that_are_missing_are_said(demo_copy: City) -> None:
    demo_copy.settings = msgspec.structs.replace(
        demo_copy.settings, work=msgspec.structs.replace(demo_copy.settings.work, crews=None)
    )
    with pytest.raises(SettingsError, match="names no crews"):
        demo_copy.planning.make(DAY)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("id,name\n1,2\n", "has no column 'skills'"),
        ("", "has no column 'id'"),
        (HEAD + "1,A,a,0,0,8 o'clock,8\n", "line 2: begins is “8 o'clock”"),
        (HEAD + "1,A,a,0,0,08:00,8\n2,B,a,east,0,08:00,8\n", "line 3: lon is “east”"),
        (HEAD + "1,A,a,0,nan,08:00,8\n", "line 2: lat is “nan”"),
        (HEAD + "1,A,a,0,0,08:00,0\n", "line 2: the shift has no hours"),
        (HEAD + "1,A,a,0,0,08:00,-3\n", "line 2: hours is “-3”"),
        (HEAD + "1,A,a,0,0,08:00,25\n", "line 2: hours is “25”"),
        (HEAD + ",A,a,0,0,08:00,8\n", "line 2: id is empty"),
        (HEAD + "1,A,,0,0,08:00,8\n", "line 2: skills is empty"),
        (HEAD + "1,A,a,0,0,08:00,8\n1,B,a,0,0,08:00,8\n", "two lines have the id “1”"),
        (HEAD + '1,"A,a,0,0,08:00,8\n', "is not a CSV in UTF-8"),
    ],
)
def test_a_wrong_line_of_crews_is_named(tmp_path: Path, body: str, said: str) -> None:
    path = tmp_path / "crews.csv"
    path.write_text(body, encoding="utf-8")
    with pytest.raises(SettingsError, match=said.replace("(", r"\(")):
        read_crews(path)


def test_files_that_are_no_text_or_not_there_are_said(tmp_path: Path) -> None:
    (tmp_path / "crews.csv").write_bytes(b"\xff\xfe\x00id")
    with pytest.raises(SettingsError, match="not a CSV in UTF-8"):
        read_crews(tmp_path / "crews.csv")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_crews(tmp_path / "none.csv")


def test_crews_and_jobs_are_read(tmp_path: Path) -> None:
    (tmp_path / "crews.csv").write_text("\ufeff" + HEAD + '7,"Ana, Bo",a b a,1.5,-2,07:30,7.5\n\n', encoding="utf-8")
    assert read_crews(tmp_path / "crews.csv") == (
        Crew(id="7", name="Ana, Bo", skills=("a", "b"), lon=1.5, lat=-2, shift_begins_minutes=450, shift_minutes=450),
    )
    jobs = "id,lon,lat,minutes,skill,waiting_since,group\nx,0,0,20.5,a,2014-06-01,east\ny,0,0,9,b,2014-06-20,\n"
    (tmp_path / "jobs.csv").write_text(jobs, encoding="utf-8")
    read, made_on = read_jobs(tmp_path / "jobs.csv")
    assert made_on == date(2014, 6, 20)
    assert [(job.minutes, job.territory, job.priority) for job in read] == [(21, "east", 0.5), (9, None, 0.5)]
    with pytest.raises(SettingsError, match="line 3: waiting_since is 2014-06-20, after 2014-06-10"):
        read_jobs(tmp_path / "jobs.csv", date(2014, 6, 10))


def test_groups_are_quarters_by_what_is_known() -> None:
    many = [Territory(id=str(at), name=str(at), level="area", internet_share=at / 10) for at in range(8)]
    groups = groups_of([*many, Territory(id="u", name="u", level="area")])
    assert groups["0"] == "least internet"
    assert groups["7"] == "most internet"
    assert groups["u"] == "not known"
    incomes = [msgspec.structs.replace(one, internet_share=None, income=float(one.id)) for one in many]
    assert groups_of(incomes)["0"] == "lowest income"
    assert set(groups_of(many[:3]).values()) == {"the whole city"}
