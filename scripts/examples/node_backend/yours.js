// What is the operator's own: its subscribers, its SMSC, and the key that its references are hashed under.
// Replace it all. Here the subscribers are a JSON file and the handsets are files too, so that the kit can look at them.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

class Records {
  constructor(file) {
    this.file = file;
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

const KEY = crypto.randomBytes(32); // yours is kept for good, and another key has another epoch
const KEY_EPOCH = '1';

// Hash what must not leave you.
function reference(kind, secret) {
  return { reference: crypto.createHmac('sha256', KEY).update(`${kind}/${secret}`).digest(), key_epoch: KEY_EPOCH };
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
const WATCHED = ['EVENT_KIND_SIM_CHANGE', 'EVENT_KIND_PORT_OUT', 'EVENT_KIND_TERMINATED'];

// Every signal you know, by its name.
function signals(number, found, since) {
  const change = { change_time: { seconds: found.swapped }, kind: 'SIM_CHANGE_KIND_REPLACED' };
  return {
    subscriber_ref: { value: reference('subscriber', `${number}/${found.since}`) },
    sim_ref: { value: { ...reference('imsi', found.imsi), basis: BASES.sim_ref } },
    line_type: { value: `LINE_TYPE_${found.line}` },
    sms_service: { value: `SERVICE_STATE_${found.sms}` },
    reachability: { value: found.off ? 'REACHABILITY_NOT_REACHABLE' : 'REACHABILITY_REACHABLE' },
    recycled: { value: found.since > Number(since ? since.seconds : 0), since_time: since },
    sim_change: found.swapped ? { value: change } : {},
  };
}

// Kind and field of what happened to a subscriber who had a SIM; nothing where nothing did.
function whatHappened(found, imsi) {
  if (!found) return ['EVENT_KIND_TERMINATED', { terminated: {} }];
  if (found.ported_to) return ['EVENT_KIND_PORT_OUT', { port_out: { to_operator_id: found.ported_to } }];
  if (found.imsi !== imsi) return ['EVENT_KIND_SIM_CHANGE', { sim_change: { kind: 'SIM_CHANGE_KIND_REPLACED' } }];
  return [];
}

module.exports = { BASES, Handsets, Records, SOURCES, WATCHED, signals, whatHappened };
