"""The API: what the city knows and does, over HTTP, for developers.

Enters: requests. Leaves: JSON records, and problem documents (RFC 9457) for everything that goes wrong.
Never: parses a body larger than its limit, or answers an intake before its rows are durable.
"""

from cityward.api.app import create_app

__all__ = ["create_app"]
