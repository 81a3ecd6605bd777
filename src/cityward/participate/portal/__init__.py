"""The residents' portal: what a form says becomes rows, a number and a secret.

Enters: fields of forms, keys and moments. Leaves: rows for the door, and what is wrong with a form, by field. Never:
reads a clock, keeps anything, or asks who somebody is.
"""
