import { expect, test } from 'vitest';
import { en } from '../messages/en';
import { Problem, wordsOf } from './problem';

const { kinds, browser, empty } = en.common.problem;

test('what the recorder says is told as it says it', () => {
  expect(wordsOf(new Problem(409, 'conflict', 'the disk is in use'))).toBe('the disk is in use');
});

test('what browsers say in English is not', () => {
  expect(wordsOf(new TypeError('Failed to fetch'))).toBe(kinds.unreachable);
  expect(wordsOf(Problem.from(new TypeError('NetworkError when attempting to fetch resource.')))).toBe(kinds.unreachable);
  expect(wordsOf(new DOMException('signal timed out', 'TimeoutError'))).toBe(kinds.late);
  expect(wordsOf(new DOMException('The operation was aborted.', 'AbortError'))).toBe(kinds.given_up);
  expect(wordsOf(new SyntaxError('Unexpected token <'))).toBe(kinds.garbled);
  expect(wordsOf(new Problem(0, 'unplayable', 'PIPELINE_ERROR_DECODE: VTDecompression'))).toBe(kinds.unplayable);
  expect(wordsOf(new DOMException('The quota has been exceeded.', 'QuotaExceededError'))).toBe(browser('QuotaExceededError'));
  expect(wordsOf('anything')).toBe(browser(''));
});

test('an error whose page is not the recorder’s has words at least', async () => {
  const problem = await Problem.of(new Response('<h1>Bad Gateway</h1>', { status: 502, statusText: 'Bad Gateway' }));
  expect(wordsOf(problem)).toBe(empty(502));
});
