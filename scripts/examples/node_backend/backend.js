// An operator's backend for Numseal: the contract, whole. What is your own is in yours.js.
// It looks numbers up, sends texts and codes of its own, and tells of SIM changes and of numbers that leave. Answers,
// codes and events are kept in memory; production keeps them in a database, so that a restart forgets nothing.
'use strict';

const crypto = require('node:crypto');
const { EventEmitter } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { parseArgs } = require('node:util');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');
const { BASES, Handsets, Records, SOURCES, WATCHED, signals, whatHappened } = require('./yours.js');

const [DAY, ATTEMPTS, MAX_TEXT, KEPT_EVENTS] = [86_400, 5, 480, 10_000];
const DIRECTORY = path.join(__dirname, '..', '..', '..', 'protos');

// How an error says more than its code (google/rpc/status.proto, google/rpc/error_details.proto).
const { root: rpc } = protobuf.parse(`syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }`, { keepCase: true });

const token = (bytes = 8) => crypto.randomBytes(bytes).toString('hex');
const seconds = () => Math.floor(Date.now() / 1000);
const now = () => ({ seconds: seconds() });
const kindOf = (name) => `SIGNAL_KIND_${name.toUpperCase()}`;
const same = (one, other) => one.length === other.length && crypto.timingSafeEqual(Buffer.from(one), Buffer.from(other));

class MalformedError extends Error {}

const need = (condition, sentence) => { if (!condition) throw new MalformedError(sentence); };

// Refuse a malformed request, and give the same request_id the same answer.
function answeredOnce(name, answers, method) {
  return (call, callback) => {
    const request = call.request;
    const known = `${name} ${request.request_id}`;
    try {
      need(/^[^\p{C}]{1,128}$/u.test(request.request_id), 'request_id: 1 to 128 printable characters');
      if ('phone_number' in request) need(/^\+[1-9][0-9]{6,14}$/.test(request.phone_number), 'phone_number: E.164 with +');
      if ('agreement_id' in request) need(/^.{1,64}$/.test(request.agreement_id), 'agreement_id: 1 to 64 characters');
      if (!answers.has(known)) answers.set(known, method(request)); // production: kept for 24 hours, in the database
      callback(null, answers.get(known));
    } catch (error) {
      const code = error instanceof MalformedError ? grpc.status.INVALID_ARGUMENT : grpc.status.INTERNAL;
      callback({ code, details: code === grpc.status.INTERNAL ? 'internal' : error.message });
    }
  };
}

class Backend {
  constructor(options) {
    this.records = new Records(options.records);
    this.handsets = new Handsets(options.inbox);
    this.heartbeat = Number(options.heartbeat) * 1000;
    this.codes = new Map(); // challenge, hex -> code
    this.watches = new Map(); // number -> watch
    this.epoch = token(4);
    this.events = []; // events are numbered; a cursor is one's number
    this.newest = 0;
    this.news = new EventEmitter().setMaxListeners(0);
  }

  // The calls as @grpc/grpc-js wants them. Network checks are not announced: without a handler they are UNIMPLEMENTED.
  handlers() {
    const answers = new Map();
    const once = (name) => answeredOnce(name, answers, (request) => this[name](request));
    const names = ['LookUpSubscriber', 'SendCode', 'CheckCode', 'WatchSubscriber', 'UnwatchSubscriber'];
    return {
      GetCapabilities: (call, callback) => callback(null, this.capabilities()),
      StreamEvents: (call) => this.stream(call),
      ...Object.fromEntries(names.map((name) => [name, once(name)])),
    };
  }

  capabilities() {
    return {
      contract_version: '1.0',
      operator_id: 'example',
      plmns: ['250-01'],
      signals: Object.entries(SOURCES).map(([name, source]) => ({ signal: kindOf(name), source, basis: BASES[name] })),
      methods: [{ method: 'METHOD_SMS', max_text_length: MAX_TEXT }, { method: 'METHOD_OPERATOR_CODE' }],
      events: [...WATCHED, 'EVENT_KIND_DELIVERY'].map((kind) => ({ kind })),
      idempotency_window: { seconds: DAY },
      event_retention: { seconds: DAY },
      prior_codes_valid: true,
      rates: [{ operation: 'OPERATION_LOOK_UP_SUBSCRIBER', per_second: 200 }],
      server_time: now(),
    };
  }

