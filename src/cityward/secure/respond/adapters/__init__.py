"""Adapters: how a step reaches something outside; each does one effect within bounds and says what came of it."""
