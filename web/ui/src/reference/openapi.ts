/** What the page of the API shows of an OpenAPI 3.1 document. Pure. */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: Json[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  example?: Json;
  examples?: Json[];
}

interface Media {
  schema?: Schema;
  example?: Json;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  description?: string;
  required?: boolean;
  schema?: Schema;
}

interface Described {
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Media> };
  responses?: Record<string, { description?: string; content?: Record<string, Media> }>;
  security?: object[];
  tags?: string[];
}

export interface Document {
  info: { title: string; version: string };
  paths: Record<string, Partial<Record<Method, Described>>>;
  components?: { schemas?: Record<string, Schema> };
}

const METHODS = ['get', 'post', 'put', 'delete'] as const;
type Method = (typeof METHODS)[number];

export interface Answer {
  status: string;
  words: string;
  /** As text; `null`: nothing, or no JSON. */
  example: string | null;
}

export interface Operation {
  /** Its place on the page. */
  id: string;
  method: Uppercase<Method>;
  path: string;
  group: string;
  summary: string;
  open: boolean;
  parameters: Parameter[];
  body: string | null;
  answers: Answer[];
}

/** Every route, by what it is about, in the order of the document. */
export function operations(document: Document): Operation[] {
  const found: Operation[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const described = item[method];
      if (described) found.push(operation(document, path, method, described));
    }
  }
  return found;
}

export function groups(all: Operation[]): [string, Operation[]][] {
  const found = new Map<string, Operation[]>();
  for (const operation of all) found.set(operation.group, [...(found.get(operation.group) ?? []), operation]);
  return [...found];
}

/** Those in which every word of `text` occurs. */
export function matching(all: Operation[], text: string): Operation[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(({ method, path, summary, group }) => {
    const where = `${method} ${path} ${summary} ${group}`.toLowerCase();
    return words.every((word) => where.includes(word));
  });
}

function operation(document: Document, path: string, method: Method, described: Described): Operation {
  const body = Object.values(described.requestBody?.content ?? {})[0];
  return {
    id: `${method}${path.replace(/[^a-z0-9]+/gi, '-')}`,
    method: method.toUpperCase() as Uppercase<Method>,
    path,
    group: described.tags?.[0] ?? 'other',
    summary: [described.summary, described.description].filter(Boolean).join('\n'),
    open: described.security === undefined,
    parameters: described.parameters ?? [],
    body: body ? sample(document, body) : null,
    answers: Object.entries(described.responses ?? {}).map(([status, answer]) => {
      const json = answer.content?.['application/json'];
      return { status, words: answer.description ?? '', example: json ? sample(document, json) : null };
    }),
  };
}

function sample(document: Document, media: Media): string | null {
  if (media.example !== undefined) return JSON.stringify(media.example, null, 2);
  return media.schema ? JSON.stringify(exampleOf(document, media.schema, []), null, 2) : null;
}

/** A value of that shape; `seen` ends shapes that hold themselves. */
export function exampleOf(document: Document, schema: Schema, seen: readonly string[]): Json {
  if (schema.example !== undefined) return schema.example;
  const first = schema.examples?.[0];
  if (first !== undefined) return first;
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    const target = document.components?.schemas?.[name];
    return target && !seen.includes(name) ? exampleOf(document, target, [...seen, name]) : {};
  }
  if (schema.enum) return schema.enum[0] ?? null;
  const one = (schema.oneOf ?? schema.anyOf)?.find(({ type }) => type !== 'null');
  if (one) return exampleOf(document, one, seen);
  if (schema.allOf) {
    const parts = schema.allOf.map((part) => exampleOf(document, part, seen));
    return Object.assign({}, ...parts.filter((part) => typeof part === 'object' && part !== null)) as Json;
  }
  const type = [schema.type].flat().find((type) => type !== 'null');
  switch (type) {
    case 'array':
      return schema.items ? [exampleOf(document, schema.items, seen)] : [];
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return schema.format === 'date-time' ? '2026-11-20T09:41:00Z' : 'string';
    default: {
      const properties = Object.entries(schema.properties ?? {});
      const own = properties.map(([name, property]) => [name, exampleOf(document, property, seen)] as const);
      const more = typeof schema.additionalProperties === 'object' ? [['name', exampleOf(document, schema.additionalProperties, seen)] as const] : [];
      return Object.fromEntries([...own, ...more]);
    }
  }
}
