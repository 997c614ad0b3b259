"""An operator's backend for Numseal: the contract, whole. What is your own is in yours.py.

It looks numbers up, sends texts and codes of its own, and tells of SIM changes and of numbers that leave. Answers,
codes and events are kept in memory; production keeps them in a database, so that a restart forgets nothing.
"""
# ruff: noqa: N802, PLR2004 - calls are named by the contract, whose numbers are explained there

import argparse
import asyncio
import hmac
import secrets
from collections import deque
from contextlib import suppress
from pathlib import Path

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from yours import BASES, SOURCES, WATCHED, Handsets, Records, signals, what_happened

from numseal.api.operator.v1 import event_pb2 as e
from numseal.api.operator.v1 import operator_pb2 as o
from numseal.api.operator.v1 import operator_pb2_grpc
from numseal.api.operator.v1 import subscriber_pb2 as s

DAY, ATTEMPTS, MAX_TEXT, KEPT_EVENTS = 86_400, 5, 480, 10_000


def now():
    time = Timestamp()
    time.GetCurrentTime()
    return time


def kind_of(name):
    return s.SignalKind.Value(f"SIGNAL_KIND_{name.upper()}")


class MalformedError(Exception): ...


def need(condition, sentence):
    if not condition:
        raise MalformedError(sentence)


def answered_once(method):
    """Refuse a malformed request, and give the same request_id the same answer."""

    async def call(self, request, context):
        known = (method.__name__, request.request_id)
        try:
            need(0 < len(known[1]) <= 128 and known[1].isprintable(), "request_id: 1 to 128 printable characters")
            if hasattr(request, "phone_number"):
                digits = request.phone_number.removeprefix("+")
                fits = request.phone_number.startswith("+") and digits.isascii() and digits.isdigit()
                need(fits and digits[0] != "0" and 7 <= len(digits) <= 15, "phone_number: E.164 with +")
            if hasattr(request, "agreement_id"):
                need(0 < len(request.agreement_id) <= 64, "agreement_id: 1 to 64 characters")
            if known not in self.answers:
                self.answers[known] = method(self, request)  # production: kept for 24 hours, in the database
            return self.answers[known]
        except MalformedError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    return call


