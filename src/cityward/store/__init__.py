"""What is kept: history as append-only frames, registers as SQL tables.

Enters: admitted frames, from `cityward.guard` alone; records. Leaves: frames and records as they were
put. Never: drops a row that it acknowledged, keeps one twice, or looks at what a column means.
"""
