"""Why the desk says no. The web says it in the reader's language, a command in English."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    """Each reason with its English sentence, which is also the message that is translated."""

    SIGNED_OUT = "You are not signed in, or it was too long ago."
    ROLE = "Your role here does not allow this."
    CONFIRM = "Confirm first that it is you."
    SAME_PERSON = "A second person has to approve this."
    CROSS_SITE = "This request came from another website, so it was not carried out."
    WRONG = "This name and password do not belong together."
    TOO_MANY = "There were too many tries. Wait a quarter of an hour."
    BUSY = "Many people sign in at this moment. Try again in a minute."
    LINK = "This link is used up, too old, or not complete."
    SHORT = "A password here has at least 15 characters. Four words that do not belong together are good."
    LONG = "This password is too long."
    IS_NAME = "The password must not contain the name."
    PROVIDER = "The sign-in at your provider did not succeed."
    STRANGER = "Your provider knows you, but this hub has no account for you."
    PASSKEY = "This passkey was not accepted. Try once more, or give your password."
    COPIED = "There may be a copy of this passkey, so it opens nothing any more. Give your password, then remove it."
    PROVIDER_ONLY = "You sign in at your provider, so passkeys are kept there."
    MANY_PASSKEYS = "There are as many passkeys as one account can have. Remove one first."
    LABEL = "Expected a name of 1 to 60 letters, digits or other signs."
    SCOPES = "Choose what the token may do, of what you may do yourself."
    DAYS = "Expected 1 to 365 days, and at most 30 with what needs a confirmation."
    MANY_TOKENS = "There are as many tokens as one account can have. Revoke one first."
    TOKEN = "This token is unknown, revoked, or has ended."
    SCOPE = "This token was not made for this."
    FORM = "The form did not arrive whole."


class Denied(Exception):
    """Somebody may not do this. `why` says the reason; nothing was changed."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(f"{why.value} {detail}".strip())
        self.why, self.detail = why, detail
