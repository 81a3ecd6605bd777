"""Answerable: no decision without a registered system, a readable rule, named parties and a way to appeal.

Enters: a proposal and what a person says about it. Leaves: a decision with its explanation and receipt,
or a refusal with its rule. Never: decides by itself, or lets a forbidden system propose.
"""
