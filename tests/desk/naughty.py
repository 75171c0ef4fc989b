"""Strings that break careless programs, by what they break, and a walk that types them into every field of the desk.

Each carries MARK where it can, so that what comes back can be found again. The walk reads the forms from the pages
themselves, so that a new page is walked as soon as another one leads to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx

MARK = "zqz"
# fmt: off
STRINGS: dict[str, tuple[str, ...]] = {
    "nothing": ("", " ", "\t", "\r\n", "\u00a0", "\u3000", "\ufeff", "\u200b"),
    "words of programs": (
        "null",
        "None",
        "undefined",
        "NaN",
        "true",
        "nil",
        "[object Object]",
        "constructor",
        "__proto__",
    ),
    "numbers": ("0", "-1", "1e309", "0x10", "1/0", "٣٤٥", "9" * 400, "-9223372036854775809", "1,000.00", "½"),
    "signs": (
        "'",
        '"',
        "`",
        "\\",
        "--",
        "/*",
        "%",
        "%%",
        "%s%n",
        "$&",
        "{}",
        "{0}",
        "<>",
        "&",
        "&amp;",
        ";",
        "|",
        "~!@#",
    ),
    "markup": (
        f"<script>alert('{MARK}')</script>",
        f"\"><script>alert('{MARK}')</script>",
        f"' onfocus='alert(1)' autofocus='{MARK}",
        f'" onmouseover="alert(1)" id="{MARK}',
        f"<img src=x onerror=alert(1) alt={MARK}>",
        f"<svg/onload=alert(1)>{MARK}",
        f"<iframe srcdoc='<script>alert(1)</script>'>{MARK}",
        f"</title><script>alert(1)</script>{MARK}",
        f"</textarea><script>alert(1)</script>{MARK}",
        f"<!--{MARK}--><b>",
        f"javascript:alert('{MARK}')",
        f"data:text/html,<script>alert('{MARK}')</script>",
        f"<a href=javas&#99;ript:alert(1)>{MARK}</a>",
        f"<style>@import '//evil.example/{MARK}'</style>",
        f"\u003cscript\u003ealert(1)\u003c/script\u003e{MARK}",
        f"＜script＞alert(1)＜/script＞{MARK}",
    ),
    "templates": ("{{ 7*7 }}zqz", "${7*7}zqz", "<%= 7*7 %>zqz", "{% raise %}zqz", "{{ ''.__class__.__mro__ }}zqz"),
    "queries": (
        "'; DROP TABLE account;--",
        "1 OR 1=1",
        "' UNION SELECT * FROM account_secret --",
        "\\' OR 1=1 --",
        "a\\",
    ),
    "commands": (
        "$(touch /tmp/zqz)",
        "`id`",
        "; id",
        "| id",
        "&& id",
        "../../../../etc/passwd",
        "C:\\..\\x",
        "file:///etc/passwd",
    ),
    "headers": ("a\r\nSet-Cookie: zqz=1", "a\nLocation: https://evil.example", "a%0d%0aX-Zqz: 1"),
    "tables": ("=1+1", "@SUM(1)", "+1", "-1", "=cmd|' /C calc'!A0"),
    "letters": ("Ω≈ç√∫", "田中さん", "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦", "ﷺ", "👩‍👩‍👧‍👧🇲🇦", "𐐜 𐐔𐐇", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "ı İ ß ẞ ﬁ"),
    "direction": (
        "\u202etxet\u202c",
        "\u2067ab\u2069",
        "بسم \u2066test\u2069 الله",
        "\u200f\u200fab",
        "a\u202eb" + MARK,
    ),
    "not to be seen": (
        "\0",
        "a\0b",
        "\x07\x1b[31m",
        "\x7f",
        "\u0085",
        "\u2028\u2029",
        "\ufffe\uffff",
        "\U000e0001",
        "\u00ad",
    ),
    "long": ("x" * 4000, "ب" * 2000, "a " * 2000, "\u0301" * 1000),
    "addresses": (
        "https://evil.example/",
        "//evil.example",
        "http://[::1]:1/",
        "jisr:" + "a" * 52,
        "jisr:x/*",
        "*",
        "*/*",
    ),
    "days": ("2026-02-30", "9999-12-31", "0000-00-00", "1970-01-01T00:00:00Z", "tomorrow"),
}
# fmt: on
EVERY = tuple(text for texts in STRINGS.values() for text in texts)
_HARMLESS = re.compile(r"/static/[\w.]+\.js(\?v=[0-9a-f]+)?")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass
class Form:
    """A form of a page: where it goes, how, and what each of its fields holds."""

    page: str
    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)


class _Page(HTMLParser):
    """What a browser would make of a page: its forms, links, and whatever could run."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.faults: list[str] = []
        self._address = address
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.faults += [f"<{tag} {name}=…>" for name in told if name.startswith("on") or name == "srcdoc"]
        if tag in ("iframe", "object", "embed", "style", "base") or told.get("id") == MARK:
            self.faults.append(f"<{tag}>")
        if tag == "script" and not _HARMLESS.fullmatch(told.get("src", "")):
            self.faults.append("<script>")
        for name in ("href", "src", "action", "formaction"):
            where = urlsplit(urljoin(self._address, told.get(name, "")))
            if where.scheme not in ("http", "https") or where.netloc != urlsplit(self._address).netloc:
                self.faults.append(f"<{tag} {name}={told[name]!r}>")
        if tag == "a" and "href" in told:
            self.links.append(urljoin(self._address, told["href"]))
        if tag == "form":
            action = urljoin(self._address, told.get("action") or self._address)
            self.forms.append(Form(self._address, action, told.get("method", "get").lower()))
        if tag in ("input", "textarea", "select", "button") and self.forms and told.get("name"):
            form, kind = self.forms[-1], told.get("type", "text")
            form.fields.setdefault(told["name"], told.get("value", ""))
            if kind not in ("checkbox", "radio", "submit"):
                form.typed.append(told["name"])


