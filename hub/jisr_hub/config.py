"""The settings of a hub, in the order an operator meets them; hub.json in its folder, JISR_HUB_… in the environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from jisr_protocol import anchor, checkpoint, limits, majors, witness
from jisr_protocol.anchor import Anchor
from jisr_protocol.checkpoint import WitnessKey
from jisr_protocol.opening import Declared
from jisr_protocol.refusal import Refusal

from .mail.letters import NoAddress, address_of
from .usage.counting import zone_of

FILE = "hub.json"
BUCKET = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[!-~]*)?"


class Sunset(BaseModel):
    """The day from which users of a major are told that it ends, and the day it does (VER-3)."""

    model_config = ConfigDict(extra="forbid")
    deprecated: date
    sunset: date

    @model_validator(mode="after")
    def _long_enough(self) -> Sunset:
        try:
            majors.check_ending(self.deprecated, self.sunset)
        except Refusal as refusal:
            raise ValueError(str(refusal)) from refusal
        return self


class Settings(BaseSettings):
    """What an operator decides. The environment outranks the file."""

    model_config = SettingsConfigDict(env_prefix="JISR_HUB_", extra="forbid")

    name: str = Field(min_length=1, max_length=300)
    country: str = Field(pattern=r"^[A-Z]{2}$")
    lang: str = "en"
    time_zone: str = ""
    """Where the hub's day begins and ends, such as "Africa/Casablanca", for what is counted by day; "" for the zone of
    its country where Jisr knows it, else UTC."""
    database: str = Field(default="", pattern=r"^(|postgres(ql)?://.+)$")
    """Where the ledger stands: "" for hub.sqlite in the folder, or `postgresql://user:password@host/name`."""
    direct_database: str = Field(default="", pattern=r"^(|postgres(ql)?://.+)$")
    """The same database, where `database` leads through a pooler in transaction mode, such as pgbouncer: for locks that
    belong to a session. Then nothing is prepared on connections to `database`."""
    read_database: str = Field(default="", pattern=r"^(|postgres(ql)?://.+)$")
    """A streaming standby of it, which answers for the pages for people as long as it keeps up."""
    fence: str = ""
    """Where the fence stands, the file that remembers what was published last: "" for fence.json in the folder. Best on
    another disk than the database: then it is not put back with it."""
    address: str = "http://127.0.0.1:8470"
    """Where readers find this hub; written into what it says of itself."""
    allow_private: bool = False
    """Whether to connect to private and loopback addresses: for a try on one machine, never on the open net."""
    anchor: str = ""
    """The file of the network anchor this hub trusts, beside this one or with its whole path: then only hubs that the
    anchor names, and their nodes, have a say here. "" for none: every hub that is followed is believed to be one."""
    verifiers: int = Field(default=0, ge=0, le=64)
    """How many processes check signatures beside the one that writes. Worth it where many nodes send much at once and
    the machine has a processor for each; 0 for none."""
    duplicates_mb: int = Field(default=500, ge=0, le=65_536)
    """How many megabytes the process may take that looks for duplicates beside the hub: about 300 for 100,000 records.
    With more it stops and says so. 0 for none: then `jisr-hub duplicates` alone looks for them."""
    publish_seconds: float = Field(default=1.0, ge=0.0, le=300.0)
    """The shortest time between two heads."""
    snapshot_entries: int = Field(default=10_000, ge=1, le=1_000_000)
    """After how many entries a new snapshot is made, though never more often than every half of what is live."""
    poll_seconds: float = Field(default=60.0, ge=0.1, le=86_400.0)
    """The shortest time after which a peer, or a feed that is fetched, is asked again: while it has news."""
    poll_longest_seconds: float = Field(default=0.0, ge=0.0, le=604_800.0)
    """The longest: while it is silent, and when it cannot be reached. 0 for thirty times the shortest."""
    per_hour: int = Field(default=limits.PER_NODE_HOUR, ge=1)
    per_day: int = Field(default=limits.PER_NODE_DAY, ge=1)
    metrics: Literal["off", "loopback", "on"] = "loopback"
    """To whom `/metrics` is told: to nobody, to this machine, or to everybody who reaches the hub."""
    publish_to: str = Field(default="", pattern=rf"^(|{BUCKET})$")
    """A bucket that is kept as a copy of the public feed: `s3://bucket/prefix`; "" for none. Who may write there stands
    in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what else Amazon's programs read."""
    publish_endpoint: str = Field(default="", pattern=r"^(|https?://.+)$")
    """The address of the store when it is not Amazon's."""
    publish_region: str = ""
    """Its region, as its operator names it."""
    second_person: bool = False
    """Whether a second operator approves each act at the desk that cannot be undone. Set by `jisr-hub account
    second-person`, which refuses while there is only one operator."""
    oidc_issuer: str = Field(default="", pattern=r"^(|https?://[!-~]+)$")
    """The provider (OpenID Connect) at which people may sign in to the desk, as it names itself; "" for none."""
    oidc_client: str = ""
    """What the provider calls this hub. Its secret stands in the environment: JISR_HUB_OIDC_SECRET."""
    mail_server: str = Field(default="", pattern=r"^(|smtps?://[!-~]+)$")
    """The mail server that letters go through: `smtps://user@host:465` (encrypted from the first byte),
    `smtp://user@host:587` (encrypted before anything is said); "" sends none. The password stands in the environment:
    JISR_HUB_MAIL_PASSWORD."""
    mail_from: str = Field(default="", max_length=254)
    """The address letters come from, which somebody reads."""
    mail_plain: bool = False
    """Whether letters go out without encryption: only to a server on this machine."""
    declared_days: tuple[str, ...] = ()
    """Ramadan and feasts as they were declared, which may differ by a day from what is computed, a line each:
    "MA ramadan 2026-02-19 2026-03-19", "MA holiday 2026-05-27 2026-05-28"."""
    sunset: dict[str, Sunset] = {}
    """Majors of the protocol that end: `{"1": {"deprecated": "2027-01-01", "sunset": "2028-01-01"}}`."""

    quorums: dict[str, str] = {}
    """Peer → the text of a C2SP tlog-policy: no head of this peer is taken without that quorum of witnesses. Set by
    `jisr-hub peer witnesses`."""

    @field_validator("quorums")
    @classmethod
    def _of_witnesses(cls, value: dict[str, str]) -> dict[str, str]:
        for hub, text in value.items():
            try:
                witness.parse_policy(text)
            except Refusal as refusal:
                raise ValueError(f"the witnesses asked for of {hub}: {refusal}") from refusal
        return value

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            zone_of(name, "")
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"expected a time zone such as Africa/Casablanca; came {name!r}") from error
        return name

    @field_validator("declared_days")
    @classmethod
    def _declarations(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            Declared.read(line)
        return lines

    @field_validator("sunset")
    @classmethod
    def _of_what_is_spoken(cls, value: dict[str, Sunset]) -> dict[str, Sunset]:
        if unknown := sorted(value.keys() - majors.SPOKEN.keys()):
            raise ValueError(f"expected major versions that are spoken here ({', '.join(majors.spoken())}): {unknown}")
        return value

    @model_validator(mode="after")
    def _letters_go_out_safely(self) -> Settings:
        if not self.mail_server:
            return self
        server = urlsplit(self.mail_server)
        if not server.hostname or server.password is not None:
            raise ValueError("mail_server is expected as smtps://user@host:465, without a password: that stands in the "
                             "environment, JISR_HUB_MAIL_PASSWORD")  # fmt: skip
        if self.mail_plain and server.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(f"mail_plain is for a server on this machine; came {server.hostname}")
        try:
            self.mail_from = address_of(self.mail_from)
        except NoAddress as error:
            raise ValueError(f"mail_from is expected to be a mail address; came {str(error)!r}") from error
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


DATABASE = "hub.sqlite"
FENCE = "fence.json"
ACT_MARK = "acts.json"
VIEWS = "views"
"""The folder of the feeds beside the public one: a ledger and a folder of pages each."""
WITNESSES = "witnesses.json"
MIRROR = "mirror.json"
"""How the last round of copying the feed to a bucket ended."""


def place(folder: Path, settings: Settings) -> Path | str:
    """The ledger of the hub in `folder`: a file, or the address of the database itself."""
    return settings.direct_database or settings.database or folder / DATABASE


def view_place(folder: Path, settings: Settings, name: str) -> tuple[Path | str, str]:
    """Where the ledger of a view stands: a file, or the hub's database and a schema of its own there."""
    if settings.database:  # a pooler would not take the name of the schema along
        return settings.direct_database or settings.database, "view_" + name.replace("-", "_")
    return folder / VIEWS / f"{name}.sqlite", ""


def view_fence(folder: Path, settings: Settings, name: str) -> Path:
    """The fence of a view, beside the hub's own."""
    return fence_file(folder, settings).with_name(f"view-{name}.json")


def fence_file(folder: Path, settings: Settings) -> Path:
    """The fence of the hub in `folder`."""
    return folder / (settings.fence or FENCE)


def act_mark_file(folder: Path, settings: Settings) -> Path:
    """The mark of the audit log of the hub in `folder`, beside its fence."""
    return fence_file(folder, settings).with_name(ACT_MARK)


def anchors(folder: Path, settings: Settings) -> list[Anchor]:
    """The anchors that the hub in `folder` trusts. Raises SettingsError."""
    if not settings.anchor:
        return []
    file = folder / settings.anchor
    try:
        return [anchor.parse_file(file.read_bytes())]
    except (OSError, Refusal) as error:
        raise SettingsError(
            f"The anchor file {file} cannot be used: {error}. Without it this hub does not know whom to trust, so it "
            f"does not start. Put the file back, or take the setting anchor out of {folder / FILE}."
        ) from error


class SettingsError(Exception):
    """There are no settings, or they do not fit; the sentence says what to do."""


def read(folder: Path) -> Settings:
    """The settings of the hub in `folder`. Raises SettingsError, with every fault."""
    file = folder / FILE
    if not file.is_file():
        raise SettingsError(
            f"There is no hub in {folder}. Name its folder with --dir, or make one: jisr-hub init FOLDER"
        )
    try:
        values: dict[str, Any] = orjson.loads(file.read_bytes())
        return Settings(**values)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}, came {e['input']!r}" for e in error.errors())
        raise SettingsError(f"The settings in {file} or the environment do not fit: {faults}.") from error
    except (orjson.JSONDecodeError, TypeError) as error:
        raise SettingsError(f"{file} is not a JSON object: {error}. Put it back from a backup.") from error


