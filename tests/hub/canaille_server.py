"""Canaille, a provider of sign-ins, as a process of its own: run by the Python of an environment that has pytest-iam.

Prints {"issuer": …, "client": …, "secret": …, "subject": …}, then does what each line says, and answers "done":
rotate (sign with a new key from now on), expired (give codes whose time is over), fresh (give codes that stand).
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import threading
import uuid

import portpicker
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from canaille.oidc import provider
from joserfc.jwk import JWKRegistry
from pytest_iam import Server

BACK = sys.argv[1]
LIFETIME = provider.AUTHORIZATION_CODE_LIFETIME


def new_key() -> dict[str, object]:
    key = JWKRegistry.generate_key("RSA", 2048)
    key.ensure_kid()
    return dict(key.as_dict(private=True))


def main() -> None:
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    port = portpicker.pick_unused_port()
    quiet = {"version": 1, "disable_existing_loggers": False}
    config = {
        "TESTING": True,
        "ENV_FILE": None,
        "SECRET_KEY": str(uuid.uuid4()),
        "WTF_CSRF_ENABLED": False,
        "PREFERRED_URL_SCHEME": "http",
        "SERVER_NAME": f"localhost:{port}",
        "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "LOGGING": quiet},
        "CANAILLE_OIDC": {"ACTIVE_JWKS": [new_key()]},
    }
    app = create_app(config=config)
    server = Server(app, port, Backend.instance)
    threading.Thread(target=server.httpd.serve_forever, daemon=True).start()
    with app.app_context():
        user = server.random_user()
        client = models.Client(
            client_id=str(uuid.uuid4()),
            client_id_issued_at=datetime.datetime.now(datetime.UTC),
            client_secret=str(uuid.uuid4()),
            client_name="the hub",
            redirect_uris=[BACK],
            grant_types=["authorization_code"],
            response_types=["code"],
            scope=["openid"],
            token_endpoint_auth_method="client_secret_basic",
        )
        server.backend.save(client)
        server.backend.update(client, audience=[client])
        server.backend.save(client)
        server.consent(user, client)
        server.login(user)
        told = {
            "issuer": server.url,
            "client": client.client_id,
            "secret": client.client_secret,
            "subject": user.user_name,
        }
        print(json.dumps(told), flush=True)
        for line in sys.stdin:
            match line.strip():
                case "rotate":
                    app.config["CANAILLE_OIDC"]["ACTIVE_JWKS"] = [new_key()]
                case "expired":
                    provider.AUTHORIZATION_CODE_LIFETIME = -1
                case "fresh":
                    provider.AUTHORIZATION_CODE_LIFETIME = LIFETIME
                    # its store in memory finds any code of a client, so those that are left would be found for ours
                    for code in server.backend.query(models.AuthorizationCode):
                        server.backend.delete(code)
            print("done", flush=True)


main()
