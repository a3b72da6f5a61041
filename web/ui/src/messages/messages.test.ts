import { expect, test } from 'vitest';
import { en } from './en';
import { fr } from './fr';
import { id } from './id';
import { pick, type Messages } from './index';

type Leaf = string | ((...args: never[]) => string);

/** Every message by its place in the catalogue. */
function leaves(catalogue: object, place = ''): Map<string, Leaf> {
  const found = new Map<string, Leaf>();
  for (const [key, value] of Object.entries(catalogue)) {
    const at = place === '' ? key : `${place}.${key}`;
    if (typeof value === 'string' || typeof value === 'function') found.set(at, value as Leaf);
    else if (value !== null && value !== undefined) for (const [inner, one] of leaves(value as object, at)) found.set(inner, one);
  }
  return found;
}

const ENGLISH = leaves(en);

/** What is the same in English: names, units, commands, and the words that a language shares with it. */
const TECHNICAL = [
  'Vigie', 'API', 'TCP', 'RTSP', 'MQTT', 'SMART', 'ACME', 'SHA-256', 'GET', 'POST', 'PUT', 'STARTTLS', 'TLS', 'ntfy', 'Webhook', 'Broker', 'Codec', 'Zoom',
  'http-01, port 80', 'tls-alpn-01, port 443', 'journalctl -u vigie | grep setup',
];
const SHARED = {
  fr: [
    'Active', 'Configuration', 'Contact', 'Index', 'Information', 'Messages', 'Pages', 'Pause', 'Secret', 'Sessions', 'Supervision', 'Transport', 'Version',
    'minutes', 'page', '1 min', '5 min', '10 min',
  ],
  id: [
    'Administrator', 'Alarm', 'Bitrate', 'Buzzer', 'Chip', 'Delete', 'Enter', 'Escape', 'Folder', 'Log', 'Manual', 'Offline', 'Page up, page down', 'Push', 'Sensor',
    'Server', 'Sub-stream', 'Token', 'Video', 'disk', 'pull-down', 'pull-up',
  ],
};

test('a catalogue that lacks a key does not compile', () => {
  const { product: _, ...rest } = en;
  // @ts-expect-error `product` is missing
  const incomplete: Messages = rest;
  expect(incomplete).toBeDefined();
});

test.each([
  ['fr', fr],
  ['id', id],
] as const)('%s says all that English says, in words of its own', (language, other) => {
  const others = leaves(other);
  expect([...others.keys()].sort()).toEqual([...ENGLISH.keys()].sort());
  const same: string[] = [];
  for (const [place, message] of ENGLISH) {
    const translated = others.get(place);
    expect(typeof translated, place).toBe(typeof message);
    if (typeof translated === 'function' && typeof message === 'function') {
      expect(translated.length, place).toBe(message.length);
      continue;
    }
    expect(String(translated).trim() !== '' || message === '', place).toBe(true);
    if (translated === message && /\p{L}{3}/u.test(String(message)) && !String(message).includes('://')) same.push(String(message));
  }
  const known = new Set([...TECHNICAL, ...SHARED[language]]);
  expect(same.filter((words) => !known.has(words))).toEqual([]);
});

/** What functions take is put in somewhere, in every language. */
test.each([
  ['fr', fr],
  ['id', id],
] as const)('%s loses nothing that it is given', (_, other) => {
  const others = leaves(other);
  const lost: string[] = [];
  for (const [place, message] of ENGLISH) {
    if (typeof message !== 'function') continue;
    for (const given of [[7, 8, 9, 10], ['Alpha', 'Beta', 'Gamma', 'Delta']]) {
      let said: string;
      try {
        said = String((message as (...args: unknown[]) => unknown)(...given));
      } catch {
        continue;
      }
      const theirs = String((others.get(place) as (...args: unknown[]) => unknown)(...given));
      for (const one of given) if (said.includes(String(one)) && !theirs.includes(String(one))) lost.push(`${place}: ${theirs}`);
    }
  }
  expect(lost).toEqual([]);
});

/** What a function says of 0, 1 and 2. Only what counts changes but for the figure. */
const counted = (message: Leaf): string[] => [0, 1, 2].map((count) => (message as (...args: number[]) => string)(count, count, count, count));

test('one of something, and many, are told apart as the language does', () => {
  expect(counted(fr.settings.list.count)).toEqual(['0 entrée', '1 entrée', '2 entrées']);
  expect(counted(fr.camera.motionSkipped).map((said) => said.split('\u00a0')[0])).toEqual(['0 image omise', '1 image omise', '2 images omises']);
  expect(['0', '0,5', '1', '1,5', '2', '10'].map(fr.settings.parts.room.daysOf)).toEqual(['0 jour', '0,5 jour', '1 jour', '1,5 jour', '2 jours', '10 jours']);
  expect(counted(id.settings.list.count)).toEqual(['0 entri', '1 entri', '2 entri']);
});

test('French does not break a line before its marks, nor within its quotation marks', () => {
  const wrong: string[] = [];
  for (const [place, message] of leaves(fr)) {
    const said = typeof message === 'string' ? [message] : [counted(message), [message('A' as never, 'B' as never, 'C' as never, 'D' as never)]].flat();
    for (const one of said) if (/ [:;?!»]|« /.test(one)) wrong.push(`${place}: ${one}`);
  }
  expect(wrong).toEqual([]);
});

test('the reader’s first known language, else English', () => {
  expect(pick(['xx', 'en-GB'])).toBe('en');
  expect(pick(['xx', 'fr-CA', 'en'])).toBe('fr');
  expect(pick(['id-ID'])).toBe('id');
  expect(pick([])).toBe('en');
});
