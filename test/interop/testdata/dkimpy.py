# Signs messages and verifies signatures with dkimpy, DKIM and ARC. Arguments: address and port of a
# name server. Requests come on the standard input, each a line of words, the last of which is the
# length of the message after it:
#
#   verify LENGTH
#   sign KEYFILE ALGORITHM HEADER BODY SELECTOR DOMAIN BODYLENGTH FIELDS LENGTH
#   arcverify LENGTH
#   arcsign KEYFILE SELECTOR DOMAIN SERVER LENGTH
#
# HEADER and BODY are canonicalizations, BODYLENGTH is "all" or "l", FIELDS are names separated by
# colons, or "default". An answer is a line with a length, and then that many bytes: for verify a
# line for each signature, "pass" or a reason, for arcverify a line with the status of the chain, for
# the others fields, or "error: " and a reason.
import logging
import sys

import dns.name
import dns.resolver

import dkim
import dkim.dnsplug

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers = [sys.argv[1]]
resolver.port = int(sys.argv[2])
resolver.search = []
resolver.domain = dns.name.root
resolver.lifetime = 60
resolver.cache = dns.resolver.Cache()
dns.resolver.default_resolver = resolver


def txt(name, timeout=None):
    """Looks up TXT records, with more patience than dkimpy's 5 seconds."""
    return dkim.dnsplug.get_txt(name, timeout=60)


class Reasons(logging.Handler):
    """Keeps what dkimpy logs while it verifies."""

    def emit(self, record):
        self.said = record.getMessage()


reasons = Reasons(logging.ERROR)
logger = logging.getLogger("interop")
logger.addHandler(reasons)


def private_key(path):
    with open(path, "rb") as f:
        return f.read()


def verify(words, message):
    d = dkim.DKIM(message, logger=logger)
    n = sum(1 for name, _ in d.headers if name.lower() == b"dkim-signature")
    lines = []
    for i in range(n):
        reasons.said = "does not verify"
        try:
            lines.append("pass" if d.verify(idx=i, dnsfunc=txt) else reasons.said)
        except Exception as e:
            lines.append(repr(e))
    return "".join(" ".join(s.split()) + "\n" for s in lines).encode()


def sign(words, message):
    key, algorithm, header, body, selector, domain, length, fields = words
    return dkim.sign(
        message,
        selector.encode(),
        domain.encode(),
        private_key(key),
        canonicalize=(header.encode(), body.encode()),
        signature_algorithm=algorithm.encode(),
        include_headers=None if fields == "default" else fields.encode().split(b":"),
        length=length == "l",
    )


def arcverify(words, message):
    status, _, reason = dkim.arc_verify(message, logger=logger, dnsfunc=txt)
    return b"%s %s\n" % (status, " ".join(str(reason).split()).encode())


def arcsign(words, message):
    key, selector, domain, server = words
    fields = dkim.arc_sign(message, selector.encode(), domain.encode(), private_key(key), server.encode())
    if not fields:
        return b"error: nothing to say\n"
    return b"".join(fields)


for line in sys.stdin.buffer:
    command, *words, length = line.decode().split()
    message = sys.stdin.buffer.read(int(length))
    try:
        answer = {"verify": verify, "sign": sign, "arcverify": arcverify, "arcsign": arcsign}[command](words, message)
    except Exception as e:
        answer = b"error: %s\n" % " ".join(repr(e).split()).encode()
    sys.stdout.buffer.write(b"%d\n" % len(answer) + answer)
