"""Sends with smtplib. Arguments: host, SMTP, submission and submissions port, certificate, user, password."""

import smtplib
import ssl
import sys
from email.headerregistry import Address
from email.message import EmailMessage

host, smtp, submission, submissions, cafile, user, password = sys.argv[1:]
context = ssl.create_default_context(cafile=cafile)


def message(subject, sender=user, to=user):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = sender, to, subject
    m.set_content("Grüße, " + subject + "\n.\n..\n")
    return m


def refused(kind, code, call):
    try:
        call()
    except kind as e:
        got = e.smtp_code if hasattr(e, "smtp_code") else [c for c, _ in e.recipients.values()][0]
        assert got == code, e
    else:
        raise AssertionError("%s was expected" % code)


# As a server that delivers, without and with TLS.
with smtplib.SMTP(host, int(smtp), "client.example", timeout=300) as s:
    s.send_message(message("plain"), "other@example.org", [user])
    assert not s.has_extn("auth") and s.does_esmtp
    s.starttls(context=context)
    s.send_message(message("starttls"), "other@example.org", [user])
    s.send_message(message("again"), "other@example.org", ["a@localhost", "b@localhost"])
    # A recipient that is refused does not keep the message from the others.
    failed = s.send_message(message("partly"), "other@example.org", [user, "rcptto550@localhost"])
    assert list(failed) == ["rcptto550@localhost"] and failed["rcptto550@localhost"][0] == 550, failed
    # RFC 6531: smtplib asks for SMTPUTF8 and BODY=8BITMIME when an address needs it.
    m = message("utf-8", "Jörg <jörg@example.org>", "Grüße <grüße@localhost>")
    s.send_message(m, "jörg@example.org", ["grüße@localhost"])
    s.sendmail("other@example.org", [user], b"Subject: 8bitmime\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n", ["BODY=8BITMIME"])
    assert s.noop()[0] == 250 and s.rset()[0] == 250 and s.verify(user)[0] in (250, 252, 502)
    assert s.docmd("NONSENSE")[0] == 500

    refused(smtplib.SMTPSenderRefused, 451, lambda: s.sendmail("mailfrom451@localhost", [user], "x"))
    refused(smtplib.SMTPRecipientsRefused, 552, lambda: s.sendmail("a@example.org", ["rcptto552@localhost"], "x"))
    refused(smtplib.SMTPDataError, 554, lambda: s.sendmail("a@example.org", ["permerror@localhost"], "x"))
    assert s.mail("a@example.org", ["SIZE=1000000000000"])[0] == 552  # RFC 1870 §6.1.

# As a user.
with smtplib.SMTP(host, int(submission), timeout=300) as s:
    refused(smtplib.SMTPSenderRefused, 530, lambda: s.sendmail(user, [user], "x"))
    s.starttls(context=context)
    refused(smtplib.SMTPAuthenticationError, 535, lambda: s.login(user, "wrong"))
    s.login(user, password)
    s.send_message(message("submission"))
with smtplib.SMTP_SSL(host, int(submissions), timeout=300, context=context) as s:
    s.ehlo()
    s.user, s.password = user, password
    s.auth("LOGIN", s.auth_login)
    s.send_message(message("submissions", to=["mox@localhost", "remote@example.org"]))
    m = message("mime")
    m.add_attachment(bytes(range(256)) * 300, maintype="application", subtype="octet-stream", filename="größe.bin")
    s.send_message(m)
print("done")