  LookUpSubscriber(request) {
    const kinds = new Set(request.signals);
    const once = kinds.size === request.signals.length && !kinds.has('SIGNAL_KIND_UNSPECIFIED');
    need(kinds.size > 0 && once, 'signals: at least one, each once');
    need(request.phase !== 'LOOKUP_PHASE_UNSPECIFIED' && request.purpose !== 'PURPOSE_UNSPECIFIED', 'phase, purpose: required');
    need(Buffer.byteLength(request.consent_reference) <= 255, 'consent_reference: at most 255 bytes');
    need(!request.max_age || Number(request.max_age.seconds) >= 0, 'max_age: at least 0');
    need(!kinds.has('SIGNAL_KIND_RECYCLED') || request.since_time, 'since_time: required for recycled');
    const answer = { request_id: request.request_id, phone_number: request.phone_number, lookup_reference: token() };
    const found = this.records.find(request.phone_number);
    if (!found) return { ...answer, [this.records.nobody(request.phone_number)]: {} };
    if (found.ported_to) return { ...answer, ported: { operator_id: found.ported_to, plmn: found.ported_plmn } };
    answer.subscriber = {};
    for (const [name, fields] of Object.entries(signals(this.records, request.phone_number, found, request.since_time))) {
      if (!kinds.has(kindOf(name))) continue;
      const source = SOURCES[name];
      const seen = source === 'hlr' ? seconds() : this.records.time;
      const old = request.max_age && seconds() - seen > Number(request.max_age.seconds);
      const state = old ? 'SIGNAL_STATE_STALE' : 'SIGNAL_STATE_OK';
      const meta = { state, source, observe_time: { seconds: seen }, coverage_start_time: { seconds: found.since } };
      answer.subscriber[name] = { ...fields, meta };
    }
    return answer;
  }

  SendCode(request) {
    const content = { METHOD_SMS: 'text', METHOD_OPERATOR_CODE: 'operator_code' }[request.method];
    need(content && request.content === content, 'method: a text by SMS, or OPERATOR_CODE');
    const order = request.operator_code || { length: 0 };
    need(order.length === 0 || (order.length >= 4 && order.length <= 10), 'operator_code.length: 4 to 10');
    const ends = request.expire_time ? Number(request.expire_time.seconds) : 0;
    need(request.locale && ends > seconds(), 'locale, expire_time: required, to come');
    let text = content === 'text' ? request.text : order.text || 'Your code is {{code}}';
    const fits = text.length > 0 && text.length <= MAX_TEXT && (content === 'text' || text.includes('{{code}}'));
    const found = this.records.find(request.phone_number);
    const refused = (outcome) => ({ outcome: `SEND_OUTCOME_${outcome}`, prior_codes_valid: true });
    if (!found || found.ported_to) return refused('NOT_OURS');
    if (found.line !== 'MOBILE') return refused('LINE_TYPE');
    if (found.sms !== 'ON') return refused('BARRED');
    if (request.sender_id || order.template || !fits) return refused('CONTENT'); // neither is announced
    const answer = { outcome: 'SEND_OUTCOME_ACCEPTED', delivery_id: token(), prior_codes_valid: true };
    if (content === 'operator_code') {
      answer.length = order.length || 6;
      answer.challenge = crypto.randomBytes(16);
      answer.expire_time = request.expire_time;
      const digits = Array.from({ length: answer.length }, () => crypto.randomInt(10)).join('');
      const code = { number: request.phone_number, digits, ends, attempts: ATTEMPTS, used: false };
      this.codes.set(answer.challenge.toString('hex'), code);
      text = text.replaceAll('{{code}}', digits);
    }
    this.handsets.deliver(request.phone_number, text);
    this.happened({ delivery: { delivery_id: answer.delivery_id, status: 'DELIVERY_STATUS_DELIVERED' } });
    return answer;
  }

  CheckCode(request) {
    need(request.challenge.length <= 1024, 'challenge: at most 1 KiB');
    const code = this.codes.get(request.challenge.toString('hex'));
    if (!code || code.number !== request.phone_number) return { outcome: 'CHECK_OUTCOME_UNKNOWN' };
    if (code.used) return { outcome: 'CHECK_OUTCOME_USED' };
    if (seconds() >= code.ends) return { outcome: 'CHECK_OUTCOME_EXPIRED' };
    if (code.attempts === 0) return { outcome: 'CHECK_OUTCOME_EXHAUSTED' };
    code.attempts -= 1;
    code.used = same(code.digits, request.code.replace(/[^0-9]/g, 'x'));
    return { outcome: `CHECK_OUTCOME_${code.used ? 'MATCH' : 'MISMATCH'}`, attempts_remaining: code.attempts };
  }

