"""Watches what sensors measure: limits, what is unusual, and what is wrong with a sensor.

Enters: observations and rules of limits. Leaves: alerts with their whole life, and the state of every sensor.
Never: tells a later hour's knowledge at an earlier one. Every step looks back only, so that watching up to a
moment gives what watching on from there would have given by then.
"""
