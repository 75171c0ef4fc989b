"""How much of a file is read. A table of an organization is far below; what is above is a mistake or an attack."""

FILE_BYTES = 50 * 1024 * 1024
PARTS = 2_000
"""Files inside a workbook or package."""
UNPACKED_BYTES = 400 * 1024 * 1024
PART_BYTES = 200 * 1024 * 1024
ROWS = 100_000
"""In all sheets together, empty ones not counted."""
COLUMNS = 300
CELL_CHARACTERS = 32_767
SHEETS = 100
EMPTY_ROWS = 2_000
"""So many empty rows on end are the end of a sheet."""
