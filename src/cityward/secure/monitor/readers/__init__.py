"""Readers: files of logs to events, with every line that was not understood counted and named.

Each reader takes bytes of unknown origin. ``received = read + not read``, always; what cannot be read never stops what
can.
"""
