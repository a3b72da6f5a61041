import { afterEach, expect, test, vi } from 'vitest';
import { change } from './client';

afterEach(() => vi.unstubAllGlobals());

/** The last request, as the browser would have it. */
let sent: Fake;
class Fake {
  upload: { onprogress?: (event: { lengthComputable: boolean; loaded: number; total: number }) => void } = {};
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  onloadend?: () => void;
  status = 0;
  statusText = '';
  responseText = '';
  headers: Record<string, string> = {};
  asked = '';
  body: unknown;
  constructor() {
    sent = this;
  }
  open(method: string, url: string): void {
    this.asked = `${method} ${url}`;
  }
  setRequestHeader(name: string, value: string): void {
    this.headers[name.toLowerCase()] = value;
  }
  getResponseHeader(): string {
    return 'application/json';
  }
  send(body: unknown): void {
    this.body = body;
  }
  abort(): void {
    this.onabort?.();
  }
  answer(status: number, body: unknown): void {
    Object.assign(this, { status, responseText: body === undefined ? '' : JSON.stringify(body) });
    this.onload?.();
    this.onloadend?.();
  }
}

/** Sends something, and hears how far it is. */
function begin(): { answer: Promise<unknown>; heard: number[] } {
  vi.stubGlobal('XMLHttpRequest', Fake);
  const heard: number[] = [];
  return { heard, answer: change('POST', '/api/v1/restore', { file: 'AAAA' }, { headers: { 'If-Match': '"1"' }, progress: (share) => heard.push(share) }) };
}

test('what is sent is the same as ever, and how much of it is told', async () => {
  const { answer, heard } = begin();
  expect([sent.asked, sent.body, sent.headers]).toEqual(['POST /api/v1/restore', '{"file":"AAAA"}', { 'content-type': 'application/json', 'if-match': '"1"' }]);
  sent.upload.onprogress?.({ lengthComputable: true, loaded: 5, total: 20 });
  sent.upload.onprogress?.({ lengthComputable: false, loaded: 9, total: 0 });
  sent.upload.onprogress?.({ lengthComputable: true, loaded: 20, total: 20 });
  sent.answer(200, { revision: '2' });
  expect(await answer).toEqual({ revision: '2' });
  expect(heard).toEqual([0.25, 1]);
});

test('a refusal and a lost connection are told as of any request', async () => {
  const refused = begin();
  sent.answer(412, { code: 'stale', detail: 'changed meanwhile' });
  await expect(refused.answer).rejects.toMatchObject({ status: 412, code: 'stale', detail: 'changed meanwhile' });
  const lost = begin();
  sent.onerror?.();
  await expect(lost.answer).rejects.toMatchObject({ status: 0, code: 'unreachable' });
});
