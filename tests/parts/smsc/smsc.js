// An SMSC for tests, built on an SMPP codec that is not Numseal's. It listens on a free loopback port, takes orders as
// JSON lines on its standard input, answers each with a JSON line, and ends when its input does.
//
//   {"set": {...}}            change behaviours (see `behavior`)           -> {"done": "set"}
//   {"seen": true}            what was submitted, oldest first, and counts -> {"messages": [...], "counts": {...}}
//   {"unbind": true}          unbind every session
//   {"enquire": true}         enquire every session; answered once all did
//   {"drop": true}            cut every connection
//   {"deliver": {...}}        deliver_sm with these fields; answered with the response's status
//   {"raw": "hex"}            write octets to every session
//   {"stop": true}, {"resume": true}   refuse connections, and cut those there are; listen again on the same port
//   {"receipts": true}        send the receipts that were held
//
// Its first line is {"port": N}. With SMSC_CERTIFICATE and SMSC_KEY (PEM) in its environment it speaks TLS.
'use strict';

const readline = require('readline');
const { randomUUID } = require('crypto');
const smpp = require('smpp');

const MOST_KEPT = 1000;

const behavior = {
  systemId: 'numseal',
  password: 'secret',
  bind: 'answer', // or 'silent', or a command_status
  greet: null, // fields of a deliver_sm that is sent straight after the bind
  submit: 'answer', // or 'silent', 'twice', 'drop', 'nack'
  status: 0, // command_status of responses
  statusCount: null, // how many responses have it; null: all
  ids: 'decimal', // how responses tell ids: 'decimal', 'hex', 'uuid', 'padded', 'none'
  receiptIds: 'same', // how receipts do: 'same', 'decimal', 'hex', 'padded'
  receipt: 'after', // or 'before', 'held', 'never'
  form: 'both', // id and state in 'text', in 'parameters', or in 'both'
  through: 'deliver_sm', // or 'data_sm'
  flagged: true, // whether esm_class says that it is a receipt
  stat: 'DELIVRD',
  error: '000',
  repeat: 1, // how often each receipt is sent
  swapped: false, // leave source and destination as in the message
  unnumbered: false, // tell no addresses
  enquire: 'answer', // or 'silent'
};

const STATES = ['', 'ENROUTE', 'DELIVRD', 'EXPIRED', 'DELETED', 'UNDELIV', 'ACCEPTD', 'UNKNOWN', 'REJECTD'];

const sessions = new Set();
const messages = [];
const counts = { binds: 0, submits: 0, receipts: 0, unbinds: 0, enquiries: 0, acknowledged: 0 };
let held = [];
let last = 0xa0000000;

function newId() {
  last += 1;
  if (behavior.ids === 'uuid') return { response: randomUUID(), number: null };
  if (behavior.ids === 'none') return { response: '', number: last };
  return { response: written(last, behavior.ids), number: last };
}

function written(number, form) {
  if (form === 'hex') return number.toString(16).toUpperCase();
  if (form === 'padded') return String(number).padStart(20, '0');
  return String(number);
}

function receiptFor(pdu, id) {
  const same = behavior.receiptIds === 'same' || id.number === null;
  const name = same ? id.response : written(id.number, behavior.receiptIds);
  const fields = {
    source_addr_ton: 1,
    source_addr_npi: 1,
    source_addr: behavior.unnumbered ? '' : pdu.destination_addr,
    destination_addr: behavior.unnumbered ? '' : pdu.source_addr,
    esm_class: behavior.flagged ? 0x04 : 0,
  };
  if (behavior.swapped) [fields.source_addr, fields.destination_addr] = [fields.destination_addr, fields.source_addr];
  const text =
    `id:${name} sub:001 dlvrd:001 submit date:2506151506 done date:2506151507 ` +
    `stat:${behavior.stat} err:${behavior.error} text:`;
  if (behavior.form !== 'parameters') {
    if (behavior.through === 'data_sm') fields.message_payload = { message: Buffer.from(text) };
    else fields.short_message = Buffer.from(text);
  }
  if (behavior.form !== 'text') {
    fields.receipted_message_id = name;
    fields.message_state = STATES.indexOf(behavior.stat);
  }
  return fields;
}

function sendReceipts(session, fields, through, times) {
  for (let time = 0; time < times; time += 1) {
    counts.receipts += 1;
    session[through]({ ...fields }, () => {
      counts.acknowledged += 1;
    });
  }
}

