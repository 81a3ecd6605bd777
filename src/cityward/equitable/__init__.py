"""Equitable: who is heard, and who is not.

Enters: yearly counts and what is known about territories. Leaves: silent places with their uncertainty.
Never: reads need off raw counts alone, or ranks what it cannot tell apart.
"""
