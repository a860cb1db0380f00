"""Goes through a mailbox with imaplib. Arguments: host, port, imaps port, certificate, user, password."""

import imaplib
import re
import ssl
import sys
import time

host, port, imaps, cafile, user, password = sys.argv[1:]
imaplib.Debug = 3  # Only seen when something fails.


def ok(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def no(call):
    try:
        status, data = call()
    except imaplib.IMAP4.error as e:
        return str(e)
    assert status == "NO", (status, data)
    return data[0]


def numbers(data):
    return [int(n) for n in (data[0] or b"").split()]


# Logins: with a wrong password, with LOGIN, AUTHENTICATE PLAIN, after STARTTLS, and on the port with TLS.
context = ssl.create_default_context(cafile=cafile)
with imaplib.IMAP4(host, int(port), timeout=300) as c:
    no(lambda: c.login(user, "wrong"))
    no(lambda: c.authenticate("PLAIN", lambda _: b"\0" + user.encode() + b"\0wrong"))
    ok(c.authenticate("PLAIN", lambda _: b"\0" + user.encode() + b"\0" + password.encode()))
with imaplib.IMAP4(host, int(port), timeout=300) as c:
    ok(c.starttls(context))
    ok(c.login(user, password))
c = imaplib.IMAP4_SSL(host, int(imaps), ssl_context=context, timeout=300)
ok(c.login(user, password))
assert "IMAP4REV1" in c.capabilities, c.capabilities
ok(c.noop())
assert ok(c.namespace()) == [b'(("" "/")) NIL NIL'], c.namespace()

# Mailboxes.
listed = b"\n".join(ok(c.list()))
for flag, name in ((rb"\Sent", b"Sent"), (rb"\Trash", b"Trash"), (rb"\Junk", b"Junk"), (rb"\Drafts", b"Drafts")):
    line = [l for l in listed.split(b"\n") if l.endswith(name) or l.endswith(b'"' + name + b'"')]
    assert len(line) == 1 and flag in line[0], listed
ok(c.create("Work/2026"))
no(lambda: c.create("Work/2026"))
ok(c.subscribe("Work/2026"))
assert b"Work/2026" in ok(c.lsub('""', "Work/*"))[0]
ok(c.rename("Work/2026", "Work/&AOk-t&AOk-"))  # "été", in modified UTF-7.
assert b"&AOk-t&AOk-" in b"".join(ok(c.list("Work", "*"))), c.list()
no(lambda: c.delete("INBOX"))
no(lambda: c.select("Nowhere"))

# Messages, with flags and a date, and a literal of eight bits.
texts = []
for i in range(1, 11):
    text = (
        f"From: Ann <ann{i}@example.org>\r\nTo: mox@localhost\r\nSubject: number {i}\r\n"
        f"Message-ID: <{i}@example.org>\r\nDate: Mon, {i} Jun 2026 12:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + ("Grüße\r\n" if i % 2 else "greetings\r\n")
        + "x" * 100 * i
        + "\r\n"
    ).encode()
    texts.append(text)
    flags = r"(\Seen Important)" if i > 5 else None
    date = '"%02d-May-2026 10:%02d:00 +0200"' % (i, i)
    answer = ok(c.append("INBOX", flags, date, text))
    assert b"APPENDUID" in answer[0], answer
no(lambda: c.append("Nowhere", None, None, texts[0]))

assert ok(c.select("INBOX")) == [b"10"]
assert numbers(c.response("UIDNEXT")[1]) == [11] and c.response("UIDVALIDITY")[1] != [None]
status = ok(c.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)"))[0]
assert re.search(rb"MESSAGES 10\b", status) and re.search(rb"UNSEEN 5\b", status), status

# FETCH.
for i, text in enumerate(texts, 1):
    (head, body), _ = ok(c.fetch(str(i), "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
    assert body == text and b"RFC822.SIZE %d" % len(text) in head, (head, body)
    got = time.strftime("%Y-%m-%d %H:%M", time.gmtime(time.mktime(imaplib.Internaldate2tuple(head))))
    assert got == "2026-05-%02d 08:%02d" % (i, i), head
    assert (b"Important" in imaplib.ParseFlags(head)) == (i > 5), head
envelope = ok(c.fetch("1", "(ENVELOPE)"))[0]
assert b'"number 1"' in envelope and b'("Ann" NIL "ann1" "example.org")' in envelope, envelope
assert b'"TEXT" "PLAIN"' in ok(c.fetch("1", "(BODYSTRUCTURE)"))[0].upper()
assert ok(c.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1] == b"Subject: number 1\r\n\r\n"
assert ok(c.fetch("1", "(BODY.PEEK[TEXT]<2.5>)"))[0][1] == "Grüße".encode()[2:]
assert ok(c.fetch("3", "(RFC822.HEADER)"))[0][1].endswith(b"8bit\r\n\r\n")
assert b"\\Seen" not in imaplib.ParseFlags(ok(c.fetch("3", "(FLAGS)"))[0])
ok(c.fetch("3", "(BODY[1])"))
assert b"\\Seen" in imaplib.ParseFlags(ok(c.fetch("3", "(FLAGS)"))[0])

# SEARCH.
assert numbers(ok(c.search(None, "ALL"))) == list(range(1, 11))
assert numbers(ok(c.search(None, "UNSEEN"))) == [1, 2, 4, 5]
assert numbers(ok(c.search(None, "KEYWORD", "Important", "LARGER", "1000"))) == [8, 9, 10]
assert numbers(ok(c.search(None, "OR", "FROM", "ann2@", "(SUBJECT", '"number 1"', "NOT", "SUBJECT", '"number 10")'))) == [1, 2]
assert numbers(ok(c.search(None, "SINCE", "3-May-2026", "BEFORE", "5-May-2026"))) == [3, 4]
c.literal = "grüsse".encode()
assert numbers(ok(c.search("UTF-8", "BODY"))) == []
c.literal = "GRÜßE".encode()
assert numbers(ok(c.search("UTF-8", "BODY"))) == [1, 3, 5, 7, 9]
c.literal = "größe".encode("latin-1")
assert numbers(ok(c.uid("SEARCH", "CHARSET", "ISO-8859-1", "BODY"))) == []
c.literal = "grüße".encode("latin-1")
assert numbers(ok(c.uid("SEARCH", "CHARSET", "ISO-8859-1", "TEXT"))) == [1, 3, 5, 7, 9]
assert "BADCHARSET" in str(no(lambda: c.search("X-UNKNOWN", "TEXT", "x")))

# STORE.
ok(c.store("1:2", "+FLAGS", r"(\Flagged $Label1)"))
ok(c.store("2", "-FLAGS", "($Label1)"))
ok(c.store("4", "FLAGS.SILENT", r"(\Answered)"))
assert numbers(ok(c.search(None, "FLAGGED"))) == [1, 2] and numbers(ok(c.search(None, "KEYWORD", "$Label1"))) == [1]
assert set(imaplib.ParseFlags(ok(c.fetch("4", "(FLAGS)"))[0])) == {b"\\Answered", b"\\Recent"}

# COPY, MOVE, EXPUNGE, and that another connection sees it.
ok(c.copy("1:3", "Work/&AOk-t&AOk-"))
no(lambda: c.copy("1", "Nowhere"))
ok(c.uid("MOVE", "4,5", "Archive"))
ok(c.store("1", "+FLAGS", r"(\Deleted)"))
assert ok(c.expunge())[-1] == b"1"
assert numbers(ok(c.uid("SEARCH", "ALL"))) == [2, 3, 6, 7, 8, 9, 10]
other = imaplib.IMAP4(host, int(port), timeout=300)
ok(other.login(user, password))
assert ok(other.select("Archive", readonly=True)) == [b"2"]
no(lambda: other.uid("STORE", "1", "+FLAGS", r"(\Seen)"))
assert ok(other.select('"Work/&AOk-t&AOk-"')) == [b"3"]
assert [t for _, t in ok(other.fetch("1:3", "(RFC822)"))[::2]] == texts[:3]
ok(other.close())
ok(c.store("7", "+FLAGS", r"(\Deleted)"))
ok(c.unselect())
assert ok(c.select("INBOX")) == [b"7"]
ok(c.close())  # This expunges.
assert ok(c.select("INBOX")) == [b"6"]

# IDLE. Before 3.14 imaplib has no word for it.
ok(other.append("INBOX", None, None, texts[0]))
tag = c._new_tag()
c.send(tag + b" IDLE\r\n")
lines = []
while not lines or not lines[-1].startswith(b"+"):
    lines.append(c.readline())
ok(other.append("INBOX", None, None, texts[1]))
while not any(l == b"* 8 EXISTS\r\n" for l in lines):
    lines.append(c.readline())
    assert lines[-1], lines
c.send(b"DONE\r\n")
while not lines[-1].startswith(tag):
    lines.append(c.readline())
assert lines[-1].startswith(tag + b" OK"), lines

# Mailboxes go, and the connections end well.
ok(c.delete('"Work/&AOk-t&AOk-"'))
no(lambda: c.select('"Work/&AOk-t&AOk-"'))
assert c.logout()[0] == "BYE" and other.logout()[0] == "BYE"
print("done")
