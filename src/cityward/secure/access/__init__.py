"""Who asks: people, services, and how each proves who it is.

Enters: names, passwords, codes, passkeys, answers of a sign-in service, tokens, certificates. Leaves: a
`cityward.core.principal.Principal`, or nothing. Never: keeps a password, code or token that could be used again,
tells whether somebody has an account, or decides what anybody may do.
"""

from cityward.secure.access.access import Access, Around, open_access
from cityward.secure.access.records import Visit
from cityward.secure.access.settings import AccessSection, SignInService

__all__ = ["Access", "AccessSection", "Around", "SignInService", "Visit", "open_access"]
