"""Anticipate: what will be asked in the coming weeks, as distributions.

Enters: the cube. Leaves: forecasts with quantiles, and how each model did on days it had not seen.
Never: uses a model that a simpler one beats, or gives a number without its interval.
"""
