"""Where to put services: p-median, p-centre and covering, with capacities, each with a proven bound.

Enters: ways from places to candidate sites, people, capacities. Leaves: the sites, who goes where, a bound that is
true, and who gains. Never: tells a value that was not computed again from the ways alone.
"""
