"""The doors: in (admit), inside (consult), and why (explain).

Enters: a batch, a reader with a purpose, or an identifier. Leaves: durable rows and their sums, values that
a grant covers, or an explanation. Never: lets a payload past its field class, hands up the store or a plan that
leads to it; `admit` is the only module that writes history.
"""
