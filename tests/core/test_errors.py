"""A message says what happened and what to do next, and a mistake is not a defect."""

from __future__ import annotations

import pytest

from cityward.core import errors
from cityward.core.errors import CitywardError, Defect, Refused, UserError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, CitywardError)]


def test_a_user_error_says_what_happened_then_the_remedy() -> None:
    error = UserError("The file is empty.", "Give a file with a header.")
    assert str(error) == "The file is empty. Give a file with a header."
    assert (error.what, error.remedy) == ("The file is empty.", "Give a file with a header.")


def test_a_user_error_without_a_remedy_has_no_loose_end() -> None:
    assert str(UserError("The file is empty.")) == "The file is empty."


def test_a_refusal_names_its_rule() -> None:
    assert str(Refused("admit-by-class 1", "Faces are refused.", "Ask Ana.")) == (
        "Faces are refused. (rule admit-by-class 1) Ask Ana."
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_is_either_a_users_or_ours(kind: type) -> None:
    assert not (issubclass(kind, UserError) and issubclass(kind, Defect | Refused))
    assert kind.__doc__
