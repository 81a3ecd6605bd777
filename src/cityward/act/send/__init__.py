"""Send: the ways by which orders leave the house, and by which their state comes back.

Enters: messages of the outbox, and the ``[[send]]`` tables of ``city.toml``. Leaves: what a receiver calls
the order, and reports of how it stands. Never: sends what no table asks for, follows a redirect, or reads
more of an answer than its limit.

A way is a module here with a function ``open_way``; adding one touches no other code.
"""

from cityward.act.send.way import NotDelivered, Open, Report, Way, kinds, open_way

__all__ = ["NotDelivered", "Open", "Report", "Way", "kinds", "open_way"]
