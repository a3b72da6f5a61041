import { expect, test } from 'vitest';
import { delayWords, lasting } from '../messages/format';
import { action, event } from './sample';
import { camerasShowing } from './source';
import { actionWords, kindWords, outcomeWords, sourceWords, type Names } from './words';

const names: Names = {
  cameras: [{ id: 'gate', name: 'Front gate' }],
  inputs: [{ id: 'door', name: 'Back door' }],
  outputs: [{ id: 'siren', name: 'Siren' }],
};

test('sources by the names that people gave', () => {
  expect(sourceWords('camera:gate', names)).toBe('Front gate');
  expect(sourceWords('stream:gate/main', names)).toBe('Front gate');
  expect(sourceWords('stream:gate/sub', names)).toBe('Front gate, sub-stream');
  expect(sourceWords('input:door', names)).toBe('Back door');
  expect(sourceWords('input:gone', names)).toBe('gone');
  expect(sourceWords('disk:d1', names)).toBe('Disk d1');
  expect(sourceWords('house', names)).toBe('Recorder');
});

test('what a newer recorder does and tells is shown by its name', () => {
  expect(actionWords(action('record', 'gate'), names)).toBe('Record Front gate');
  expect(actionWords(action('push_note', 'ann'), names)).toBe('Push note ann');
  expect(actionWords(action('constructor', null), names)).toBe('Constructor');
  expect(kindWords('sensor')).toBe('Alarm input active');
  expect(kindWords('toString')).toBe('ToString');
  expect(kindWords('video_loss')).toBe('Video loss');
});

test('what was done, and what became of it', () => {
  const words = (what: string, target: string | null): string => actionWords(action(what, target), names);
  expect([words('snapshot', 'gate'), words('output', 'siren'), words('email', 'owner'), words('push', 'phone'), words('buzzer', null)]).toEqual([
    'Picture of Front gate', 'Switch on Siren', 'Mail to owner', 'Push to phone', 'Sound the buzzer',
  ]);
  expect([outcomeWords('email', 'done'), outcomeWords('email', 'failed'), outcomeWords('snapshot', 'done')]).toEqual(['sent', 'failed', 'done']);
});

test('footage of an event: its own camera, and those that it had recorded', () => {
  const actions = [action('record', 'hall'), action('record', 'gate'), action('record', 'yard', 'failed')];
  expect(camerasShowing(event('a', 0, null, { actions }))).toEqual(['gate', 'hall']);
  expect(camerasShowing(event('a', 0, null, { source: 'input:door', actions }))).toEqual(['hall', 'gate']);
});

test('how long, in its two largest units', () => {
  expect([0, 59_999, 60_000, 3_723_000, 90_000_000].map(lasting)).toEqual(['0 s', '59 s', '1 min 0 s', '1 h 2 min', '1 d 1 h']);
});

test('how long after an event, short waits to the tenth', () => {
  expect([-40, 40, 1_260, 12_400].map(delayWords)).toEqual(['at once', 'at once', '1.3 s after', '12 s after']);
});
