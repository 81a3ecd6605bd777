"""Private: what is personal is pseudonymised, redacted or coarsened before it is kept.

Enters: columns. Leaves: columns of the same height that name nobody. Never: keeps, logs or returns the
value that it replaced.
"""
