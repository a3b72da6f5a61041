import { expect, test } from 'vitest';
import { exampleOf, groups, matching, operations, type Document } from './openapi';

const document: Document = {
  info: { title: 'Vigie', version: '1' },
  paths: {
    '/api/v1/cameras': {
      get: {
        tags: ['cameras'],
        summary: 'Every camera',
        security: [{ basic: [] }],
        responses: { '200': { content: { 'application/json': { schema: { type: 'array', items: { $ref: '#/components/schemas/Camera' } } } } } },
      },
    },
    '/api/v1/cameras/{id}/manual': {
      post: { tags: ['manual'], parameters: [{ name: 'id', in: 'path', required: true }], security: [{}], requestBody: { content: { 'application/json': { example: { for: '5m' } } } } },
    },
    '/healthz': { get: { tags: ['health'], summary: 'Alive', responses: { '200': { description: 'yes' } } } },
  },
  components: {
    schemas: {
      Camera: { type: 'object', properties: { id: { type: 'string' }, fps: { type: ['number', 'null'] }, state: { enum: ['live', 'offline'] }, inside: { $ref: '#/components/schemas/Camera' } } },
    },
  },
};

test('every method of every path, in groups', () => {
  const all = operations(document);
  expect(all.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/v1/cameras', 'POST /api/v1/cameras/{id}/manual', 'GET /healthz']);
  expect(all.map(({ open }) => open)).toEqual([false, false, true]);
  expect(groups(all).map(([name, of]) => [name, of.length])).toEqual([['cameras', 1], ['manual', 1], ['health', 1]]);
  expect(new Set(all.map(({ id }) => id)).size).toBe(3);
});

test('examples are made of shapes, also of those that hold themselves', () => {
  expect(JSON.parse(operations(document)[0]?.answers[0]?.example ?? '')).toEqual([{ id: 'string', fps: 0, state: 'live', inside: {} }]);
  expect(operations(document)[1]?.body).toContain('"5m"');
  expect(exampleOf(document, { oneOf: [{ type: 'null' }, { type: 'boolean' }] }, [])).toBe(false);
  expect(exampleOf(document, { type: 'string', format: 'date-time' }, [])).toBe('2026-11-20T09:41:00Z');
});

test('found by any words', () => {
  const all = operations(document);
  expect(matching(all, 'post manual').map(({ path }) => path)).toEqual(['/api/v1/cameras/{id}/manual']);
  expect(matching(all, 'EVERY').length).toBe(1);
  expect(matching(all, '').length).toBe(3);
  expect(matching(all, 'nothing such')).toEqual([]);
});
