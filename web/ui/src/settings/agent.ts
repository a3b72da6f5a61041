/** What a `User-Agent` says, in two words. */

const BROWSERS = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/\bChrom(e|ium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const SYSTEMS = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
] as const;

export function browserOf(agent: string | null): string {
  if (agent === null) return '';
  const find = (all: readonly (readonly [RegExp, string])[]): string | undefined => all.find(([form]) => form.test(agent))?.[1];
  const found = [find(BROWSERS), find(SYSTEMS)].filter((one) => one !== undefined);
  return found.length > 0 ? found.join(', ') : (agent.split(' ')[0] ?? '');
}
