"""Exercises at the table: a scenario told minute by minute, what people decide, and which gaps that shows.

Enters: a script, an inventory with its scenario, and decisions with their time. Leaves: injects, and a report of gaps.
Never: reads a clock, touches a system, or names a person in a report.
"""
