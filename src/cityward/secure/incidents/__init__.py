"""Security incidents: findings of logs and alerts of the city grouped into what happened, scored and explained.

Enters: sightings (who was seen where by which rule, as columns), the inventory, what stands open. Leaves: security
incidents with their reasons, what they may cost, and their export. Never: the name of a person, a clock, or I/O.
"""