class Backend(operator_pb2_grpc.OperatorBackendServicer):
    """Network checks are not announced: the base class answers them with UNIMPLEMENTED."""

    def __init__(self, records, inbox, heartbeat=5.0):
        self.records, self.handsets, self.heartbeat = Records(records), Handsets(inbox), heartbeat
        self.answers, self.codes, self.watches = {}, {}, {}  # watches: number -> (watch_id, kinds, record)
        self.events, self.newest = deque(maxlen=KEPT_EVENTS), 0  # events are numbered; a cursor is one's number
        self.epoch, self.news = secrets.token_hex(4), asyncio.Event()

    async def GetCapabilities(self, request, context):
        told = o.GetCapabilitiesResponse(contract_version="1.0", operator_id="example", plmns=["250-01"])
        for name, source in SOURCES.items():
            told.signals.add(signal=kind_of(name), source=source, basis=BASES.get(name, 0))
        told.methods.add(method=o.METHOD_SMS, max_text_length=MAX_TEXT)
        told.methods.add(method=o.METHOD_OPERATOR_CODE)
        for kind in (*WATCHED, e.EVENT_KIND_DELIVERY):
            told.events.add(kind=kind)
        told.idempotency_window.seconds, told.event_retention.seconds, told.prior_codes_valid = DAY, DAY, True
        told.rates.add(operation=o.OPERATION_LOOK_UP_SUBSCRIBER, per_second=200)
        told.server_time.CopyFrom(now())
        return told

    @answered_once
    def LookUpSubscriber(self, request):
        kinds = list(request.signals)
        need(kinds and 0 not in kinds and len(set(kinds)) == len(kinds), "signals: at least one, each once")
        need(request.phase and request.purpose, "phase, purpose: required")
        need(len(request.consent_reference.encode()) <= 255, "consent_reference: at most 255 bytes")
        need(request.max_age.seconds >= 0, "max_age: at least 0")
        need(kind_of("recycled") not in kinds or request.HasField("since_time"), "since_time: required for recycled")
        echo = {"request_id": request.request_id, "phone_number": request.phone_number}
        answer = o.LookUpSubscriberResponse(**echo, lookup_reference=secrets.token_hex(8))
        found = self.records.find(request.phone_number)
        if found is None:
            getattr(answer, self.records.nobody(request.phone_number)).SetInParent()
        elif "ported_to" in found:
            answer.ported.operator_id, answer.ported.plmn = found["ported_to"], found["ported_plmn"]
        else:
            answer.subscriber.SetInParent()
            for name, source, fields in signals(self.records, request.phone_number, found, request.since_time):
                if kind_of(name) in kinds:
                    signal = getattr(answer.subscriber, name)
                    signal.MergeFrom(type(signal)(**fields))
                    seen = now().seconds if source == "hlr" else self.records.time
                    old = request.HasField("max_age") and now().seconds - seen > request.max_age.seconds
                    signal.meta.state = s.SIGNAL_STATE_STALE if old else s.SIGNAL_STATE_OK
                    signal.meta.source, signal.meta.observe_time.seconds = source, seen
                    signal.meta.coverage_start_time.seconds = found["since"]
        return answer

    @answered_once
    def SendCode(self, request):
        content = {o.METHOD_SMS: "text", o.METHOD_OPERATOR_CODE: "operator_code"}.get(request.method)
        need(content and request.WhichOneof("content") == content, "method: a text by SMS, or OPERATOR_CODE")
        order = request.operator_code
        need(order.length == 0 or 4 <= order.length <= 10, "operator_code.length: 4 to 10")
        need(request.locale and request.expire_time.seconds > now().seconds, "locale, expire_time: required, to come")
        text = request.text if content == "text" else order.text or "Your code is {{code}}"
        fits = 0 < len(text) <= MAX_TEXT and (content == "text" or "{{code}}" in text)
        found = self.records.find(request.phone_number)
        answer = o.SendCodeResponse(outcome=o.SEND_OUTCOME_ACCEPTED, prior_codes_valid=True)
        if found is None or "ported_to" in found:
            answer.outcome = o.SEND_OUTCOME_NOT_OURS
        elif found["line"] != "MOBILE":
            answer.outcome = o.SEND_OUTCOME_LINE_TYPE
        elif found["sms"] != "ON":
            answer.outcome = o.SEND_OUTCOME_BARRED
        elif request.sender_id or order.template or not fits:  # neither is announced
            answer.outcome = o.SEND_OUTCOME_CONTENT
        else:
            answer.delivery_id = secrets.token_hex(8)
            if content == "operator_code":
                answer.length, answer.challenge = order.length or 6, secrets.token_bytes(16)
                answer.expire_time.CopyFrom(request.expire_time)
                digits = str(secrets.randbelow(10**answer.length)).zfill(answer.length)
                code = {"number": request.phone_number, "digits": digits, "ends": request.expire_time.seconds}
                self.codes[answer.challenge] = code | {"attempts": ATTEMPTS, "used": False}
                text = text.replace("{{code}}", digits)
            self.handsets.deliver(request.phone_number, text)
            self.happened(delivery=e.DeliveryEvent(delivery_id=answer.delivery_id, status=e.DELIVERY_STATUS_DELIVERED))
        return answer

    @answered_once
    def CheckCode(self, request):
        need(len(request.challenge) <= 1_024, "challenge: at most 1 KiB")
        code = self.codes.get(request.challenge)
        if code is None or code["number"] != request.phone_number:
            return o.CheckCodeResponse(outcome=o.CHECK_OUTCOME_UNKNOWN)
        if code["used"]:
            return o.CheckCodeResponse(outcome=o.CHECK_OUTCOME_USED)
        if now().seconds >= code["ends"]:
            return o.CheckCodeResponse(outcome=o.CHECK_OUTCOME_EXPIRED)
        if code["attempts"] == 0:
            return o.CheckCodeResponse(outcome=o.CHECK_OUTCOME_EXHAUSTED)
        code["attempts"] -= 1
        code["used"] = hmac.compare_digest(code["digits"].encode(), request.code.encode())
        outcome = o.CHECK_OUTCOME_MATCH if code["used"] else o.CHECK_OUTCOME_MISMATCH
        return o.CheckCodeResponse(outcome=outcome, attempts_remaining=code["attempts"])

    @answered_once
    def WatchSubscriber(self, request):
        kinds = set(request.kinds)
        need(kinds and not kinds & {0, e.EVENT_KIND_DELIVERY}, "kinds: at least one, DELIVERY is not among them")
        found = self.records.find(request.phone_number)
        need(found and "imsi" in found, "phone_number: not a subscriber of ours")
        watch_id, others, was = self.watches.get(request.phone_number, (secrets.token_hex(8), set(), found))
        self.watches[request.phone_number] = (watch_id, others | kinds, was)
        return o.WatchSubscriberResponse(watch_id=watch_id)

    @answered_once
    def UnwatchSubscriber(self, request):
        self.watches = {number: watch for number, watch in self.watches.items() if watch[0] != request.watch_id}
        return o.UnwatchSubscriberResponse()

    async def StreamEvents(self, request, context):
        epoch, _, place = request.cursor.partition("-")
        seen = int(place) if epoch == self.epoch and place.isdecimal() else -1 if request.cursor else self.newest
        while self.newest - len(self.events) <= seen <= self.newest:
            news = self.news
            beat = e.Event(cursor=f"{self.epoch}-{seen}", observe_time=now(), heartbeat=e.HeartbeatEvent())
            yield o.StreamEventsResponse(event=beat)
            for event in list(self.events)[len(self.events) - (self.newest - seen) :]:
                yield o.StreamEventsResponse(event=event)
                seen += 1
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(news.wait(), self.heartbeat)
        oldest = {"oldest_cursor": f"{self.epoch}-{self.newest - len(self.events)}"}
        info = error_details_pb2.ErrorInfo(reason="CURSOR_TOO_OLD", domain="example", metadata=oldest)
        status = status_pb2.Status(code=11, message="the cursor is too old")  # 11 is OUT_OF_RANGE
        status.details.add().Pack(info)
        await context.abort_with_status(rpc_status.to_status(status))

    def happened(self, **what):
        """Keep an event for all streams, under the next cursor."""
        self.newest += 1
        name = f"{self.epoch}-{self.newest}"
        self.events.append(e.Event(event_id=name, cursor=name, occur_time=now(), observe_time=now(), **what))
        self.news.set()
        self.news = asyncio.Event()

    async def look_for_changes(self, every=0.5):
        """Compare watched numbers with what they were; better, let your systems call `happened`."""
        while True:
            await asyncio.sleep(every)
            self.records.read()
            for number, (watch_id, kinds, was) in list(self.watches.items()):
                found = self.records.find(number)
                kind, what = what_happened(self.records, number, found, was)
                if kind == e.EVENT_KIND_SIM_CHANGE:
                    self.watches[number] = (watch_id, kinds, found)
                elif kind:
                    del self.watches[number]  # the subscriber is gone, and the watch with him
                if kind in kinds:
                    self.happened(watch_id=watch_id, **what)


async def serve(options):
    server = grpc.aio.server()
    backend = Backend(options.records, options.inbox)
    operator_pb2_grpc.add_OperatorBackendServicer_to_server(backend, server)
    if options.certificate:
        pair = (options.key.read_bytes(), options.certificate.read_bytes())
        clients = options.client_ca.read_bytes() if options.client_ca else None
        credentials = grpc.ssl_server_credentials([pair], clients, require_client_auth=clients is not None)
        port = server.add_secure_port(options.listen, credentials)
    else:
        port = server.add_insecure_port(options.listen)
    await server.start()
    print(f"port {port}", flush=True)
    await backend.look_for_changes()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1:7001")
    parser.add_argument("--records", type=Path, default="subscribers.json")
    parser.add_argument("--inbox", type=Path, default="inbox")
    for name in ("certificate", "key", "client-ca"):
        parser.add_argument(f"--{name}", type=Path)
    asyncio.run(serve(parser.parse_args()))
