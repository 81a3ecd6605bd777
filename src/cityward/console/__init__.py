"""The console: what was found, in pages that read like a newspaper.

Enters: an open city and requests. Leaves: HTML that works without scripts, with a map and charts where
there are scripts. Never: loads anything from elsewhere, or shows a map or chart without its table.
"""

from cityward.console.pages import mount_console

__all__ = ["mount_console"]