def harm(address: str, text: str) -> list[str]:
    """What in this page could run or deceive: elements, attributes, addresses, and letters that turn the direction."""
    found = _Page(address, text).faults
    return found + ([f"a character that turns: {_TURNING.search(text)!r}"] if _TURNING.search(text) else [])


@dataclass
class Walk:
    """What was typed where, and what came of it."""

    pages: int = 0
    fields: set[tuple[str, str]] = field(default_factory=set)
    typed: int = 0
    faults: list[str] = field(default_factory=list)


def forms(client: httpx.Client, starts: list[str], walk: Walk, most: int = 80) -> Iterator[Form]:
    """Every form of the desk that can be reached, one for each address and set of fields."""
    waiting, seen, told = list(starts), set[str](), set[tuple[str, ...]]()
    while waiting and len(seen) < most:
        address = waiting.pop(0)
        shape = re.sub(r"=[^&]*", "=", address)
        if shape in seen or "sign-out" in address or "provider" in address:
            continue
        seen.add(shape)
        answer = client.get(address, follow_redirects=True)
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        walk.pages += 1
        page = _Page(str(answer.url), answer.text)
        walk.faults += [f"{address}: {fault}" for fault in harm(str(answer.url), answer.text)]
        for form in page.forms:
            key = (form.action.partition("?")[0], *sorted(form.fields))
            if key not in told and "sign-out" not in form.action:
                told.add(key)
                yield form
        waiting += [link for link in page.links if urlsplit(link).path.startswith("/desk")]


def type_into(client: httpx.Client, form: Form, name: str, text: str, walk: Walk) -> None:
    """Send the form with this text in this field, and look at what comes."""
    fields = {**form.fields, name: text}
    if form.method == "post":
        answer = client.post(form.action, data=fields)
    else:
        answer = client.get(form.action, params=fields)
    walk.typed += 1
    walk.fields.add((urlsplit(form.action).path, name))
    where = f"{form.method} {urlsplit(form.action).path} {name}={text[:60]!r}"
    if answer.status_code >= 500 and answer.status_code != 503:
        walk.faults.append(f"{where}: {answer.status_code} {answer.text[:200]}")
    if "html" in answer.headers.get("content-type", ""):
        walk.faults += [f"{where}: {fault}" for fault in harm(str(answer.url), answer.text)]
        if "script-src 'self'" not in (policy := answer.headers["content-security-policy"]) and "script" in policy:
            walk.faults.append(f"{where}: the policy {policy}")
    if (
        "zqz" in answer.headers.get("set-cookie", "")
        or "x-zqz" in answer.headers
        or "evil" in answer.headers.get("location", "")
    ):
        walk.faults.append(f"{where}: it wrote a header")
