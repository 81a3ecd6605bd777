"""What people call a crew, whatever became of the file of crews."""

from __future__ import annotations

from cityward.city import City
from cityward.city.crew_names import crew_namer


def test_a_crew_is_named_as_people_know_it(demo_copy: City) -> None:
    called = crew_namer(demo_copy)
    assert called("crew-10") == "crew Clearing A"
    assert called("extra-D-0123456789-2") == "extra crew 2 (D-0123456789)"
    assert called("crew-99") == "crew-99"
    assert called("Tom") == "crew Tom"


def test_a_broken_file_of_crews_breaks_no_order(demo_copy: City) -> None:
    (demo_copy.path / "crews.csv").write_text("nothing of use\n", encoding="utf-8")
    assert crew_namer(demo_copy)("crew-10") == "crew-10"
