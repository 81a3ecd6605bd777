"""Risk of the whole city's systems: what fails when something is attacked, what it costs, what to buy against it.

Enters: an inventory of assets with what they need, scenarios with calibrated estimates, controls with their price.
Leaves: money and hours of service lost a year, with their error, and which controls are worth their money. Never:
reads a clock, draws from a generator that others share, or calls an estimate a measurement.
"""
