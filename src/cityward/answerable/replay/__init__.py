"""A draft of a rule on the decisions of the past: who changes, in which direction, where, and at what cost.

Enters: a draft table, cases as columns or as the inputs that decisions keep (JSON), what was said of them then, and
groups of them. Leaves: counts with intervals, never a case; a count of few people is left out, and so is whatever
would tell it. Never: opens a city, asks the clock, or decides anybody.
"""

from cityward.answerable.replay.cost import Pricing, read_pricing
from cityward.answerable.replay.groups import thirds
from cityward.answerable.replay.past import Past, past_of_cases, past_of_decisions
from cityward.answerable.replay.replay import digest_of, replay, same_rule
from cityward.answerable.replay.shape import CostChange, Flow, GroupChange, Replay
from cityward.answerable.replay.telling import headline, told_share

__all__ = [
    "CostChange",
    "Flow",
    "GroupChange",
    "Past",
    "Pricing",
    "Replay",
    "digest_of",
    "headline",
    "past_of_cases",
    "past_of_decisions",
    "read_pricing",
    "replay",
    "same_rule",
    "thirds",
    "told_share",
]
