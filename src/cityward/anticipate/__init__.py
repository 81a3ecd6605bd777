"""Anticipate: what will be asked in the coming weeks, as distributions.

Enters: the cube, and when reports were closed. Leaves: forecasts with quantiles that add up over all levels,
early warnings, and how each did on days it had not seen.
Never: uses a model that a simpler one beats, or gives a number without its interval.
"""
