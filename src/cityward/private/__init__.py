"""Private: what is personal is pseudonymised, redacted or coarsened before it is kept.

Enters: columns, or exact totals. Leaves: columns of the same height that name nobody, or totals with noise. Never:
keeps, logs or returns the value that it replaced.
"""
