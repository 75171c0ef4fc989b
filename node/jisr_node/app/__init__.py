"""A node as one object, wired to its folder: `from jisr_node.app import Node`. How it is used stands in node.py."""

from .node import Node, clock

__all__ = ["Node", "clock"]
