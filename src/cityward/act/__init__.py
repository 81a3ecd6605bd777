"""Act: from needs, silences and forecasts to proposals that a person can decide.

Enters: what was found and what is expected. Leaves: proposals in plain words with a stated reason. Never:
decides, dispatches, or promises an effect that nobody has measured.
"""
