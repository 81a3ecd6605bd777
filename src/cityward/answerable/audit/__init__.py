"""Audits: what a system does to groups of people, from counts.

Enters: a table of predictions and outcomes, or counts. Leaves: rates of groups with intervals, comparisons, checks of
the data, a band for a gate. Never: ranks a group that is too small, or tells an error rate that the data do not hold.
"""
