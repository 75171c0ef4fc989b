"""Wiring: a hub's folder becomes an open hub (opening), it does its duties (duties) and is served (serving).

Only here and in cli do adapters, core and web meet.
"""
