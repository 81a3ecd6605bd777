"""The register of systems: their shape, what the law forbids, who holds which duty, and how it is published. Pure.

Enters: the text of ``systems/*.toml`` and events that were kept. Leaves: systems, what is wrong with them, who answers
at a moment, and records in the form of public registers. Never: signs, keeps or reads anything but what it is given.
"""
