"""What the OpenAPI document says of every route: one table. The words of the specification are not repeated here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Types = Mapping[str, Any]
JSON, LINES, HTML, XML, TEXT, FORM = (
    "application/json",
    "application/x-ndjson",
    "text/html",
    "application/xml",
    "text/plain",
    "application/x-www-form-urlencoded",
)
_PROBLEM_TYPE = "application/problem+json"
PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["code", "detail", "retry", "status", "title", "type"],
    "properties": {
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "retry": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "type": {"type": "string"},
        "rule": {"type": "string"},
        "pointer": {"type": "string"},
    },
}
_REF = {_PROBLEM_TYPE: {"$ref": "#/components/schemas/Problem"}}
_ANY: Mapping[str, Any] = {}
_OBJECT = {"type": "object"}
_DOCUMENT: Types = {JSON: _OBJECT}
_PAGE: Types = {HTML: _ANY, **_REF}
"""People get a page, programs a problem document."""
_PROBLEM_PAGE: Mapping[int, Types | None] = {404: _PAGE}
_BESIDE: Mapping[int, Types | None] = {200: {HTML: _ANY}, 404: {HTML: _ANY}}
_LETTER: Mapping[int, Types | None] = {200: {HTML: _ANY}, 404: {HTML: _ANY}}


@dataclass(frozen=True)
class Operation:
    """One method of one address. `answers` give media types and their schemas by status; None is an empty body."""

    tag: str
    summary: str
    answers: Mapping[int, Types | None]
    body: Types = field(default_factory=dict)
    body_needed: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    query: Sequence[Mapping[str, Any]] = ()
    security: str = ""


def _problems(*statuses: int) -> dict[int, Types | None]:
    return dict.fromkeys(statuses, _REF)


def _words(**members: Any) -> dict[str, Any]:
    return {"type": "object", "required": sorted(members), "properties": members}


def _listed(**members: Any) -> dict[str, Any]:
    return {"type": "array", "items": _words(**members)}


def _query(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "schema": schema, "required": False}


_STRING, _INTEGER, _BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_STRINGS = {"type": "array", "items": _STRING}
_OBJECTS = {"type": "array", "items": _OBJECT}
_FEED = {"feed": {"type": "string", "minLength": 1, "examples": ["public"]}, "major": {"type": "integer", "minimum": 0}}
SEARCH_PARTS = (
    *("q", "type", "theme", "for", "what", "lang_spoken", "cost", "area"),
    *("near", "within", "open", "remote", "order", "page"),
)
_NODE = {"node": {"type": "string", "minLength": 1, "examples": ["jisr:" + "a" * 52]}}
_NOTHING_HERE = _problems(404)
_CALL = _problems(400, 404, 413, 429, 503)
"""What every call of the protocol may answer besides."""


def _file(summary: str, kind: str = JSON, *more: str) -> Operation:
    types = dict.fromkeys((kind, *more), _ANY)
    return Operation(
        "feed",
        summary,
        {200: types, 206: types, 304: None, **_problems(400, 401, 404, 410, 416, 503)},
        parameters=_FEED,
    )


def _files(feed: str) -> dict[tuple[str, str], Operation]:
    head = _file("The head that is out; ?after=&wait= answers as soon as it covers more.")
    wait = (_query("after", {"type": "integer", "minimum": 0}), _query("wait", {"type": "integer", "maximum": 1}))
    return {
        ("GET", f"{feed}/keys.json"): _file("The keys of this hub."),
        ("GET", f"{feed}/head.json"): Operation(head.tag, head.summary, head.answers, parameters=_FEED, query=wait),
        ("GET", f"{feed}/log/{{path}}"): _file("A page of the log.", LINES),
        ("GET", f"{feed}/gens/{{name}}"): _file("Which pages were written again."),
        ("GET", f"{feed}/policy/{{name}}"): _file("A policy of this feed."),
        ("GET", f"{feed}/snap/{{path}}"): _file("The manifest or a part of a snapshot.", JSON, LINES),
        ("GET", f"{feed}/inv/{{name}}"): _file("A node of the state tree."),
        ("GET", f"{feed}/rec/{{node}}/{{id}}/{{name}}"): _file("The line that set a version of a record.", JSON, LINES),
    }


def _call(summary: str, answer: Types | None, status: int = 200, *statuses: int, **more: Any) -> Operation:
    return Operation("calls", summary, {status: answer, **_CALL, **_problems(*statuses)}, **more)


_LINE = _words(n=_INTEGER, at=_STRING, who=_STRING, kind=_STRING, subject=_STRING, outcome=_STRING, can_undo=_BOOLEAN)
_DONE = {JSON: _words(n=_INTEGER, facts=_OBJECT, waits=_STRING)}
_REASON = {JSON: {"type": "object", "properties": {"reason": _STRING}, "additionalProperties": False}}
_ASKED = {
    JSON: {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": _STRING, "subject": _STRING, "reason": _STRING, "members": _OBJECT},
        "additionalProperties": False,
    }
}
_ACTING = _problems(400, 401, 403, 409, 413, 422, 429, 503)
_LOOKING = _problems(401, 403, 429, 503)


def _desk(summary: str, answers: Mapping[int, Types | None], **more: Any) -> Operation:
    return Operation("desk", summary, answers, security="desk", **more)


_COVERED = tuple(_query(name, _STRING) for name in ("theme", "in", "page"))
_FORMS = (
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/geo+json",
    "application/ld+json",
    "application/jsonl",
    "text/calendar",
    "application/rss+xml",
    "application/atom+xml",
    JSON,
)
_HSDS_PAGE = _words(
    total_items=_INTEGER,
    total_pages=_INTEGER,
    page_number=_INTEGER,
    size=_INTEGER,
    first_page=_BOOLEAN,
    last_page=_BOOLEAN,
    empty=_BOOLEAN,
    contents={"type": "array", "items": _OBJECT},
)
_HSDS_QUERY: Mapping[str, Mapping[str, Any]] = {
    "page": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
    "per_page": {"type": "integer", "minimum": 1, "maximum": 1000},
    "format": {"type": "string", "enum": ["json", "ndjson"]},
    "modified_after": {"type": "string", "format": "date-time"},
    **dict.fromkeys(("minimal", "full", "full_service", "top_only"), _BOOLEAN),
    **dict.fromkeys(("search", "taxonomy_term_id", "taxonomy_id", "organization_id", "parent_id"), _STRING),
}


def _hsds(summary: str, *statuses: int) -> Operation:
    return Operation("formats", summary, {200: _DOCUMENT, 304: None, **_problems(400, 503, *statuses)})


def _page_of_hsds(summary: str, *names: str) -> Operation:
    query = tuple(_query(name, _HSDS_QUERY[name]) for name in ("search", "page", "per_page", "format", *names))
    types = {JSON: _HSDS_PAGE, LINES: _ANY}
    return Operation("formats", summary, {200: types, 304: None, **_problems(400, 503)}, query=query)


def _beside(entry: str) -> dict[tuple[str, str], Operation]:
    """The pages beside that of an entry."""
    sent: Mapping[int, Types | None] = {303: None, 404: {HTML: _ANY}}
    return {
        ("GET", f"{entry}/refer"): Operation("pages", "Two ways to refer somebody there.", _BESIDE),
        ("GET", f"{entry}/refer/sheet"): Operation("pages", "A sheet to print for who goes there.", _BESIDE),
        ("POST", f"{entry}/refer/sent"): Operation("pages", "A sealed referral was left from that page.", sent),
        ("GET", f"{entry}/contact"): Operation("pages", "How to reach it and how to apply.", _BESIDE),
        ("GET", f"{entry}/report"): Operation("pages", "A form to say what is wrong.", _BESIDE),
        ("POST", f"{entry}/report"): Operation(
            "pages", "Say what is wrong.", {**sent, 422: {HTML: _ANY}, **_problems(413)}, {FORM: _ANY}
        ),
    }


OPERATIONS: Mapping[tuple[str, str], Operation] = MappingProxyType(
    {
        # the feed
        ("GET", "/.well-known/jisr.json"): _file("What this hub offers."),
        ("GET", "/keys.json"): _file("The keys of this hub."),
        ("GET", "/feeds/public/log/{path}"): _file("A page of the public log.", LINES),
        **_files("/feeds/{feed}"),
        **_files("/feeds/{major}/{feed}"),
        ("GET", "/feeds/public/checkpoint"): _file("The checkpoint of the public log.", TEXT),
        ("GET", "/feeds/{major}/public/checkpoint"): _file("The same, for readers of another major.", TEXT),
        # calls
        ("POST", "/v1/nodes/{node}/feeds/{name}/log"): _call(
            "Push entries of an admitted node.",
            {JSON: _OBJECT},
            200,
            403,
            409,
            415,
            422,
            body={"application/vnd.jisr.push+ndjson": {"type": "string"}},
            parameters=_NODE,
        ),
        ("GET", "/v1/nodes/{node}/feeds/{name}/log/state"): _call(
            "What the hub holds of a node's feed.", {JSON: _OBJECT}, 200, 401, 403, 422, parameters=_NODE
        ),
        ("GET", "/v1/nodes/{node}/feeds/{name}/log/receipt"): _call(
            "The last answer to a push, made anew.", {JSON: _OBJECT}, 200, 401, 403, 422, parameters=_NODE
        ),
        ("GET", "/v1/nodes/{node}/keys.json"): _call(
            "The chain of a writer.", {JSON: _OBJECT}, 200, 304, parameters=_NODE
        ),
        ("POST", "/v1/ping"): _call("Some feed has grown: look soon.", None, 202),
        ("POST", "/v1/token"): _call(
            "A token for a restricted feed.",
            {JSON: _OBJECT},
            200,
            401,
            422,
            body={FORM: {"type": "object", "properties": {"grant_type": _STRING, "client_assertion": _STRING}}},
        ),
        ("POST", "/v1/nodes/{node}/messages"): _call(
            "Leave a sealed message for a node.",
            {JSON: _words(digest=_STRING)},
            202,
            409,
            415,
            422,
            body={"application/jose": {"type": "string"}},
            parameters=_NODE,
        ),
        ("GET", "/v1/nodes/{node}/messages"): _call(
            "What waits for a node, for the node itself.",
            {JSON: _words(messages=_listed(digest=_STRING, sealed=_STRING), more=_INTEGER)},
            200,
            401,
            parameters=_NODE,
        ),
        ("POST", "/v1/nodes/{node}/messages/taken"): _call(
            "The node has these messages: delete them.",
            {JSON: _words(gone=_INTEGER)},
            200,
            401,
            415,
            422,
            body={JSON: _words(digests=_STRINGS)},
            parameters=_NODE,
        ),
        ("GET", "/v1/nodes/{node}/usage"): _call(
            "How often a node's records were used here, for the node itself.",
            {
                JSON: _words(
                    after=_STRING,
                    hub=_STRING,
                    node=_STRING,
                    records=_OBJECTS,
                    sum=_OBJECT,
                    until=_STRING,
                    weeks=_STRINGS,
                )
            },
            200,
            401,
            parameters=_NODE,
            query=(_query("after", _STRING),),
        ),
        ("GET", "/v1/search"): Operation(
            "calls",
            "Search the directory, by any query string.",
            {
                200: {
                    JSON: _words(
                        facets=_OBJECT,
                        fresh=_OBJECT,
                        hits=_listed(
                            entry=_STRING,
                            id=_STRING,
                            matched=_STRINGS,
                            nearly=_BOOLEAN,
                            node=_STRING,
                            points={"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
                            record=_OBJECT,
                            type=_STRING,
                        ),
                        left_out=_STRINGS,
                        nearly=_STRINGS,
                        of=_INTEGER,
                        page=_INTEGER,
                        query=_STRING,
                        total=_INTEGER,
                    )
                },
                304: None,
                **_CALL,
            },
            query=tuple(_query(name, _STRING) for name in SEARCH_PARTS),
        ),
        ("POST", "/v1/matches"): _call(
            "Which groups of volunteers fit.",
            {JSON: _words(groups=_listed(at_least=_INTEGER, node=_STRING))},
            200,
            415,
            422,
            body={JSON: _OBJECT},
        ),
        ("POST", "/v1/admissions"): Operation(
            "calls",
            "Ask to be let in.",
            {200: {JSON: _OBJECT}, 202: {JSON: _OBJECT}, **_CALL, **_problems(403, 409, 422)},
            body={JSON: _OBJECT},
        ),
        ("POST", "/v1/notices"): _call(
            "Bring notices and acks.", {JSON: _OBJECT}, 200, 403, 422, body={JSON: _OBJECT, LINES: {"type": "string"}}
        ),
        ("POST", "/v1/subscriptions"): _call(
            "Be told when the public feed has grown.",
            {JSON: _OBJECT},
            202,
            body={JSON: _words(callback=_STRING)},
        ),
        ("GET", "/v1/subscriptions/{id}"): _call("How a subscription goes.", {JSON: _OBJECT}),
        ("POST", "/v1/subscriptions/{id}/renew"): _call("Renew the lease of a subscription.", {JSON: _OBJECT}),
        ("DELETE", "/v1/subscriptions/{id}"): _call("End a subscription.", None, 204),
        ("GET", "/v1/notices/{digest}/acks"): _call("What hubs said of a notice.", {JSON: _ANY}),
        ("POST", "/v1/witness"): Operation(
            "calls",
            "Have a checkpoint cosigned (C2SP add-checkpoint).",
            {200: {TEXT: _ANY}, **_CALL, **_problems(403, 422), 409: {"text/x.tlog.size": _ANY, **_REF}},
            body={TEXT: {"type": "string"}},
        ),
        ("GET", "/v1/openapi.json"): _call("This document.", {JSON: _OBJECT}),
        ("GET", "/docs/api"): Operation("pages", "This document, drawn for people.", {200: {HTML: _ANY}}),
        ("GET", "/embed.js"): Operation(
            "pages", "The element <jisr-directory> for any page.", {200: {"text/javascript": _ANY}, 304: None}
        ),
        # the desk for programs
        ("GET", "/v1/desk/me"): _desk(
            "Whose token this is, and what it may do.",
            {
                200: {JSON: _words(account=_STRING, role=_STRING, scopes={"type": "array", "items": _STRING})},
                **_LOOKING,
            },
        ),
        ("GET", "/v1/desk/open"): _desk(
            "What waits for somebody.",
            {
                200: {JSON: _words(waiting={"type": "array"}, failing={"type": "array"}, put_aside={"type": "array"})},
                **_LOOKING,
            },
        ),
        ("GET", "/v1/desk/accounts"): _desk(
            "Who may sign in.", {200: {JSON: _words(accounts=_listed(name=_STRING, role=_STRING))}, **_LOOKING}
        ),
        ("GET", "/v1/desk/kinds"): _desk(
            "Every kind of act, and whether this token may do it.",
            {200: {JSON: _words(kinds=_listed(kind=_STRING, scope=_STRING, may=_BOOLEAN))}, **_LOOKING},
        ),
        ("GET", "/v1/desk/acts"): _desk(
            "The audit log, newest first.",
            {200: {JSON: _words(acts={"type": "array", "items": _LINE})}, **_LOOKING, **_problems(400)},
            query=(
                _query("before", {"type": "integer", "minimum": 0}),
                _query("most", {"type": "integer", "minimum": 1, "maximum": 200}),
                *(_query(name, _STRING) for name in ("who", "kind", "subject", "outcome", "since", "until")),
            ),
        ),
        ("POST", "/v1/desk/acts"): _desk(
            "Do one thing; 202 when it waits for a second person.", {200: _DONE, 202: _DONE, **_ACTING}, body=_ASKED
        ),
        ("GET", "/v1/desk/acts/{n}"): _desk("One act.", {200: {JSON: _LINE}, **_LOOKING, **_problems(404)}),
        ("POST", "/v1/desk/acts/{n}/undo"): _desk(
            "Undo an act by its number.",
            {200: _DONE, 202: _DONE, **_ACTING, **_problems(404)},
            body=_REASON,
            body_needed=False,
        ),
        ("GET", "/v1/desk/waiting"): _desk(
            "What waits for a second person.",
            {200: {JSON: _words(waiting=_listed(ticket=_STRING, who=_STRING, kind=_STRING))}, **_LOOKING},
        ),
        ("POST", "/v1/desk/waiting/{ticket}/approve"): _desk(
            "Do what somebody else asked for.", {200: _DONE, **_ACTING}
        ),
        ("POST", "/v1/desk/waiting/{ticket}/decline"): _desk(
            "Leave it undone.", {204: None, **_ACTING}, body=_REASON, body_needed=False
        ),
        ("GET", "/v1/desk/blocks"): _desk(
            "The list of blocks, to be handed on.",
            {200: {JSON: _words(blocks={"type": "array"}), "text/csv; charset=utf-8": _ANY}, **_LOOKING},
            query=(_query("as", {"type": "string", "enum": ["json", "csv"]}),),
        ),
        ("POST", "/v1/desk/blocks"): _desk(
            "Say what a list of blocks would do; with `sure` do it, an act a line.",
            {200: {JSON: _words(lines={"type": "array"}, blocked=_STRINGS)}, **_ACTING},
            body={JSON: {"type": "object", "required": ["list"], "properties": {"list": _STRING, "sure": _BOOLEAN}}},
        ),
        ("GET", "/v1/desk/answers"): _desk(
            "Pairs that were answered with unsure or later.",
            {200: {JSON: _words(answers={"type": "array"})}, **_LOOKING},
        ),
        ("GET", "/v1/desk/reports"): _desk(
            "What readers report as wrong or did not find, the oldest first.",
            {200: {JSON: _words(reports={"type": "array"})}, **_LOOKING},
        ),
        ("GET", "/v1/desk/sources"): _desk(
            "Where records come from, what needs somebody most first.",
            {200: {JSON: _words(sources={"type": "array"})}, **_LOOKING},
        ),
        ("GET", "/v1/desk/subscriptions"): _desk(
            "Portals that are told when the feed has grown, and how it goes with each.",
            {200: {JSON: _words(subscriptions={"type": "array"})}, **_LOOKING},
        ),
        ("GET", "/v1/desk/letters"): _desk(
            "Who agreed to get letters, and the newest letters.",
            {200: {JSON: _words(people={"type": "array"}, letters={"type": "array"})}, **_LOOKING, **_problems(400)},
            query=(_query("most", {"type": "integer", "minimum": 1, "maximum": 200}),),
        ),
        ("GET", "/v1/desk/campaigns"): _desk(
            "What was asked and answered, and the answers to look at.",
            {200: {JSON: _words(campaigns={"type": "array"}, open={"type": "array"})}, **_LOOKING},
        ),
        # how the hub is
        ("GET", "/healthz"): Operation("health", "Whether it runs.", {200: {TEXT: _ANY, JSON: _ANY}}),
        ("GET", "/readyz"): Operation(
            "health", "Whether it can be relied on.", {200: {JSON: _OBJECT}, 503: {JSON: _OBJECT}}
        ),
        ("GET", "/metrics"): Operation("health", "Figures, to this machine.", {200: {TEXT: _ANY}, **_NOTHING_HERE}),
        # the directory for other programs
        ("GET", "/export/{file}"): Operation(
            "formats",
            "The directory, a type of records or one entry, as a file in another form.",
            {200: dict.fromkeys(_FORMS, _ANY), 206: dict.fromkeys(_FORMS, _ANY), 304: None, 416: None}
            | _problems(400, 404, 503),
            parameters={"file": {"type": "string", "minLength": 1, "examples": ["all.csv", "service.geojson"]}},
            query=tuple(_query(name, _STRING) for name in ("q", "type", "lang", "theme", "near", "within", "area")),
        ),
        ("GET", "/hsds/"): _hsds("What this API is."),
        ("GET", "/hsds/services"): _page_of_hsds(
            "HSDS: services.", "minimal", "full", "modified_after", "taxonomy_term_id", "taxonomy_id", "organization_id"
        ),
        ("GET", "/hsds/services/{id}"): _hsds("HSDS: a service with all it has.", 404),
        ("GET", "/hsds/organizations"): _page_of_hsds("HSDS: organizations.", "full", "full_service"),
        ("GET", "/hsds/organizations/{id}"): _hsds("HSDS: an organization with all it has.", 404),
        ("GET", "/hsds/service_at_locations"): _page_of_hsds(
            "HSDS: services at their places.",
            "full",
            "modified_after",
            "taxonomy_term_id",
            "taxonomy_id",
            "organization_id",
        ),
        ("GET", "/hsds/service_at_locations/{id}"): _hsds("HSDS: a service at one of its places.", 404),
        ("GET", "/hsds/taxonomies"): _page_of_hsds("HSDS: lists of terms."),
        ("GET", "/hsds/taxonomies/{id}"): _hsds("HSDS: a list of terms.", 404),
        ("GET", "/hsds/taxonomy_terms"): _page_of_hsds("HSDS: terms.", "taxonomy_id", "top_only", "parent_id"),
        ("GET", "/hsds/taxonomy_terms/{id}"): _hsds("HSDS: a term.", 404),
        ("GET", "/formats"): Operation("pages", "What can be taken, and in which forms.", {200: {HTML: _ANY}}),
        # pages for people
        ("GET", "/"): Operation("pages", "The front page.", {200: {HTML: _ANY}}),
        ("GET", "/letters/stop/{word}"): Operation("pages", "Ask whether somebody wants no more letters.", _LETTER),
        ("POST", "/letters/stop/{word}"): Operation("pages", "Send somebody no more letters (RFC 8058).", _LETTER),
        ("GET", "/letters/still/{word}"): Operation(
            "pages", "What a record says, with a form for the answer.", _LETTER
        ),
        ("POST", "/letters/still/{word}"): Operation(
            "pages", "Say whether a record is still correct.", {**_LETTER, **_problems(413)}, {FORM: _ANY}
        ),
        ("GET", "/coverage"): Operation("pages", "Where help is, by theme and area.", _LETTER, query=_COVERED),
        ("GET", "/coverage/entries"): Operation(
            "pages", "The entries behind a cell.", _LETTER, query=(*_COVERED, _query("area", _STRING))
        ),
        ("GET", "/coverage.csv"): Operation(
            "pages", "The same as a table.", {200: {"text/csv; charset=utf-8": _ANY}, 404: {HTML: _ANY}}, query=_COVERED
        ),
        ("GET", "/coverage.pdf"): Operation(
            "pages", "The same on paper.", {200: {"application/pdf": _ANY}, 404: {HTML: _ANY}}, query=_COVERED
        ),
        ("GET", "/v1/coverage"): Operation(
            "calls",
            "Where help is, by theme and area: covered, thin, none, nobody reports; quiet where it is not told.",
            {200: {JSON: _words(as_of=_STRING, cells={"type": "array"})}, **_problems(400)},
            query=_COVERED,
        ),
        ("GET", "/matches/{entry}"): Operation("pages", "Who fits an entry, with reasons.", _LETTER),
        ("GET", "/v1/matches/{entry}"): Operation(
            "calls", "Who fits an entry: keys, points, reasons.", {200: _DOCUMENT, 404: _DOCUMENT}
        ),
        ("GET", "/matrix"): Operation("pages", "Goals by activities.", _LETTER),
        ("GET", "/matrix.csv"): Operation("pages", "The same as a table.", {200: {"text/csv; charset=utf-8": _ANY}}),
        ("GET", "/directory/missing"): Operation("pages", "A form to say what is missing.", {200: {HTML: _ANY}}),
        ("POST", "/directory/missing"): Operation(
            "pages", "Say what is missing.", {303: None, 422: {HTML: _ANY}, **_problems(413)}, {FORM: _ANY}
        ),
        ("GET", "/join"): Operation("pages", "What an invitation opens.", {200: {HTML: _ANY}}),
        **_beside("/directory/{entry}"),
        **_beside("/directory/{node}/{id}"),
        ("GET", "/directory"): Operation(
            "pages",
            "The list, searched and narrowed.",
            {200: {HTML: _ANY}, 301: None, 400: {HTML: _ANY}, 404: {HTML: _ANY}},
        ),
        ("GET", "/robots.txt"): Operation("pages", "What robots may ask for.", {200: {TEXT: _ANY}}),
        ("GET", "/sitemap.xml"): Operation("pages", "Every entry's address, or an index.", {200: {XML: _ANY}}),
        ("GET", "/sitemap-{number}.xml"): Operation(
            "pages", "One of several sitemaps.", {200: {XML: _ANY}, **_PROBLEM_PAGE}
        ),
        ("GET", "/directory/{entry}"): Operation(
            "pages",
            "One entry of the merged directory.",
            {**dict.fromkeys((200, 404, 410), _PAGE), 303: None, 308: None},
        ),
        ("GET", "/directory/{node}/{id}"): Operation(
            "pages", "One record.", {**dict.fromkeys((200, 404, 410), _PAGE), 303: None, 308: None}
        ),
    }
)


def static_file(media_type: str) -> Operation:
    """A file beside the pages."""
    return Operation("pages", "A file of the pages.", {200: {media_type.partition(";")[0]: _ANY}})


def page_of_the_desk(method: str, path: str) -> Operation:
    """What every page of the desk may answer: itself, a way on, or a refusal as a page; some are files to keep."""
    kind = {"json": JSON, "csv": "text/csv"}.get(path.rpartition(".")[2], HTML)
    pages = {status: {HTML: _ANY} for status in (400, 401, 403, 404, 409, 410, 422, 429, 503)}
    body = {FORM: {"type": "object", "additionalProperties": _STRING}} if method == "POST" else {}
    answers = {**pages, 200: {kind: _ANY}, 303: None, 413: _REF}
    return Operation("desk", "A page of the desk.", answers, body=body, body_needed=False)
