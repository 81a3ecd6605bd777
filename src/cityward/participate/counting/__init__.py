"""Counting a participatory budget: ballots in, funded projects out, and why.

Enters: projects with their costs, a budget, ballots as arrays (`election.Election`). Leaves: who won and in which
order, each tie that was met and how it was broken, who is represented (`outcome.Outcome`). Never: a float where a
comparison decides, chance, or what one voter wrote.
"""
