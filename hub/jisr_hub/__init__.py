"""The Jisr hub: takes in signed records of many nodes, proves them, logs them and publishes them."""

__version__ = "0.1.0"
