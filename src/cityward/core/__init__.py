"""The nouns everything else is said in.

Enters: nothing. Leaves: frame schemas, records, the clock, identifiers, limits, errors, and how a file is
written so that it lasts. Never: imports another folder of cityward, decides what is written, opens a socket.
"""
