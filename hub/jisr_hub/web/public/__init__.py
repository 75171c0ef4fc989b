"""The public pages of a hub: what its directory holds, for people. A module a room.

app = Starlette(routes=routes(directory), exception_handlers={404: not_found})
"""

from .pages import not_found, routes

__all__ = ["not_found", "routes"]
