import { expect, test } from 'vitest';
import type { Camera, Stream } from '../api/types';
import { chooseFootage, chooseLive } from './choice';

const stream = (codec: string, state: Stream['state'] = 'live'): Stream => ({
  state,
  codec,
  error: null,
  width: 640,
  height: 360,
  fps: 25,
  bitrate_bps: 1,
  audio: null,
});
const camera = (main: Stream, sub?: Stream): Camera => ({
  id: 'gate',
  name: 'Gate',
  state: main.state,
  error: null,
  streams: sub ? { main, sub } : { main },
  recording: [],
  not_recording: null,
  motion: { watching: false, moving: false, skipped: 0, error: null },
});
const noH265 = (one: Stream): boolean => one.codec !== 'h265';

test('small windows take the sub-stream, large ones the main stream', () => {
  const both = camera(stream('h264'), stream('h264'));
  expect(chooseLive(both, 'small', noH265)).toEqual({ stream: 'sub', instead: null });
  expect(chooseLive(both, 'large', noH265)).toEqual({ stream: 'main', instead: null });
  expect(chooseLive(camera(stream('h264')), 'small', noH265)).toEqual({ stream: 'main', instead: null });
});

test('what the browser does not play is avoided, and said', () => {
  expect(chooseLive(camera(stream('h265'), stream('h264')), 'large', noH265)).toEqual({
    stream: 'sub',
    instead: { reason: 'codec', codec: 'h265' },
  });
  expect(chooseLive(camera(stream('h265')), 'large', noH265)).toEqual({ stream: null, codec: 'h265' });
});

test('a stream that is down gives way to one that is live', () => {
  const half = camera(stream('h264'), stream('h264', 'offline'));
  expect(chooseLive(half, 'small', noH265)).toMatchObject({ stream: 'main', instead: { reason: 'down' } });
  const none = camera(stream('h264', 'offline'), stream('h264', 'offline'));
  expect(chooseLive(none, 'small', noH265)).toEqual({ stream: 'sub', instead: null });
});

test('footage is main, whatever is live now', () => {
  expect(chooseFootage(camera(stream('h264', 'offline'), stream('h264')), noH265)?.stream).toBe('main');
  expect(chooseFootage(camera(stream('h265'), stream('h264')), noH265)?.stream).toBe('sub');
});
