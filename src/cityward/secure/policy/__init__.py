"""What each may do: policies in Cedar, a default that denies, and acts that take two persons.

Enters: who asks, for which act, about which thing, under which circumstances. Leaves: yes or no, with the rules that
said so in plain words and the roles that may. Never: lets anything through that no rule permits, works with a set of
policies of which a file is broken, or tells whether a thing exists.
"""

from cityward.secure.policy.asking import Ask, Asker, at_machine, nobody
from cityward.secure.policy.four_eyes import FourEyes, Pending
from cityward.secure.policy.policies import Around, Policies, Resource, Verdict

__all__ = ["Around", "Ask", "Asker", "FourEyes", "Pending", "Policies", "Resource", "Verdict", "at_machine", "nobody"]
