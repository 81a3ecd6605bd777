"""Which change is for the better."""

from __future__ import annotations

from collections.abc import Sequence

from cityward.answerable.replay.past import outcome_of
from cityward.answerable.replay.shape import Direction
from cityward.answerable.table import Table
from cityward.answerable.table.columns import closest
from cityward.core.errors import UserError

HIGHER, LOWER = "higher", "lower"


def order_of(draft: Table, labels: Sequence[str], better: Sequence[str] = ()) -> tuple[tuple[str, ...], str]:
    """Outcomes from best to worst, and who said so; empty when nobody did.

    Parameters
    ----------
    labels : sequence of str
        All outcomes before and after.
    better : sequence of str
        Outcomes from best to worst, or ``higher`` or ``lower`` alone for numbers. Default: the order of ``values``.

    Raises
    ------
    UserError
        ``better`` names what is no outcome, or one twice, or calls for numbers where there are none.
    """
    output = draft.sheet.outputs[outcome_of(draft)]
    stated = tuple(one.strip() for one in better if one.strip())
    if stated and stated[0] in (HIGHER, LOWER) and len(stated) == 1:
        try:
            ordered = sorted(labels, key=float, reverse=stated[0] == HIGHER)
        except ValueError:
            raise UserError(
                f"'{stated[0]}' is for numbers, but the outcome is {output.type}.",
                "List the outcomes from best to worst: --better full,half,none.",
            ) from None
        return tuple(ordered), f"{stated[0]} is better, as was stated"
    if stated:
        known = list(dict.fromkeys([*output.values, *labels]))
        unknown = [one for one in stated if one not in known]
        if unknown or len(stated) < 2 or len(set(stated)) < len(stated):
            what = f"'{unknown[0][:60]}' is no outcome." if unknown else "An order needs two different outcomes."
            raise UserError(what, closest(unknown[0], known) if unknown else "List them from best to worst.")
        return stated, f"{' before '.join(stated)}, as was stated"
    if output.values:
        told = f"{' before '.join(output.values)}, the order in which the rule lists them"
        if draft.sheet.hit == "priority":
            told += ", which is the order in which it decides: say it otherwise if that is not from best to worst"
        return output.values, told
    return (), "nobody said which outcome is better"


def direction(before: str | None, after: str | None, ranks: dict[str, int]) -> Direction:
    """In which direction an outcome changes; ``ranks`` from 0, the best."""
    if before == after:
        return "same"
    if after is None:
        return "undecided"
    if before is None:
        return "decided"
    one, two = ranks.get(before), ranks.get(after)
    if one is None or two is None:
        return "other"
    return "better" if two < one else "worse"
