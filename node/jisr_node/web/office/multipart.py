"""A form with one file, as browsers send it (RFC 7578). Nothing else of that format is read."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r'multipart/form-data;.*?boundary="?([0-9A-Za-z\'()+_,./:=?-]{1,70})"?', re.IGNORECASE)
_NAMED = re.compile(rb'content-disposition:[^\r\n]*?\bname="file"', re.IGNORECASE)
_FILE_NAME = re.compile(rb'\bfilename="((?:[^"\\]|\\.)*)"')
MOST_NAME = 200


def file_of(content_type: str, body: bytes) -> tuple[str, bytes] | None:
    """The name and content of the part called `file`; None where there is none, or it is empty."""
    match = _BOUNDARY.match(content_type)
    if match is None:
        return None
    mark = b"--" + match[1].encode("ascii")
    for part in (b"\r\n" + body).split(b"\r\n" + mark)[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        named = _FILE_NAME.search(head)
        if blank and named and _NAMED.search(head) and content:
            name = named[1].decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
            return name[-MOST_NAME:] or "table", content
    return None
