"""Respond: playbooks in CACAO 2.0, checked, tried dry, and run in process with receipts.

Enters: a playbook as bytes, what a city's ``respond.toml`` allows, and what people say. Leaves: problems with their
place, a plan of what would be done, a run that is durable before and after every effect. Never: connects to what
``respond.toml`` does not name, puts a variable into a shell unquoted, or does a step again that may have happened.
"""
