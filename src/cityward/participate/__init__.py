"""Participate: residents report, follow, confirm, contest, propose and vote.

Enters: what residents say. Leaves: interactions again, by the same door as every other source, and ballots for the box.
Never: asks for an account to be heard.
"""
