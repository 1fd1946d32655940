"""Mails that come back, as real systems write them; each brings back a mail of ours."""

from dispatcher.message import fingerprint
from dispatcher.postmark import postmark

KEY = b"0123456789abcdef"
ADDRESS = "ada@example.org"
ADA = fingerprint(KEY, ADDRESS)
MARK = postmark(KEY, org_id="acme", event_id="evt-1", template="password_change", recipient=ADA)
MESSAGE_ID = f"<{MARK}@acme.example>"
RETURN_PATH = f"bounces+{MARK}@acme.example"
OURS = f"""\
From: "Acme Security" <no-reply@acme.example>
Message-ID: {MESSAGE_ID}
To: {ADDRESS}
Subject: Your password was changed
"""


def postfix(
    status: str = "5.1.1",
    diagnostic: str = "smtp; 550 5.1.1 <ada@example.org>: Recipient address rejected: "
    "User unknown in\n    virtual mailbox table",
    *,
    action: str = "failed",
    recipient: str = ADDRESS,
    ours: str = OURS,
) -> bytes:
    return f"""\
Return-Path: <>
X-Original-To: {RETURN_PATH if ours is OURS else "bounces@acme.example"}
Date: Tue, 24 Nov 2026 12:00:05 +0000 (UTC)
From: MAILER-DAEMON@mx.acme.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: bounces@acme.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4F2.1732449605/mx.acme.example"
Message-Id: <20261124120005.A1B2C3@mx.acme.example>

This is a MIME-encapsulated message.

--4F2.1732449605/mx.acme.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.acme.example.

<{recipient}>: host mx.example.org[192.0.2.1] said: 550 (in reply to RCPT TO command)

--4F2.1732449605/mx.acme.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.example
X-Postfix-Queue-ID: 4F2
X-Postfix-Sender: rfc822; no-reply@acme.example
Arrival-Date: Tue, 24 Nov 2026 12:00:00 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: {diagnostic}

--4F2.1732449605/mx.acme.example
Content-Description: Undelivered Message
Content-Type: text/rfc822-headers

{ours}
--4F2.1732449605/mx.acme.example--
""".encode()


EXIM = f"""\
Return-path: <>
Envelope-to: {RETURN_PATH}
X-Failed-Recipients: {ADDRESS}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.acme.example>
To: bounces@acme.example
Content-Type: multipart/report; report-type=delivery-status; boundary=1732449605-eximdsn-42
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender

--1732449605-eximdsn-42
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

  {ADDRESS}
    host mx.example.org [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<{ADDRESS}>:
    550 5.1.1 <{ADDRESS}>: User unknown

--1732449605-eximdsn-42
Content-type: message/delivery-status

Reporting-MTA: dns; mx.acme.example

Action: failed
Final-Recipient: rfc822;{ADDRESS}
Status: 5.0.0
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 5.1.1 <{ADDRESS}>: User unknown

--1732449605-eximdsn-42
Content-type: message/rfc822

{OURS}
Hello.
--1732449605-eximdsn-42--
""".encode()

OLD_EXIM = f"""\
Return-path: <>
X-Failed-Recipients: {ADDRESS}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.acme.example>
To: no-reply@acme.example
Subject: Mail delivery failed: returning message to sender

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {ADDRESS}
    SMTP error from remote mail server after RCPT TO:<{ADDRESS}>:
    host mx.example.org [192.0.2.1]: 550 5.1.1 <{ADDRESS}>: Recipient unknown

------ This is a copy of the message, including all the headers. ------

{OURS}
Your code is 5.7.1
""".encode()

EXCHANGE = f"""\
From: <postmaster@example.org>
To: <bounces@acme.example>
Date: Tue, 24 Nov 2026 12:00:05 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="4dce4f4c-6ba0"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <0a1b2c3d@DB9PR01.prod.example>
In-Reply-To: {MESSAGE_ID}
References: {MESSAGE_ID}
Subject: Undeliverable: Your password was changed
Auto-Submitted: auto-replied

--4dce4f4c-6ba0
Content-Type: multipart/alternative; differences=Content-Type;
	boundary="0c8f1ef3"

--0c8f1ef3
Content-Type: text/plain; charset="us-ascii"

Your message to {ADDRESS} couldn't be delivered.

--0c8f1ef3
Content-Type: text/html; charset="us-ascii"

<p>Your message to {ADDRESS} couldn't be delivered.</p>

--0c8f1ef3--

--4dce4f4c-6ba0
Content-Type: message/delivery-status

Reporting-MTA: dns;DB9PR01.prod.example
Received-From-MTA: dns;mx.acme.example
Arrival-Date: Tue, 24 Nov 2026 12:00:04 +0000

Original-Recipient: rfc822;{ADDRESS.replace("@", "+40")}
Final-Recipient: rfc822;{ADDRESS}
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {ADDRESS} not found by SMTP address lookup
X-Display-Name: Ada

--4dce4f4c-6ba0
Content-Type: message/rfc822

{OURS}
--4dce4f4c-6ba0--
""".encode()  # noqa: E501 - Exchange folds no line

