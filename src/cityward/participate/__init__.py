"""Participate: residents report, follow, confirm, contest, propose and vote.

Enters: what residents say. Leaves: interactions again, by the same door as every other source; ballots for the box
(``rounds``); and of votes who won (``counting``) and who thinks alike (``opinions``). Never: asks for an account to be
heard, or tells what one person voted.
"""
