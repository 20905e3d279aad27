// A client of Node.js that has the conversations it reads, all at once, and prints
// what it saw in each. client.cjs URL < conversations.json; node's modules: NODE_PATH.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const WebSocket = require('ws');

const [url] = process.argv.slice(2);
const conversations = JSON.parse(fs.readFileSync(0, 'utf8'));
const PATIENCE = 60000;
const pattern = Buffer.from('0123456789abcdef');

function data(step) {
  if (step.data !== undefined) return Buffer.from(step.data, step.hex ? 'hex' : 'utf8');
  return Buffer.alloc(step.size, step.do === 'binary' ? Buffer.from(Array.from({length: 65536}, (_, i) => (i * i * 31 + i * 7) % 256)) : pattern);
}

function seen(kind, p) {
  return [kind, p.length, crypto.createHash('sha256').update(p).digest('hex').slice(0, 16)];
}

function converse(c) {
  const events = [];
  const inbox = []; // messages and the end, until a step wants them
  let wake = () => {};
  const arrived = (event) => {
    inbox.push(event);
    wake();
  };
  const next = async () => {
    while (inbox.length === 0) await new Promise((resolve) => (wake = resolve));
    return inbox.shift();
  };
  let deflate = false;
  if (c.deflate) {
    deflate = {threshold: 0};
    if (c.serverBits) deflate.serverMaxWindowBits = c.serverBits;
    if (c.clientBits) deflate.clientMaxWindowBits = c.clientBits;
    if (c.noTakeover) deflate.serverNoContextTakeover = deflate.clientNoContextTakeover = true;
  }
  const socket = new WebSocket(url + c.path, {perMessageDeflate: deflate, maxPayload: c.maxSize || 0});
  socket.on('message', (p, binary) => arrived(seen(binary ? 'binary' : 'text', p)));
  socket.on('close', (code, reason) => arrived(['closed', code, reason.toString()]));
  socket.on('error', () => {}); // 'close' follows
  let answer = '';
  socket.on('upgrade', (response) => (answer = response.headers['sec-websocket-extensions'] || ''));
  const opened = new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const ping = (p) => new Promise((resolve) => {
    socket.once('pong', (q) => resolve(events.push(['pong', q.toString()])));
    socket.ping(p);
  });
  const steps = {
    text: (step) => socket.send(data(step), {binary: false}),
    binary: (step) => socket.send(data(step), {binary: true}),
    ping: (step) => ping(step.data),
    async fragments(step) {
      for (const [i, part] of step.parts.entries()) {
        const fin = i === step.parts.length - 1;
        socket.send(part, {binary: step.binary || false, fin});
        if (!fin) await ping(`after ${i}`);
      }
    },
    async next() {
      events.push(await next());
    },
    async close(step) {
      socket.close(step.code, step.reason);
      events.push(await next());
    },
    wait: (step) => new Promise((resolve) => setTimeout(resolve, step.ms)),
  };
  const talk = async () => {
    await opened;
    events.push(['open', answer]);
    for (const step of c.steps) await steps[step.do](step);
    socket.terminate();
    return events;
  };
  const stuck = new Promise((resolve) => setTimeout(() => resolve(events.concat([['stuck']])), PATIENCE));
  return Promise.race([talk(), stuck]);
}

Promise.all(conversations.map((c) => converse(c).catch((e) => [['failed', String(e)]]))).then((all) => {
  process.stdout.write(JSON.stringify(all), () => process.exit());
});
