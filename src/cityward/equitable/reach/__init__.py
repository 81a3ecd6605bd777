"""Reach: how long people need to a service, walking and by public transport, and who cannot use what there is.

Enters: tables of a timetable (GTFS), places, locations of services. Leaves: minutes from each place over a window of
departures, also for people with reduced mobility, at best and at worst where the timetable does not say. Never: takes
what is unknown for accessible without saying so.
"""
