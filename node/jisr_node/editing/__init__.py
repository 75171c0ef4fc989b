"""Writing records by forms. Pure: records and what was typed go in, records and findings come out; no words, no clock.

    fields, groups, terms, opening    a part of a form: what a member shows, and what becomes of what was typed
    steps, parts, tasks, together     what a person comes for, as steps of a few fields each
    translating                       the state of each language of a text
    differing                         what changed between two versions
    judging                           findings of the one validator, each beside its field
    drafting, versions, trash         drafts, kept at every change: saving, undo, two windows; what was taken away

The words of the forms stand in web/office. A field whose shown value comes back as it was is not touched, so what a
form does not show, or shows only in part, stays as it is to the byte.
"""
