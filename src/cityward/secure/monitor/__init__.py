"""Detection for all systems of a city: logs in, findings with their evidence out.

Enters: Sigma rules and files of logs, both of unknown origin. Leaves: findings, and what was not read or not compiled,
each with its reason. Never: runs what a rule or a log contains, shows a name unasked, or stops anything by itself.
"""
