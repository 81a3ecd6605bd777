"""A repository of backups: encrypted, incremental, append-only, and pruned by somebody else.

Enters: files of a city, as bytes, and the keys of who writes. Leaves: sealed packs, signed snapshots in a chain, and
what was put in, byte by byte. Never: a key, a name of a file in plain, or anything written over.
"""
