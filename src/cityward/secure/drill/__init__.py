"""Drills: an attack on a copy of the city, measured from the first file to the first right answer.

Enters: a copy, made and marked here. Leaves: a report with times of one clock. Never: touches a file outside the copy.
"""
