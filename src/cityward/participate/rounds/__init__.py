"""Rounds of participatory budgeting: what is voted on, what a ballot says, and the file that anybody can count.

Enters: the text of a round, fields of forms, ballots. Leaves: checked rounds, ballots, a Pabulib file. Never: who
voted, when, or with which code.
"""
