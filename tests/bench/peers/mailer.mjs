// BullMQ with pooled nodemailer: `node mailer.mjs work`; `node mailer.mjs publish FILE`.
import { readFileSync } from 'node:fs';
import { Queue, Worker } from 'bullmq';
import IORedis from 'ioredis';
import nodemailer from 'nodemailer';

const { BENCH_VALKEY, BENCH_PORT, BENCH_TEMPLATES } = process.env;
const connection = new IORedis({ path: BENCH_VALKEY, maxRetriesPerRequest: null });
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

// A template becomes a function once, as ejs compiles it.
function compile(name, escape = (value) => value) {
  const parts = readFileSync(`${BENCH_TEMPLATES}/${name}`, 'utf8').split(/{{ (\w+) }}/);
  return (values) => parts.map((part, at) => (at % 2 ? escape(values[part]) : part)).join('');
}

async function publish(file) {
  const queue = new Queue('mail', { connection });
  const jobs = readFileSync(file, 'utf8').trim().split('\n').map((line) => (
    { name: 'mail', data: JSON.parse(line), opts: { removeOnComplete: true } }));
  for (let at = 0; at < jobs.length; at += 1000) await queue.addBulk(jobs.slice(at, at + 1000));
  await queue.close();
  await connection.quit();
}

function work() {
  const subject = compile('subject.txt');
  const text = compile('body.txt');
  const html = compile('body.html', (value) => value.replace(/[&<>"']/g, (c) => ESCAPES[c]));
  const relay = nodemailer.createTransport({
    host: '127.0.0.1', port: Number(BENCH_PORT), secure: false, ignoreTLS: true,
    pool: true, maxConnections: 16, maxMessages: Infinity,
  });
  const worker = new Worker('mail', async ({ data }) => {
    const { user, org_id: org, context: { ip } } = data;
    const values = { name: user.display_name, email: user.email, org, ip };
    await relay.sendMail({
      from: 'Acme Security <no-reply@acme.example>', to: user.email,
      subject: subject(values), text: text(values), html: html(values),
    });
  }, { connection, concurrency: 128 });
  process.on('SIGTERM', async () => { await worker.close(true); process.exit(0); });
}

if (process.argv[2] === 'publish') await publish(process.argv[3]);
else work();
