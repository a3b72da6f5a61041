import { beforeEach, expect, test } from 'vitest';
import type { Place, Table } from '../api/config';
import { Draft } from './draft.svelte';
import { unsaved } from './unsaved';

const GATE: Place = { table: 'camera', id: 'gate' };
const gate = (): Table => ({ id: 'gate', name: 'Gate', password: '***', main: { url: 'rtsp://a' } });

/** A form in which something was typed. */
function typedIn(there: Table | undefined, typed: Record<string, string>): Draft {
  const draft = new Draft(GATE, there, '1');
  for (const [path, value] of Object.entries(typed)) draft.set(path, value);
  return draft;
}

/** Its session ends by itself while the form is shown. */
function ends(draft: Draft, user = 'ann'): void {
  const gone = unsaved.watch(draft);
  unsaved.ended(user);
  gone();
}

/** The form as it is after signing in. */
function opened(there: Table | undefined): Draft {
  const draft = new Draft(GATE, there, '2');
  const typed = unsaved.take(GATE);
  if (typed) draft.resume(typed);
  return draft;
}

beforeEach(() => unsaved.forget());

test('what was typed is there again, over what others saved meanwhile, once', () => {
  ends(typedIn(gate(), { name: 'Front gate' }));
  unsaved.began('ann');
  const draft = opened({ ...gate(), main: { url: 'rtsp://b' } });
  expect(draft.values).toEqual({ ...gate(), name: 'Front gate', main: { url: 'rtsp://b' } });
  expect([draft.resumed, draft.retype, draft.changed]).toEqual([true, false, 1]);
  expect(unsaved.take(GATE)).toBeUndefined();
});

test('somebody else sees nothing of it, and then nobody does', () => {
  ends(typedIn(gate(), { name: 'Front gate' }));
  unsaved.began('bob');
  expect(opened(gate()).dirty).toBe(false);
  unsaved.began('ann');
  expect(opened(gate()).dirty).toBe(false);
});

test('no secret is kept', () => {
  const draft = typedIn(gate(), { 'main.url': 'rtsp://ann:hush@camera/1', name: 'Front gate' });
  draft.setSecret('password', 'hush');
  draft.setSecret('headers', { authorization: 'hush' });
  ends(draft);
  const kept = unsaved.take(GATE);
  expect(JSON.stringify(kept)).not.toContain('hush');
  expect(kept).toMatchObject({ withheld: true, values: { ...gate(), name: 'Front gate' } });
  const only = new Draft(GATE, gate(), '1');
  only.setSecret('password', 'hush');
  ends(only);
  expect(unsaved.take(GATE)).toBeUndefined();
});

test('an entry that was being added is added on', () => {
  ends(typedIn(undefined, { id: 'gate', name: 'Front gate' }));
  unsaved.began('ann');
  expect(unsaved.takeNew('input')).toBeUndefined();
  const found = unsaved.takeNew('camera');
  expect(found).toMatchObject({ id: 'gate', typed: { fresh: true, values: { name: 'Front gate' } } });
});

test('what somebody else removed is kept whole, told of, and can be made anew without its secrets', () => {
  const expected = { id: 'gate', name: 'Front gate', main: { url: 'rtsp://a' } };
  const stale = typedIn(gate(), { name: 'Front gate' });
  stale.takeUp(undefined, '2');
  ends(typedIn(gate(), { name: 'Front gate' }));
  for (const draft of [stale, opened(undefined)]) {
    expect(draft.values).toEqual(expected);
    expect([draft.gone, draft.fresh, draft.retype]).toEqual([true, true, true]);
  }
  stale.takeUp(gate(), '3');
  expect([stale.gone, stale.fresh, stale.text('name')]).toEqual([false, false, 'Front gate']);
});

test('of many tables, what was typed for an entry that is gone is told', () => {
  const draft = new Draft(null, { camera: [gate(), { id: 'yard' }] }, '1');
  draft.set('camera[0].name', 'Front gate');
  draft.set('camera[1].name', 'Yard');
  draft.takeUp({ camera: [{ id: 'yard' }] }, '2');
  expect(draft.lost).toEqual([{ path: 'camera[#gate].name', value: 'Front gate' }]);
  expect(draft.values).toEqual({ camera: [{ id: 'yard', name: 'Yard' }] });
  draft.discard();
  expect(draft.lost).toEqual([]);
});
