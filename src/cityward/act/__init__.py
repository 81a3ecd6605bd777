"""Act: from needs, silences and forecasts to proposals that a person can decide, and to work orders that follow.

Enters: what was found and what is expected; decisions, and what workers and residents say. Leaves: proposals in
plain words with a stated reason; orders in their next state; messages by the ways of `cityward.act.send`. Never:
decides, sends what no decision allowed, closes an order by the worker's word, or promises an effect that nobody
has measured.
"""
