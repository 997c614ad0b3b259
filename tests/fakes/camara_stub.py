"""An operator's CAMARA platform, written from the `.feature` scenarios: authorization server, APIs, phones and a SIM.

stub = CamaraStub(clock)
await stub.start()                                   # loopback, any free port
stub.subscribers[number] = CamaraSubscriber()        # everything ordinary
settings = stub.settings(sim_swap=True)              # only some of the APIs; all of them without arguments
stub.subscribers[number].inbox[-1]                   # the last text that arrived
stub.faults["/sim-swap/v2/retrieve-date"] = Fault(...)  # from now on
code, state = stub.visit(auth_url, number)           # a handset opens the page over mobile data
await stub.swap(number)                              # the SIM changes; subscribers of that are notified
await stub.close()

Every scenario that a request can run into is answered as it says; what it breaks of its schema is 400.
"""

import asyncio
import hashlib
import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fakes.clock import FakeClock
from numseal.adapters.operators.camara.settings import Apis, Settings

CLIENT_ID = "numseal-test"
SWAPPED = "org.camaraproject.sim-swap-subscriptions.v0.swapped"
ENDED = "org.camaraproject.sim-swap-subscriptions.v0.subscription-ended"
PATHS = {
    "one_time_password_sms": "/one-time-password-sms/v1",
    "sim_swap": "/sim-swap/v2",
    "device_swap": "/device-swap/v1",
    "number_recycling": "/number-recycling/v0.2",
    "call_forwarding_signal": "/call-forwarding-signal/v0.4",
    "kyc_tenure": "/kyc-tenure/v0.2",
    "subscription_status": "/subscription-status/v0.1",
    "device_reachability_status": "/device-reachability-status/v1",
    "device_roaming_status": "/device-roaming-status/v1",
    "number_verification": "/number-verification/v2",
    "sim_swap_subscriptions": "/sim-swap-subscriptions/v0.3",
}
MAX_TRIES = 3
CODE_LIFE = 600
TOKEN_LIFE = 300
_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}")
_CORRELATOR = re.compile(r"[a-zA-Z0-9\-_:;./<>{}]{0,256}")


@dataclass
class CamaraSubscriber:
    """What the operator knows of one number; `None` dates are beyond what it keeps."""

    sim_change: int | None = 1_700_000_000
    device_change: int | None = 1_700_000_000
    monitored_days: int | None = None
    contract_start: date = date(2020, 1, 1)
    contract_type: str | None = "PAYM"
    forwarding: tuple[str, ...] = ("inactive",)
    voice_sms_in: str = "active"
    data_service: str = "active"
    ways: tuple[str, ...] | None = ("DATA", "SMS")
    roaming_country: int | None = None
    status_time: int | None = None
    sms: str = "allowed"  # allowed, blocked, not_allowed
    applicable: bool = True
    inbox: list[str] = field(default_factory=list)


@dataclass
class Fault:
    """What happens in place of an answer; `times` None for ever. `until` holds the answer back, and is no other."""

    status: int | None = None
    code: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False
    endless: bool = False
    times: int | None = None
    until: asyncio.Event | None = None


@dataclass
class _Code:
    phone_number: str
    code: str
    sent: int
    tries: int = 0
    used: bool = False
    replaced: bool = False


