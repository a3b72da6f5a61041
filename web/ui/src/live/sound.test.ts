import { expect, test } from 'vitest';
import { SoundTrial } from './sound';

test('sound is left out when a decoder fails with it again and again', () => {
  const trial = new SoundTrial();
  trial.fail(true, 0);
  expect(trial.guilty, 'once may be the picture').toBe(false);
  trial.fail(true, 12_000);
  expect(trial.guilty).toBe(true);
});

test('failures that are far apart leave it in', () => {
  const trial = new SoundTrial();
  for (let hour = 0; hour < 5; hour++) trial.fail(true, hour * 3_600_000);
  expect(trial.guilty).toBe(false);
});

test('what fails without sound is not its fault', () => {
  const trial = new SoundTrial();
  trial.fail(true, 0);
  trial.fail(true, 1_000);
  trial.fail(false, 2_000);
  expect(trial.guilty).toBe(false);
  trial.fail(true, 3_000);
  expect(trial.guilty, 'tried anew').toBe(false);
});
