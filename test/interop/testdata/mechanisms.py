"""Logs in with CRAM-MD5 by imaplib and smtplib. Arguments: host, IMAP and submission port, user, password."""

import imaplib
import smtplib
import sys

host, imap, submission, user, password = sys.argv[1:]

with imaplib.IMAP4(host, int(imap), timeout=300) as c:
    assert c.login_cram_md5(user, password)[0] == "OK"
    assert c.select("INBOX")[0] == "OK"
with imaplib.IMAP4(host, int(imap), timeout=300) as c:
    try:
        c.login_cram_md5(user, "wrong")
    except imaplib.IMAP4.error:
        pass
    else:
        raise AssertionError("a wrong password was taken")
with smtplib.SMTP(host, int(submission), timeout=300) as s:
    s.ehlo()
    s.user, s.password = user, password
    assert s.auth("CRAM-MD5", s.auth_cram_md5, initial_response_ok=False)[0] == 235
print("done")
