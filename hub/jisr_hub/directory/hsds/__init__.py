"""The directory in the words of Open Referral HSDS 3.0. Pure: entries go in, objects come out; web/hsds.py answers.

ids.py          UUIDs that lead back to their records          mapping.py   organizations, services, places
parts.py        phones, contacts, hours, addresses, costs      terms.py     taxonomies and their terms

docs/formats.md has the table: what becomes what, and where goes what HSDS has no word for.
"""