class _Error(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class CamaraStub:
    """Owns the platform's state; everything is answered at the fake clock's time."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subscribers: dict[str, CamaraSubscriber] = {}
        self.faults: dict[str, Fault] = {}
        self.calls: Counter[str] = Counter()
        self.bodies: list[tuple[str, Any]] = []
        self.correlators: list[str] = []
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.sink_port = 0
        self.notified: list[int] = []
        self.unconditional_only = False
        self.asynchronous = False
        self.max_codes = 5
        self.id_claims: dict[str, Any] = {}
        self.authenticated_by_network = True
        self._codes: dict[str, _Code] = {}
        self._orders: Counter[str] = Counter()
        self._tokens: dict[str, tuple[str, int, str | None]] = {}
        self._assertions: set[str] = set()
        self._grants: dict[str, tuple[dict[str, str], str]] = {}
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def private_key(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        self._released.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def settings(self, *only: str, **changes: Any) -> Settings:
        """Return settings of a client of this platform, of all its APIs or of some."""
        given: dict[str, Any] = {
            "client_id": CLIENT_ID,
            "token_url": f"{self.url}/token",
            "apis": Apis(**{name: self.url + path for name, path in PATHS.items() if not only or name in only}),
            "authorization_url": f"{self.url}/authorize",
            "issuer": self.url,
            "sink_url": "https://numseal.example/camara/events",
            "sink_listen": "127.0.0.1:0",
        }
        return Settings(**(given | changes))

    def visit(self, auth_url: str, phone_number: str) -> tuple[str, str]:
        """Open a page from the handset of a number: return the authorization code and the state."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(auth_url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["prompt"] == "none"
        assert {"openid", "number-verification:verify"} <= set(asked["scope"].split())
        assert phone_number not in auth_url
        code = secrets.token_urlsafe(16)
        self._grants[code] = asked, phone_number
        return code, asked["state"]

    async def swap(self, phone_number: str) -> None:
        """Put another SIM in place, and notify those who subscribed."""
        self.subscribers[phone_number].sim_change = self.clock.now()
        for name, subscription in list(self.subscriptions.items()):
            if subscription["config"]["subscriptionDetail"]["phoneNumber"] == phone_number:
                await self.notify(name, SWAPPED, {"phoneNumber": phone_number})

    async def end(self, name: str, reason: str) -> None:
        """End a subscription from the platform's side."""
        number = self.subscriptions[name]["config"]["subscriptionDetail"]["phoneNumber"]
        await self.notify(name, ENDED, {"phoneNumber": number, "terminationReason": reason})
        del self.subscriptions[name]

    async def notify(self, name: str, kind: str, data: dict[str, Any], token: str | None = None) -> int:
        """Post a CloudEvent to the sink of a subscription, through what ends its TLS; return the status."""
        subscription = self.subscriptions[name]
        event = {
            "id": secrets.token_hex(8),
            "source": "https://operator.example/notifications",
            "type": kind,
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "time": _written(self.clock.now()),
            "data": {"subscriptionId": name, **data},
        }
        return await self.post(subscription["sink"], event, token or subscription["sinkCredential"]["accessToken"])

    async def post(self, sink: str, event: Any, token: str) -> int:
        """Post anything to a sink."""
        assert sink.startswith("https://")
        address = f"http://127.0.0.1:{self.sink_port}{urlsplit(sink).path}"
        headers = {"Authorization": f"Bearer {token}", "x-correlator": "from-operator"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                address, json=event, headers=headers | {"Content-Type": "application/cloudevents+json"}
            ) as response,
        ):
            assert response.headers["x-correlator"] == "from-operator"
            self.notified.append(response.status)
            return response.status

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.calls[path] += 1
        correlator = request.headers.get("x-correlator", "")
        fault = self._fault(path)
        if fault is not None and fault.until is not None:
            await fault.until.wait()
        elif fault is not None:
            return await self._fail(request, fault)
        headers = {"x-correlator": correlator} if correlator else {}
        try:
            if path == "/token":
                return web.json_response(await self._token(request), headers={"Cache-Control": "no-store"})
            self.correlators.append(correlator)
            status, body = await self._api(request)
        except _Error as error:
            told = {"status": error.status, "code": error.code, "message": "What is wrong, for people."}
            if path == "/token":
                told = {"error": error.code}
            return web.json_response(told, status=error.status, headers=headers)
        if body is None:
            return web.Response(status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    def _fault(self, path: str) -> Fault | None:
        fault = self.faults.get(path)
        if fault is None or fault.times == 0:
            return None
        if fault.times is not None:
            fault.times -= 1
        return fault

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.hang:
            await self._released.wait()
        if fault.drop and request.transport is not None:
            request.transport.abort()
        if fault.endless:
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            for _ in range(1_600):  # 100 MiB, unless the other side has had enough
                await response.write(b" " * 65_536)
            return response
        body = fault.body
        if body is None:
            body = f'{{"status": {fault.status}, "code": "{fault.code}", "message": "told to"}}'.encode()
        return web.Response(body=body, status=fault.status or 200, headers=fault.headers)

    async def _token(self, request: web.Request) -> dict[str, Any]:
        """Give a token (RFC 6749 §5.1) to a client that proves to be one (RFC 7523 §3)."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            raise _Error(401, "invalid_client")
        try:
            claims = jwt.decode(
                form["client_assertion"],
                self.key.public_key(),
                algorithms=["ES256"],
                audience=f"{self.url}/token",
                options={"verify_exp": False, "verify_iat": False, "require": ["iss", "sub", "aud", "exp", "jti"]},
            )
        except jwt.PyJWTError as error:
            raise _Error(401, "invalid_client") from error
        now = self.clock.now()
        fresh = claims["iat"] <= now < claims["exp"] <= claims["iat"] + 300
        if not fresh or claims["jti"] in self._assertions or {claims["iss"], claims["sub"]} != {CLIENT_ID}:
            raise _Error(401, "invalid_client")
        self._assertions.add(claims["jti"])
        if form["grant_type"] == "client_credentials":
            return self._grant(form["scope"], None)
        return self._redeem(form)

    def _redeem(self, form: dict[str, str]) -> dict[str, Any]:
        asked, number = self._grants.pop(form["code"], ({}, ""))
        if not asked or form["redirect_uri"] != asked["redirect_uri"]:
            raise _Error(400, "invalid_grant")
        if "code_challenge" in asked:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if jwt.utils.base64url_encode(digest).decode() != asked["code_challenge"]:
                raise _Error(400, "invalid_grant")
        now = self.clock.now()
        claims = {"iss": self.url, "sub": "someone", "aud": CLIENT_ID, "exp": now + 300, "iat": now}
        claims |= {"nonce": asked["nonce"], **self.id_claims}
        secret = secrets.token_bytes(32)
        return self._grant(asked["scope"], number) | {"id_token": jwt.encode(claims, secret, "HS256")}

    def _grant(self, scope: str, number: str | None) -> dict[str, Any]:
        token = secrets.token_urlsafe(24)
        self._tokens[token] = scope, self.clock.now() + TOKEN_LIFE, number
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFE, "scope": scope}

    def revoke(self) -> None:
        """Take no token any more that was given so far."""
        self._tokens.clear()

    async def _api(self, request: web.Request) -> tuple[int, Any]:
        api = next((name for name, path in PATHS.items() if request.path.startswith(path + "/")), None)
        if api is None:
            raise _Error(404, "NOT_FOUND")
        operation = request.path.removeprefix(PATHS[api])
        number = self._admit(request, api, operation)
        body = await self._body(request)
        if api == "one_time_password_sms":
            return self._otp(operation, body)
        if api == "number_verification":
            return 200, self._verify(body, number)
        if api == "sim_swap_subscriptions":
            return await self._subscriptions(request.method, operation.removeprefix("/subscriptions"), body)
        if api in {"device_reachability_status", "device_roaming_status"}:
            device = body.get("device", {})
            status = self._reachability if api == "device_reachability_status" else self._roaming
            return 200, status(self._subject(device)) | {"device": device}
        found = self._subject(body)
        if api == "call_forwarding_signal":
            return 200, self._forwardings(operation, found)
        return 200, self._facts(api, body, found)

    def _admit(self, request: web.Request, api: str, operation: str) -> str | None:
        """Return the number that a token identifies, None for a 2-legged one."""
        if not _CORRELATOR.fullmatch(request.headers.get("x-correlator", "")):
            raise _Error(400, "INVALID_ARGUMENT")
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        scope, ends, number = self._tokens.get(token, ("", 0, None))
        if ends <= self.clock.now():
            raise _Error(401, "UNAUTHENTICATED")
        if not _allowed(api, operation, request.method, scope.split()):
            raise _Error(403, "PERMISSION_DENIED")
        return number

    async def _body(self, request: web.Request) -> dict[str, Any]:
        if request.method != "POST":
            return {}
        if request.content_type != "application/json":
            raise _Error(415, "UNSUPPORTED_MEDIA_TYPE")
        body = await request.json()
        if not isinstance(body, dict):
            raise _Error(400, "INVALID_ARGUMENT")
        self.bodies.append((request.path, body))
        return body

    def _subject(self, body: dict[str, Any]) -> CamaraSubscriber:
        subject = body.get("phoneNumber")
        if subject is None:
            raise _Error(422, "MISSING_IDENTIFIER")
        if not isinstance(subject, str) or not _NUMBER.fullmatch(subject):
            raise _Error(400, "INVALID_ARGUMENT")
        found = self.subscribers.get(subject)
        if found is None:
            raise _Error(404, "IDENTIFIER_NOT_FOUND")
        if not found.applicable:
            raise _Error(422, "SERVICE_NOT_APPLICABLE")
        return found

    def _facts(self, api: str, body: dict[str, Any], found: CamaraSubscriber) -> dict[str, Any]:
        if api in {"sim_swap", "device_swap"}:
            name, time = ("latestSimChange", found.sim_change)
            if api == "device_swap":
                name, time = "latestDeviceChange", found.device_change
            period = {} if found.monitored_days is None else {"monitoredPeriod": found.monitored_days}
            return {name: None if time is None else _written(time), **period}
        if api == "number_recycling":
            return {"phoneNumberRecycled": found.contract_start > self._day(body, "specifiedDate")}
        if api == "kyc_tenure":
            told = {} if found.contract_type is None else {"contractType": found.contract_type}
            return {"tenureDateCheck": found.contract_start <= self._day(body, "tenureDate"), **told}
        return {"voiceSmsIn": found.voice_sms_in, "voiceSmsOut": "active", "dataService": found.data_service}

    def _reachability(self, found: CamaraSubscriber) -> dict[str, Any]:
        status = self._status_time(found)
        if found.ways is None:
            return status | {"reachable": False}
        return status | {"reachable": True, "connectivity": list(found.ways)}

    def _roaming(self, found: CamaraSubscriber) -> dict[str, Any]:
        status = self._status_time(found)
        if found.roaming_country is None:
            return status | {"roaming": False}
        return status | {"roaming": True, "countryCode": found.roaming_country, "countryName": []}

    def _status_time(self, found: CamaraSubscriber) -> dict[str, Any]:
        return {"lastStatusTime": _written(self.clock.now() if found.status_time is None else found.status_time)}

    def _forwardings(self, operation: str, found: CamaraSubscriber) -> Any:
        if operation == "/unconditional-call-forwardings":
            return {"active": "unconditional" in found.forwarding}
        if self.unconditional_only:
            raise _Error(501, "NOT_IMPLEMENTED")
        return list(found.forwarding)

    def _day(self, body: dict[str, Any], name: str) -> date:
        try:
            day = date.fromisoformat(body[name])
        except (KeyError, ValueError, TypeError) as error:
            raise _Error(400, "INVALID_ARGUMENT") from error
        if day > datetime.fromtimestamp(self.clock.now(), UTC).date():
            raise _Error(400, "OUT_OF_RANGE")
        return day

    def _otp(self, operation: str, body: dict[str, Any]) -> tuple[int, Any]:
        if operation == "/send-code":
            return 200, {"authenticationId": self._send(body)}
        name, code = body.get("authenticationId"), body.get("code")
        if not isinstance(name, str) or len(name) > 36 or not isinstance(code, str) or len(code) > 10:
            raise _Error(400, "INVALID_ARGUMENT")
        sent = self._codes.get(name)
        if sent is None:
            raise _Error(404, "NOT_FOUND")
        if sent.used or sent.replaced or self.clock.now() - sent.sent >= CODE_LIFE:
            raise _Error(400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED")
        if sent.tries >= MAX_TRIES:
            raise _Error(400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED")
        if sent.code == code:
            sent.used = True
            return 204, None
        sent.tries += 1
        failed = sent.tries >= MAX_TRIES
        raise _Error(400, f"ONE_TIME_PASSWORD_SMS.{'VERIFICATION_FAILED' if failed else 'INVALID_OTP'}")

    def _send(self, body: dict[str, Any]) -> str:
        number, message = body.get("phoneNumber"), body.get("message")
        if not isinstance(number, str) or not _NUMBER.fullmatch(number) or not isinstance(message, str):
            raise _Error(400, "INVALID_ARGUMENT")
        if "{{code}}" not in message or len(message) > 160:
            raise _Error(400, "INVALID_ARGUMENT")
        found = self.subscribers.get(number)
        if found is None:
            raise _Error(404, "NOT_FOUND")
        if found.sms != "allowed":
            code = "BLOCKED" if found.sms == "blocked" else "NOT_ALLOWED"
            raise _Error(403, f"ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_{code}")
        self._orders[number] += 1
        if self._orders[number] > self.max_codes:
            raise _Error(403, "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED")
        for earlier in self._codes.values():
            earlier.replaced = earlier.replaced or earlier.phone_number == number
        name, code = secrets.token_hex(16), f"{secrets.randbelow(10**6):06d}"
        self._codes[name] = _Code(number, code, self.clock.now())
        found.inbox.append(message.replace("{{code}}", code))
        return name

    def _verify(self, body: dict[str, Any], number: str | None) -> dict[str, Any]:
        if len(body) != 1 or not set(body) <= {"phoneNumber", "hashedPhoneNumber"}:
            raise _Error(400, "INVALID_ARGUMENT")
        if number is None or not self.authenticated_by_network:
            raise _Error(403, "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK")
        hashed = hashlib.sha256(number.encode()).hexdigest()
        return {"devicePhoneNumberVerified": body in ({"phoneNumber": number}, {"hashedPhoneNumber": hashed})}

    async def _subscriptions(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "GET" and not path:
            return 200, [_shown(subscription) for subscription in self.subscriptions.values()]
        if method == "DELETE":
            if path[1:] not in self.subscriptions:
                raise _Error(404, "NOT_FOUND")
            await self.end(path[1:], "SUBSCRIPTION_DELETED")
            return 204, None
        self._check_subscription(body)
        number = body["config"]["subscriptionDetail"]["phoneNumber"]
        if number not in self.subscribers:
            raise _Error(422, "SERVICE_NOT_APPLICABLE")
        for subscription in self.subscriptions.values():
            if subscription["config"]["subscriptionDetail"]["phoneNumber"] == number:
                raise _Error(409, "ALREADY_EXISTS")
        name = secrets.token_hex(8)
        expires = body["config"]["subscriptionExpireTime"]
        begun = {"id": name, "startsAt": _written(self.clock.now()), "expiresAt": expires, "status": "ACTIVE"}
        self.subscriptions[name] = body | begun
        return (202, {"id": name}) if self.asynchronous else (201, _shown(self.subscriptions[name]))

    def _check_subscription(self, body: dict[str, Any]) -> None:
        if body.get("protocol") != "HTTP":
            raise _Error(400, "INVALID_PROTOCOL")
        if not str(body.get("sink", "")).startswith("https://"):
            raise _Error(400, "INVALID_SINK")
        credential = body["sinkCredential"]
        if credential["credentialType"] != "ACCESSTOKEN":
            raise _Error(400, "INVALID_CREDENTIAL")
        if credential["accessTokenType"] != "bearer":
            raise _Error(400, "INVALID_TOKEN")
        ends = datetime.fromisoformat(body["config"]["subscriptionExpireTime"]).timestamp()
        if body.get("types") != [SWAPPED] or ends <= self.clock.now():
            raise _Error(400, "INVALID_ARGUMENT")


def _shown(subscription: dict[str, Any]) -> dict[str, Any]:
    """A subscription is told without its sinkCredential (sim-swap-subscriptions, Data Minimization)."""
    return {name: value for name, value in subscription.items() if name != "sinkCredential"}


def _allowed(api: str, operation: str, method: str, scopes: list[str]) -> bool:
    name = api.replace("_", "-")
    needed = {
        "one_time_password_sms": "one-time-password-sms:send-validate",
        "call_forwarding_signal": f"{name}:{operation[1:]}:read",
        "device_reachability_status": f"{name}:read",
        "device_roaming_status": f"{name}:read",
        "sim_swap_subscriptions": {
            "POST": f"{name}:{SWAPPED}:create",
            "GET": f"{name}:read",
            "DELETE": f"{name}:delete",
        }.get(method, ""),
    }.get(api, f"{name}:{operation[1:]}")
    return needed in scopes and any(scope.startswith("dpv:") for scope in scopes)


def _written(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
