"""What is wrong with a record and what could be better: one validator, the same at node and hub.

    validating     validate(record, today)     every finding, complete, in no language
    criteria       judge(record, today)        named criteria: met, not met, not applicable, each with its reason
    personal       look(record)                what tells of a person, or of a place that must stay hidden
    words          sentence(finding, "ar")     a finding for a person, in eight languages

Nothing here refuses anything: what the protocol refuses stands in docs/spec. A verdict names VERSION and its day, so
that two who differ can see why.
"""

VERSION = "1"
"""Rises whenever the same record gets another verdict."""
