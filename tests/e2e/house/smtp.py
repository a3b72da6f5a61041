"""A mail server that keeps what it takes: one file for each mail, `<number> <recipient>.eml`.

smtp.py FOLDER PORT [--starttls|--tls CERTIFICATE KEY] [--user NAME PASSWORD]

Prints `ready PORT`. `FOLDER/answers.json` may say what it answers instead of taking something:
{"mail": "550 …", "rcpt": "…", "data": "…"}.
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Keeper:
    def __init__(self, folder):
        self.folder = folder
        self.number = len(os.listdir(folder))

    def answer(self, stage):
        try:
            with open(os.path.join(self.folder, "answers.json")) as file:
                return json.load(file).get(stage)
        except FileNotFoundError:
            return None

    async def handle_MAIL(self, server, session, envelope, address, options):
        if answer := self.answer("mail"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := self.answer("rcpt"):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if answer := self.answer("data"):
            return answer
        self.number += 1
        name = f"{self.number:06} {envelope.rcpt_tos[0]}.eml"
        draft = os.path.join(self.folder, f".{name}")
        with open(draft, "wb") as file:
            file.write(envelope.content)
        os.rename(draft, os.path.join(self.folder, name))
        return "250 2.0.0 taken"


def main():
    folder, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    keeper = Keeper(folder)
    options = {"enable_SMTPUTF8": False}
    wrapped = None
    while rest:
        word = rest.pop(0)
        if word in ("--starttls", "--tls"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(rest.pop(0), rest.pop(0))
            if word == "--tls":
                wrapped = context
            else:
                options.update(tls_context=context, require_starttls=True)
        elif word == "--user":
            user, password = rest.pop(0).encode(), rest.pop(0).encode()

            def check(server, session, envelope, mechanism, data):
                right = isinstance(data, LoginPassword) and (data.login, data.password) == (user, password)
                return AuthResult(success=right, handled=False)

            options.update(authenticator=check, auth_required=True, auth_require_tls=False)

    async def serve():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(keeper, **options), "127.0.0.1", port, ssl=wrapped)
        print("ready", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(serve())


main()
