"""Secure: a record of every consequential act that nobody can change quietly.

Enters: entries as bytes, free of personal data. Leaves: indexes, proofs and a signed checkpoint. Never:
changes or forgets an entry, or signs what it has not made durable.
"""
