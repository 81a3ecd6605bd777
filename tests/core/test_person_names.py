"""What counts as the name of a person who answers for something."""

import pytest

from cityward.core.person_names import NAME_CHARS_MAX, is_full_name


@pytest.mark.parametrize("name", ["Ana Ruiz", "Lucía de la O'Prado", "J. Smith-Jones", "李 小龙"])
def test_a_first_and_a_last_name(name: str) -> None:
    assert is_full_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Ana",
        "Ana  Ruiz",
        " Ana Ruiz",
        "ana@city.example x",
        "Ana <b>",
        "4 5",
        "Ines 2nd",
        "A " + "b" * NAME_CHARS_MAX,
    ],
)
def test_no_name_of_a_person(name: str) -> None:
    assert not is_full_name(name)
