"""Letters to people who agreed to get them: kept in a queue, tried until they are taken or refused for good.

letters      a letter, who agreed to be written to, and the port of what is kept
links        one-time words in a letter's links, of which only a hash is kept
composing    a letter as an RFC 5322 message, in the reader's language
sending      one round: what is due, to whom it may go, what became of it
smtp         the operator's own mail server, over TLS
occasions    what letters are written for: the weekly digest, a source that fails, a mistake that is reported
"""