  WatchSubscriber(request) {
    const refused = ['EVENT_KIND_UNSPECIFIED', 'EVENT_KIND_DELIVERY'];
    need(request.kinds.length > 0 && !request.kinds.some((kind) => refused.includes(kind)), 'kinds: at least one, not DELIVERY');
    const found = this.records.find(request.phone_number);
    need(found && found.imsi, 'phone_number: not a subscriber of ours');
    const watch = this.watches.get(request.phone_number) || { watch_id: token(), kinds: new Set(), was: found };
    request.kinds.forEach((kind) => watch.kinds.add(kind));
    this.watches.set(request.phone_number, watch);
    return { watch_id: watch.watch_id };
  }

  UnwatchSubscriber(request) {
    for (const [number, watch] of this.watches) if (watch.watch_id === request.watch_id) this.watches.delete(number);
    return {};
  }

  stream(call) {
    const [epoch, place] = call.request.cursor.split('-');
    let seen = epoch === this.epoch && /^[0-9]+$/.test(place) ? Number(place) : call.request.cursor ? -1 : this.newest;
    const write = () => {
      const oldest = this.newest - this.events.length;
      if (seen < oldest || seen > this.newest) return call.emit('error', this.tooOld(oldest));
      for (const event of this.events.slice(seen - oldest)) call.write({ event });
      seen = this.newest;
      return call.write({ event: { cursor: `${this.epoch}-${seen}`, observe_time: now(), heartbeat: {} } });
    };
    const beat = setInterval(write, this.heartbeat);
    this.news.on('event', write);
    for (const end of ['cancelled', 'close', 'error']) {
      call.on(end, () => {
        clearInterval(beat);
        this.news.off('event', write);
      });
    }
    write();
  }

  tooOld(oldest) {
    const metadata = { oldest_cursor: `${this.epoch}-${oldest}` };
    const encode = (type, fields) => rpc.lookupType(type).encode(rpc.lookupType(type).fromObject(fields)).finish();
    const info = encode('ErrorInfo', { reason: 'CURSOR_TOO_OLD', domain: 'example', metadata });
    const any = { type_url: 'type.googleapis.com/google.rpc.ErrorInfo', value: info };
    const status = { code: grpc.status.OUT_OF_RANGE, message: 'the cursor is too old', details: [any] };
    const trailer = new grpc.Metadata();
    trailer.set('grpc-status-details-bin', Buffer.from(encode('Status', status)));
    return { code: status.code, details: status.message, metadata: trailer };
  }

  // Keep an event for all streams, under the next cursor.
  happened(what) {
    this.newest += 1;
    const name = `${this.epoch}-${this.newest}`;
    this.events.push({ event_id: name, cursor: name, occur_time: now(), observe_time: now(), ...what });
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    this.news.emit('event');
  }

  // Compare watched numbers with what they were; better, let your systems call `happened`.
  lookForChanges() {
    this.records.read();
    for (const [number, watch] of this.watches) {
      const found = this.records.find(number);
      const [kind, what] = whatHappened(this.records, number, found, watch.was);
      if (kind === 'EVENT_KIND_SIM_CHANGE') watch.was = found;
      else if (kind) this.watches.delete(number); // the subscriber is gone, and the watch with him
      if (watch.kinds.has(kind)) this.happened({ watch_id: watch.watch_id, ...what });
    }
  }
}

const defaults = { listen: '127.0.0.1:7001', records: 'subscribers.json', inbox: 'inbox', heartbeat: '5' };
const { values } = parseArgs({
  options: Object.fromEntries(
    ['listen', 'records', 'inbox', 'heartbeat', 'certificate', 'key', 'client-ca'].map((name) => [name, { type: 'string' }]),
  ),
});
const options = { ...defaults, ...values };
const backend = new Backend(options);
const loading = { keepCase: true, enums: String, longs: Number, defaults: true, oneofs: true, includeDirs: [DIRECTORY] };
const contract = grpc.loadPackageDefinition(protoLoader.loadSync('numseal/api/operator/v1/operator.proto', loading));
const server = new grpc.Server();
server.addService(contract.numseal.api.operator.v1.OperatorBackend.service, backend.handlers());
const pair = () => [{ private_key: fs.readFileSync(options.key), cert_chain: fs.readFileSync(options.certificate) }];
const clients = options['client-ca'] ? fs.readFileSync(options['client-ca']) : null;
const credentials = options.certificate
  ? grpc.ServerCredentials.createSsl(clients, pair(), clients !== null)
  : grpc.ServerCredentials.createInsecure();
server.bindAsync(options.listen, credentials, (error, port) => {
  if (error) throw error;
  setInterval(() => backend.lookForChanges(), 500);
  console.log(`port ${port}`);
});