function keep(pdu, octets) {
  if (messages.length === MOST_KEPT) return;
  const short = pdu.short_message || {};
  messages.push({
    source: pdu.source_addr,
    sourceTon: pdu.source_addr_ton,
    sourceNpi: pdu.source_addr_npi,
    destination: pdu.destination_addr,
    destinationTon: pdu.dest_addr_ton,
    destinationNpi: pdu.dest_addr_npi,
    dataCoding: pdu.data_coding,
    esmClass: pdu.esm_class,
    registered: pdu.registered_delivery,
    validity: octets(pdu.validity_period),
    text: short.message,
    header: short.udh ? Buffer.concat([].concat(short.udh)).toString('hex') : '',
    payload: pdu.message_payload ? pdu.message_payload.message : '',
    time: Date.now(),
  });
}

function submit(session, pdu) {
  counts.submits += 1;
  keep(pdu, (value) => (value instanceof Date ? value.toISOString() : value));
  if (behavior.submit === 'silent') return;
  if (behavior.submit === 'drop') {
    session.destroy();
    return;
  }
  if (behavior.submit === 'nack') {
    session.generic_nack({ sequence_number: pdu.sequence_number, command_status: 0x02 });
    return;
  }
  let status = behavior.status;
  if (status && behavior.statusCount !== null) {
    if (behavior.statusCount === 0) status = 0;
    else behavior.statusCount -= 1;
  }
  if (status) {
    session.send(pdu.response({ command_status: status }));
    return;
  }
  const id = newId();
  const fields = receiptFor(pdu, id);
  const wanted = pdu.registered_delivery & 1;
  const { through, repeat, receipt } = behavior;
  if (wanted && receipt === 'before') sendReceipts(session, fields, through, repeat);
  session.send(pdu.response({ message_id: id.response }));
  if (behavior.submit === 'twice') session.send(pdu.response({ message_id: id.response }));
  if (wanted && receipt === 'after') sendReceipts(session, fields, through, repeat);
  if (wanted && receipt === 'held') held.push([session, fields, through, repeat]);
}

function bound(session) {
  session.on('submit_sm', (pdu) => submit(session, pdu));
  if (behavior.greet) session.deliver_sm(behavior.greet);
}

function accept(session) {
  sessions.add(session);
  session.on('close', () => sessions.delete(session));
  session.on('error', () => session.destroy());
  session.on('bind_transceiver', (pdu) => {
    counts.binds += 1;
    if (behavior.bind === 'silent') return;
    let status = Number.isInteger(behavior.bind) ? behavior.bind : 0;
    if (pdu.system_id !== behavior.systemId) status = smpp.ESME_RINVSYSID;
    else if (pdu.password !== behavior.password) status = smpp.ESME_RINVPASWD;
    session.send(status ? pdu.response({ command_status: status }) : pdu.response({ system_id: 'smsc' }));
    if (!status) bound(session);
  });
  session.on('enquire_link', (pdu) => {
    counts.enquiries += 1;
    if (behavior.enquire === 'answer') session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    counts.unbinds += 1;
    session.send(pdu.response());
    session.close();
  });
}

const tls = process.env.SMSC_CERTIFICATE
  ? { cert: process.env.SMSC_CERTIFICATE, key: process.env.SMSC_KEY }
  : {};
const server = smpp.createServer(tls, accept);
// A client that refuses our certificate is none of our failures.
server.on('tlsClientError', () => {});

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function all(ask) {
  return Promise.all([...sessions].map((session) => new Promise((resolve) => ask(session, resolve))));
}

async function obey(order) {
  if (order.set) {
    Object.assign(behavior, order.set);
    return { done: 'set' };
  }
  if (order.seen) return { messages, counts };
  if (order.unbind) await all((session, done) => session.unbind(done));
  if (order.enquire) await all((session, done) => session.enquire_link(done));
  if (order.drop || order.stop) sessions.forEach((session) => session.destroy());
  if (order.stop) await new Promise((resolve) => server.close(resolve));
  if (order.resume) await new Promise((resolve) => server.listen(order.resume, '127.0.0.1', resolve));
  if (order.raw) sessions.forEach((session) => session.socket.write(Buffer.from(order.raw, 'hex')));
  if (order.receipts) {
    const due = held;
    held = [];
    due.forEach((one) => sendReceipts(...one));
  }
  if (order.deliver) {
    const answers = await all((session, done) => session.deliver_sm(order.deliver, done));
    return { statuses: answers.map((pdu) => pdu.command_status) };
  }
  return { done: Object.keys(order)[0] };
}

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line)).then(say))
  .on('close', () => process.exit(0));

server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
