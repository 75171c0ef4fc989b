"""A table that people keep, made into records: what it says is read kindly, what cannot be read is named by its cell.

    opening      bytes → tables                  XLSX, ODS, CSV of any usual encoding; limits against bombs
    headings     the rows that name columns      also two of them, with a title above and merged cells
    columns      headings → fields               in eight languages, corrected by a person, remembered by shape
    values       one cell → one value            dates, numbers, telephones, yes and no, hours, languages
    cells        one row read                    what cannot be read is named
    rows, places, making    one row → drafts     each member with the cell it came from
    packages, hsds, hsds_records                 Open Referral packages: their tables, and records of these
    preparing    all rows, judged                by the validator that the hub uses too
    planning     what would happen               added, changed, ended by name; the brake on endings
    corrected    the same table, marked          what could be repaired is; what must be fixed is said beside it

Nothing here publishes, and nothing but `planning.carry_out` changes a store, in one transaction.
"""
