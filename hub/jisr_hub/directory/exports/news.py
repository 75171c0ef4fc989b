"""RSS 2.0 and Atom (RFC 4287): what is new, newest first; of news items and of types that are announced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from .columns import sound
from .shown import About, Shown

MOST = 100
"""Items of a feed: a reader comes back, and the whole is in the other forms."""
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def rss(entries: Sequence[Shown], about: About, here: str, title: str) -> bytes:
    """An RSS 2.0 channel; `here` is its own address."""
    items = "".join(_item(one) for one in entries)
    newest = format_datetime(max((dated(one) for one in entries), default=about.now), usegmt=True)
    return (
        f'{_HEAD}<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>{_said(title)}</title><link>{_said(about.address)}/directory</link><description>{_said(title)}"
        f"</description><language>{_said(about.lang)}</language><lastBuildDate>{newest}</lastBuildDate>"
        f'<atom:link rel="self" type="application/rss+xml" href={_quoted(here)}/>{items}</channel></rss>\n'
    ).encode()


def atom(entries: Sequence[Shown], about: About, here: str, title: str) -> bytes:
    """An Atom feed; `here` is its own address."""
    newest = max((dated(one) for one in entries), default=about.now)
    return (
        f'{_HEAD}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={_quoted(about.lang)}><title>{_said(title)}</title>'
        f"<id>{_said(here)}</id><updated>{_instant(newest)}</updated><author><name>{_said(about.hub)}</name></author>"
        f'<link rel="self" href={_quoted(here)}/><link href={_quoted(about.address + "/directory")}/>'
        f"{''.join(_entry(one) for one in entries)}</feed>\n"
    ).encode()


def dated(one: Shown) -> datetime:
    """When it was published, or last written."""
    said = one.record.get("published") or one.record.get("modified")
    try:
        found = datetime.fromisoformat(str(said))
    except ValueError:
        return one.listed.received_at
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _item(one: Shown) -> str:
    teller = one.organization.name if one.organization is not None else one.author
    return (
        f"<item><title>{_said(one.name)}</title><link>{_said(one.page)}</link>"
        f'<guid isPermaLink="true">{_said(one.page)}</guid>'
        f"<pubDate>{format_datetime(dated(one), usegmt=True)}</pubDate>"
        f"<dc:creator>{_said(teller)}</dc:creator><dc:rights>{_said(one.licence)}</dc:rights>"
        f"<category>{_said(one.type)}</category><description>{_said(one.description)}</description></item>"
    )


def _entry(one: Shown) -> str:
    teller = one.organization.name if one.organization is not None else one.author
    language = f" xml:lang={_quoted(one.lang)}" if one.lang else ""
    return (
        f"<entry{language}><title>{_said(one.name)}</title><id>{_said(one.page)}</id>"
        f"<link href={_quoted(one.page)}/><updated>{_instant(dated(one))}</updated>"
        f"<author><name>{_said(teller)}</name></author><rights>{_said(one.licence)}</rights>"
        f"<category term={_quoted(one.type)}/><summary>{_said(one.description)}</summary></entry>"
    )


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _said(text: str) -> str:
    return escape(sound(text))


def _quoted(text: str) -> str:
    return quoteattr(sound(text))
