"""Still correct: which records age, and saying of some that they still are what they were.

ageing.py     which, and since when; pure
assuring.py   a new rev of a record that differs in `assured` alone
links.py      an address that lets whoever has it say so for some days, and nothing else; pure
"""
