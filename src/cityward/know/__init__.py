"""Know: from interactions to territories, incidents, cubes and needs.

Enters: placed or placeable frames and polygons. Leaves: frames with territory and incident, counts, and
needs with their uncertainty. Never: reads a file of people, changes history, or calls a count a need by
itself.
"""
