"""What values are, told by their content, whatever they are called and however they are packed.

Enters: a value and the name of its column, or a frame. Leaves: findings: class, verdict and rule. Never: keeps,
logs or returns a value.
"""
