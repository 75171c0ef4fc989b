"""The open directory: what a hub holds is found, shown, counted and handed on, whatever database keeps it.

Each test prints its figure. Short by default, whole with `--long`.
"""
