"""The divide between territories: how unequal they are, whether the gap closes, and which ones can be ranked at all.

Enters: values of territories at one or more times, with people, groups and stated errors. Leaves: inequality with
intervals, change over time, an index with ranks that are only told where errors allow it.
Never: orders places whose errors overlap, or drops a row without saying so.
"""
