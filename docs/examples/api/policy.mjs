// Switch password-change notices on, read the policy, and tell of a change: with Node 18 or newer.
// Needs API (such as http://127.0.0.1:8080), TOKEN, and ORG in the environment.
import { randomUUID } from 'node:crypto';

const { API, TOKEN, ORG } = process.env;

async function call(method, path, body) {
  const answer = await fetch(API + path, {
    method,
    headers: { Authorization: `Bearer ${TOKEN}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return answer.json();
}

console.log(await call('PUT', '/management/v1/policies/notification', { passwordChange: true }));
console.log(await call('GET', '/management/v1/policies/notification'));
console.log(await call('POST', '/v1/events', {
  id: `node-${randomUUID()}`,
  org_id: ORG,
  occurred_at: new Date().toISOString(),
  user: { id: 'u-1', email: 'ada@example.org' },
  change: 'change',
}));
