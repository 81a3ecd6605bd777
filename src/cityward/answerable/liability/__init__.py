"""The liability file of a decision: who held which duty, what happened, and what was on record before.

Enters: what the city kept (decision, events of the register of systems, rules, entries of the ledger). Leaves: a record
of sentences, the same for people to read, and as W3C PROV. Never: a judgement. It states duties and facts; what follows
from them is for those to say whose task that is. Pure: no file, no clock.
"""

from cityward.answerable.liability.duties import duties_then
from cityward.answerable.liability.prov import provenance
from cityward.answerable.liability.readable import readable

__all__ = ["duties_then", "provenance", "readable"]
