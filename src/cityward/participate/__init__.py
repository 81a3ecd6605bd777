"""Participate: residents report, follow, confirm, contest, propose and vote.

Enters: what residents say. Leaves: interactions again, by the same door as every other source. Never:
asks for an account to be heard. Reports arrive today through ``sense``; this folder holds nothing else yet.
"""
