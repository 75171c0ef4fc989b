"""Forms in which the directory is handed on. Pure: entries go in, bytes come out; web/exports.py sends them.

shown.py        an entry as formats read it: words in one language, places, ways to reach it
forms.py        the table of all forms: ending, media type, which types of records they take
delimited.py    CSV            workbook.py   XLSX           geo.py      GeoJSON
linked.py       schema.org     calendars.py  iCalendar      news.py     RSS and Atom
murmurations.py profiles of organizations                   lines.py    signed records, JSON Lines

A form is begun, given entries a few at a time, and ended; what each step gives goes out at once.
"""
