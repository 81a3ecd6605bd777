"""Opens a city folder, wires the parts and takes turns of the loop.

Enters: a folder with ``city.toml``. Leaves: a `City` that the command line, the API and the console
share. The only composition root: it passes frames and records between siblings that do not know
each other, and never computes a finding itself.
"""

from cityward.city.city import City, open_city
from cityward.city.folder import init

__all__ = ["City", "init", "open_city"]
