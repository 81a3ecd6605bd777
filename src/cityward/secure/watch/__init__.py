"""The city watches itself: files, sign-ins, exports, and who has fallen silent.

Enters: what the file system and the tables say. Leaves: signs and alarms, each with its evidence. Never: a name, an
address or a secret of anybody; never stops anything by itself.
"""
