"""Outreach: how to hear the places that are heard too little, and what another voice costs there.

Enters: places with the voices that are missing, channels with costs and answers. Leaves: the cheapest channel of each
place with its interval, ties, what cannot be told, and which places a budget reaches first. Never: whom to ask.
"""
