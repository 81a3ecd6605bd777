"""The doors: in (admit), inside (consult), and why (explain).

Enters: a batch, a stated purpose, or an identifier. Leaves: durable rows and their sums, the columns that
a purpose covers, or an explanation. Never: lets a payload past its field class; `admit` is the only
module that writes history.
"""
