"""The nouns everything else is said in.

Enters: nothing. Leaves: frame schemas, records, the clock, identifiers, limits and
errors. Never: imports another folder of cityward, reads a file, opens a socket.
"""
