// What is the operator's own: its subscribers, its SMSC, and the key that its references are hashed under.
// Replace it all. Here the subscribers are a JSON file and the handsets are files too, so that the kit can look at them.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const KEY_EPOCH = '1'; // another key has another epoch

// The key, made at the first start: under another one every subscriber and SIM would seem to have changed.
function keptKey(file) {
  if (!fs.existsSync(file)) fs.writeFileSync(file, crypto.randomBytes(32), { mode: 0o600, flag: 'wx' });
  return fs.readFileSync(file);
}

class Records {
  constructor(file) {
    this.file = file;
    this.key = keptKey(path.join(path.dirname(file), 'reference.key'));
    this.read();
  }

  read() {
    this.time = Math.floor(fs.statSync(this.file).mtimeMs / 1000); // when the CRM was last written
    this.all = new Map(Object.entries(JSON.parse(fs.readFileSync(this.file, 'utf8'))));
  }

  find(number) {
    return this.all.get(number);
  }

  // The outcome of a number that has no subscriber.
  nobody(number) {
    return number.startsWith('+7916') ? 'not_assigned' : 'not_served';
  }

  // Hash what must not leave you.
  reference(kind, secret) {
    const hash = crypto.createHmac('sha256', this.key).update(`${kind}/${secret}`);
    return { reference: hash.digest(), key_epoch: KEY_EPOCH };
  }

  // The reference of who has the number: another one where it is given out anew.
  subscriber(number, found) {
    return this.reference('subscriber', `${number}/${found.since}`);
  }
}

class Handsets {
  constructor(directory) {
    this.directory = directory;
    fs.mkdirSync(directory, { recursive: true });
  }

  deliver(number, text) {
    fs.appendFileSync(path.join(this.directory, `${number}.txt`), `${text}\n`);
  }
}

const SOURCES = {
  subscriber_ref: 'crm',
  sim_ref: 'hlr',
  line_type: 'crm',
  sms_service: 'hlr',
  reachability: 'hlr',
  recycled: 'crm',
  sim_change: 'crm',
};
const BASES = { sim_ref: 'REFERENCE_BASIS_DIRECT' };
const WATCHED = ['SIM_CHANGE', 'PORT_OUT', 'TERMINATED', 'REASSIGNED'].map((name) => `EVENT_KIND_${name}`);

// Every signal you know, by its name.
function signals(records, number, found, since) {
  const change = { change_time: { seconds: found.swapped }, kind: 'SIM_CHANGE_KIND_REPLACED' };
  return {
    subscriber_ref: { value: records.subscriber(number, found) },
    sim_ref: { value: { ...records.reference('imsi', found.imsi), basis: BASES.sim_ref } },
    line_type: { value: `LINE_TYPE_${found.line}` },
    sms_service: { value: `SERVICE_STATE_${found.sms}` },
    reachability: { value: found.off ? 'REACHABILITY_NOT_REACHABLE' : 'REACHABILITY_REACHABLE' },
    recycled: { value: found.since > Number(since ? since.seconds : 0), since_time: since },
    sim_change: found.swapped ? { value: change } : {},
  };
}

// Kind and field of what happened to a subscriber, by the record that he had; nothing where nothing did.
function whatHappened(records, number, found, was) {
  if (!found) return ['EVENT_KIND_TERMINATED', { terminated: {} }];
  if (found.ported_to) return ['EVENT_KIND_PORT_OUT', { port_out: { to_operator_id: found.ported_to } }];
  if (found.since !== was.since) {
    return ['EVENT_KIND_REASSIGNED', { reassigned: { subscriber_ref: records.subscriber(number, found) } }];
  }
  if (found.imsi !== was.imsi) return ['EVENT_KIND_SIM_CHANGE', { sim_change: { kind: 'SIM_CHANGE_KIND_REPLACED' } }];
  return [];
}

module.exports = { BASES, Handsets, Records, SOURCES, WATCHED, signals, whatHappened };
