"""Roll-outs: which measures against the digital divide, where and in which year.

Enters: tables of measures and places, budgets, what equity is asked. Leaves: a staged plan with a proven bound, what
the equity costs, why each measure is in or out, and how sure the choice is. Never: tells a plan that was not computed
a second time from the tables.
"""