GMAIL = f"""\
Delivered-To: {RETURN_PATH}
Return-Path: <>
To: {RETURN_PATH}
Auto-Submitted: auto-replied
X-Failed-Recipients: {ADDRESS}
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Content-Type: multipart/report; boundary="000000000000d1"; report-type=delivery-status
References: {MESSAGE_ID}
In-Reply-To: {MESSAGE_ID}
Subject: Delivery Status Notification (Failure)

--000000000000d1
Content-Type: multipart/related; boundary="000000000000d2"

--000000000000d2
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: base64

KiogQWRkcmVzcyBub3QgZm91bmQgKioK

--000000000000d2--
--000000000000d1
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Tue, 24 Nov 2026 04:00:05 -0800 (PST)
X-Original-Message-ID: {MESSAGE_ID}

Final-Recipient: rfc822; {ADDRESS}
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (192.0.2.27, the server for the domain example.org.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please
 550-5.1.1 try double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces. - gsmtp
Last-Attempt-Date: Tue, 24 Nov 2026 04:00:05 -0800 (PST)

--000000000000d1
Content-Type: message/rfc822

{OURS}
--000000000000d1--
""".encode()

SES = f"""\
Return-Path: <>
From: MAILER-DAEMON@amazonses.com
To: no-reply@acme.example
Subject: Delivery Status Notification (Failure)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="----=_Part_1"

------=_Part_1
Content-Type: text/plain; charset=us-ascii

An error occurred while trying to deliver the mail to the following recipients:
{ADDRESS}
------=_Part_1
Content-Type: message/delivery-status

Reporting-MTA: dns; a9-24.smtp-out.amazonses.com

Action: failed
Final-Recipient: rfc822; {ADDRESS}
Diagnostic-Code: smtp; 550 5.1.1 user unknown
Status: 5.1.1

------=_Part_1
Content-Type: message/rfc822

{OURS}
------=_Part_1--
""".encode()

QMAIL = f"""\
Return-Path: <>
Delivered-To: {RETURN_PATH}
Date: 24 Nov 2026 12:00:05 -0000
From: MAILER-DAEMON@mx.acme.example
To: bounces@acme.example
Subject: failure notice

Hi. This is the qmail-send program at mx.acme.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{ADDRESS}>:
192.0.2.1 does not like recipient.
Remote host said: 550 sorry, no mailbox here by that name (#5.1.1)
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

Return-Path: <no-reply@acme.example>
{OURS}
""".encode()

FEEDBACK = f"""\
From: <feedback@arf.example.org>
To: abuse@acme.example
Subject: FW: Your password was changed
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="arf"

--arf
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report.
--arf
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <{ADDRESS}>
--arf
Content-Type: message/rfc822

{OURS}
--arf--
""".encode()

OUT_OF_OFFICE = f"""\
From: Ada <{ADDRESS}>
To: {RETURN_PATH}
Auto-Submitted: auto-replied (vacation)
Precedence: bulk
Subject: Out of office
In-Reply-To: {MESSAGE_ID}

I am away. Error 5.1.1 awaits you.
""".encode()

RECEIPT = f"""\
From: Ada <{ADDRESS}>
To: no-reply@acme.example
Content-Type: multipart/report; report-type=disposition-notification; boundary=mdn

--mdn
Content-Type: text/plain

Read.
--mdn
Content-Type: message/disposition-notification

Final-Recipient: rfc822;{ADDRESS}
Original-Message-ID: {MESSAGE_ID}
Disposition: manual-action/MDN-sent-manually; displayed
--mdn--
""".encode()

INTERNATIONAL = f"""\
From: MAILER-DAEMON@mx.acme.example
To: {RETURN_PATH}
Content-Type: multipart/report; report-type=delivery-status; boundary=i18n

--i18n
Content-Type: text/plain; charset=iso-2022-nowhere

\N{LATIN SMALL LETTER E WITH ACUTE}chec
--i18n
Content-Type: message/global-delivery-status

Reporting-MTA: dns; mx.acme.example

Final-Recipient: utf-8; <{ADDRESS}>
Action: Failed (no such user)
Status: 5.1.1 (bad mailbox)

--i18n
Content-Type: message/global-headers

{OURS}
--i18n--
""".encode("latin-1")

HARD = {
    "postfix": postfix(),
    "exim": EXIM,
    "old exim": OLD_EXIM,
    "exchange": EXCHANGE,
    "gmail": GMAIL,
    "amazon ses": SES,
    "qmail": QMAIL,
    "international": INTERNATIONAL,
    "crlf": postfix().replace(b"\n", b"\r\n"),
    "upper case": postfix().replace(MARK.encode(), MARK.upper().encode()),
    "a footer around it": b"Content-Type: multipart/mixed; boundary=out\n\n--out\n"
    + EXIM
    + b"\n--out\nContent-Type: text/plain\n\nThe list's footer.\n--out--\n",
}
"""Reports, in many words, that there is no such mailbox."""
