"""Whose outcome is known: without outcomes of those not selected, error rates are not in the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cityward.answerable.audit.comparisons import p_values
from cityward.answerable.audit.counts import FN, FP, SELECTED_UNKNOWN, TN, TP, UNSELECTED_UNKNOWN, Whole
from cityward.core.words import percent

UNEVEN_SHARE: Final = 0.05
"""Outcomes known for so much larger a share of one side than of the other are not known at random."""

UNEVEN_P: Final = 0.001

Kind = Literal["whole", "selected", "uneven", "everybody selected", "no outcome", "no prediction", "arm", "controls"]


@dataclass(frozen=True, slots=True)
class Known:
    """What the outcomes can tell, and why."""

    kind: Kind
    because: str

    @property
    def identifiable(self) -> bool:
        """Whether error rates are in the data."""
        return self.kind in ("whole", "arm")


def known_of(total: Whole) -> Known:
    """Judge the counts of everybody, (6,), when no random arm is named."""
    seen_selected, seen_others = int(total[TP] + total[FP]), int(total[FN] + total[TN])
    selected, others = seen_selected + int(total[SELECTED_UNKNOWN]), seen_others + int(total[UNSELECTED_UNKNOWN])
    arm = "Draw some people at random, whatever the system says, look at their outcome, and name them with --arm."
    if not seen_selected + seen_others:
        return Known("no outcome", "There is no outcome in these data, so only who is selected can be told.")
    if not others:
        told = f"All {selected:,} people in these data were selected. What would have come out of others is not known."
        return Known("everybody selected", f"{told} {arm}")
    if not seen_others:
        told = f"The outcome is known for the selected alone, for none of the {others:,} others."
        return Known("selected", f"{told} Whom the system missed is not known. {arm}")
    if not selected:
        return Known("whole", "Nobody is selected in these data.")
    share, other = seen_selected / selected, seen_others / others
    parts = [np.array([float(one)]) for one in (seen_selected, selected, seen_others, others)]
    if abs(share - other) > UNEVEN_SHARE and p_values(*parts)[0] < UNEVEN_P:
        told = f"The outcome is known for {percent(share)} of the selected and {percent(other)} of the others."
        return Known("uneven", f"{told} Error rates of those who are known say nothing of the rest. {arm}")
    return Known("whole", "The outcome is known for selected and others alike.")


def arm_of(inside: Whole) -> Known:
    """Judge the counts of the random arm, (6,)."""
    said = int(inside[[TP, FP, FN, TN]].sum())
    if not said:
        return Known("no outcome", "No outcome is known in the random arm, so it tells no error rate.")
    told = f"Error rates are those of the {said:,} people who were drawn at random and whose outcome is known."
    lost = int(inside[SELECTED_UNKNOWN] + inside[UNSELECTED_UNKNOWN])
    if lost:
        told += f" {lost:,} of the random arm have no outcome and are left out."
    return Known("arm", told)


CONTROLS: Final = (
    "The data hold only people who were controlled: drawn at random, or picked. Outcomes of the random draw tell what "
    "is true of everybody; how often the system is wrong about those whom it did not pick is not in the data, but how "
    "much more often one group is picked than another is."
)
