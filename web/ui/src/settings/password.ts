/** How hard a password is to guess: a rough measure for whoever chooses one. The recorder decides what it takes. */

export type Strength = 'short' | 'weak' | 'fair' | 'good';

/** Below this the recorder refuses it. */
export const SHORTEST = 8;

const COMMON = ['password', 'passwort', 'admin', 'vigie', 'camera', 'qwerty', 'azerty', 'letmein', 'welcome', '12345', 'abc123', 'secret'];

/** Of a character, by how many kinds of them there are. */
const BITS = [0, 3.3, 4, 4.8, 5.5];

export function strength(password: string, name = ''): Strength {
  if (password.length < SHORTEST) return 'short';
  const low = password.toLowerCase();
  const plain = [...COMMON, name.toLowerCase()].filter((word) => word.length > 2 && low.includes(word));
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^a-zA-Z\d]/].filter((kind) => kind.test(password)).length;
  const different = new Set(password).size;
  const rest = password.length - plain.reduce((sum, word) => sum + word.length, 0);
  const bits = Math.min(rest, different * 1.5) * (BITS[kinds] ?? 0);
  if (bits < 36) return 'weak';
  return bits < 60 ? 'fair' : 'good';
}
