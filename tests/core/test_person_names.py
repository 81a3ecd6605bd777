"""What counts as the name of a person who answers for something."""

import pytest

from cityward.core.person_names import NAME_CHARS_MAX, is_full_name, same_person


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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada Lovelace", "LOVELACE  Áda"),
        ("Ruth Adler, chair of the board", "Ruth Adler (deputy)"),
        ("Adler, Ruth", "ruth adler"),
        ("Jean-Luc Picard", "Jean Luc Picard"),
    ],
)
def test_one_person_has_one_name_however_it_is_written(one: str, other: str) -> None:
    assert same_person(one, other)
    assert same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("", ""), ("…", "—"), ("Adler, Ruth", "Adler, Ann"), ("Ada Lovelace", "Ada Byron"), ("Ada", "")]
)
def test_two_persons_have_two_names(one: str, other: str) -> None:
    assert not same_person(one, other)
