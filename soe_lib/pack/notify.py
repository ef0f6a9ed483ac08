"""Tell somebody that a run failed: by e-mail, by a webhook, or both. No value of the data leaves unasked.

Everything is read from the environment, so that no password stands in a file of the project:

SOE_NOTIFY_WEBHOOK    an http(s) address that takes a JSON object by POST
SOE_NOTIFY_SMTP       smtp://host:port (upgraded by STARTTLS where the server offers it) or smtps://host:port
SOE_NOTIFY_FROM       sender; SOE_NOTIFY_TO: receivers, with commas between them
SOE_NOTIFY_USER       name for the mail server; SOE_NOTIFY_PASSWORD: the alias of its password, i.e. the NAME of the
                      environment variable that holds it
SOE_NOTIFY_DETAILS    "yes": the error's message is told too; it may name items, customers and amounts
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import urlsplit

from soe_lib.pack.failed import Failure

SECONDS = 15.0


def tell(failure: Failure, environment: Mapping[str, str] | None = None) -> list[str]:
    """Send the notification wherever the environment says; returns what could not be sent, one sentence each.

    Never raises: a run that failed must still say why, whatever becomes of the message.
    """
    given = os.environ if environment is None else environment
    content = message(failure, details=given.get("SOE_NOTIFY_DETAILS", "").lower() == "yes")
    faults = []
    for name, send in (("SOE_NOTIFY_WEBHOOK", _post), ("SOE_NOTIFY_SMTP", _mail)):
        if not given.get(name):
            continue
        try:
            send(given, content)
        except Exception as error:
            # The address may hold a token: only the kind of the failure is told.
            faults.append(f"The notification by {name} could not be sent ({type(error).__name__}).")
    return faults


def message(failure: Failure, *, details: bool) -> dict[str, str]:
    """What is told: kind, step, time and the pack that is still good; the message itself only with `details`."""
    told = {
        "event": "soe pack failed",
        "kind": failure.kind,
        "step": failure.step,
        "when": f"{failure.when} UTC",
        "still_good": failure.good or "none",
        "what_to_do": "Open failed.html in the archive; it says what failed and what to do.",
    }
    return told | ({"message": "\n".join(failure.lines)} if details else {})


def _post(given: Mapping[str, str], content: Mapping[str, str]) -> None:
    address = given["SOE_NOTIFY_WEBHOOK"]
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError("not an http address")
    body = json.dumps(content).encode()
    asked = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(asked, timeout=SECONDS):
        pass


def _mail(given: Mapping[str, str], content: Mapping[str, str]) -> None:
    server = urlsplit(given["SOE_NOTIFY_SMTP"])
    mail = EmailMessage()
    mail["Subject"] = f"soe pack failed: {content['kind']} at {content['step']}"
    mail["From"], mail["To"] = given["SOE_NOTIFY_FROM"], given["SOE_NOTIFY_TO"]
    mail.set_content("\n".join(f"{name.replace('_', ' ')}: {text}" for name, text in content.items()) + "\n")
    secure = server.scheme == "smtps"
    kind = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with kind(server.hostname or "", server.port or (465 if secure else 25), timeout=SECONDS) as sent:
        sent.ehlo()
        if not secure and sent.has_extn("starttls"):
            sent.starttls(context=ssl.create_default_context())
        if user := given.get("SOE_NOTIFY_USER"):
            sent.login(user, given[given["SOE_NOTIFY_PASSWORD"]])
        sent.send_message(mail)