@dataclass(frozen=True)
class Chosen:
    """A witness that is asked: where, and the key its cosignatures must fit."""

    address: str
    key: WitnessKey


def witnesses(folder: Path) -> list[Chosen]:
    """The witnesses that are asked to cosign this hub's heads. Raises SettingsError."""
    file = folder / WITNESSES
    if not file.is_file():
        return []
    try:
        listed = orjson.loads(file.read_bytes())
        return [Chosen(str(one["address"]), checkpoint.parse_witness_key(str(one["key"]))) for one in listed]
    except (orjson.JSONDecodeError, TypeError, KeyError, Refusal) as error:
        raise SettingsError(f"{file} is no list of witnesses: {error}. Make it anew: jisr-hub witness add") from error


def write_witnesses(folder: Path, chosen: Iterable[Chosen]) -> None:
    """Keep the list of witnesses."""
    listed = [{"address": one.address, "key": str(one.key)} for one in chosen]
    (folder / WITNESSES).write_bytes(orjson.dumps(listed, option=orjson.OPT_INDENT_2) + b"\n")


def write(folder: Path, settings: Settings) -> None:
    """Keep the settings beside the hub's database."""
    (folder / FILE).write_bytes(orjson.dumps(settings.model_dump(), option=orjson.OPT_INDENT_2) + b"\n")
