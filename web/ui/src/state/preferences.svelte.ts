/** What a person chose for these pages: kept in this browser at once, and on the recorder for the next one. */

import { change, get } from '../api/client';
import { choose, chosenBefore, isLanguage, language, type Language } from '../messages';

export type Theme = 'system' | 'light' | 'dark';

const THEME = 'vigie.theme';
const isTheme = (text: unknown): text is Theme => text === 'system' || text === 'light' || text === 'dark';
const DARK = '(prefers-color-scheme: dark)';

/** The rules that hold in the dark, wherever the styles come from. */
function darkRules(): CSSMediaRule[] {
  const sheets = [...document.styleSheets].filter(({ href }) => href === null || href.startsWith(location.origin));
  return sheets.flatMap((sheet) => [...sheet.cssRules]).filter((rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && (rule.media.mediaText === DARK || darkened.has(rule)));
}
const darkened = new WeakSet<CSSRule>();

class Preferences {
  theme: Theme = $state('system');
  /** What the recorder keeps is known, or that it keeps nothing. */
  loaded = $state(false);
  /** As the recorder keeps it, with what other pages put there. */
  private kept: Record<string, unknown> = $state.raw({});

  constructor() {
    const saved = localStorage.getItem(THEME);
    if (isTheme(saved)) this.theme = saved;
  }

  /** The theme holds whatever the system says: the rules for the dark are asked of it, or not. */
  paint(): void {
    const media = this.theme === 'system' ? DARK : this.theme === 'dark' ? 'all' : 'not all';
    for (const rule of darkRules()) {
      darkened.add(rule);
      rule.media.mediaText = media;
    }
    document.documentElement.style.colorScheme = this.theme === 'system' ? '' : this.theme;
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(THEME, theme);
    this.paint();
    void this.keep({ theme });
  }

  setLanguage(language: Language): void {
    void this.keep({ language }).finally(() => choose(language));
  }

  read<T>(key: string): T | undefined {
    return this.kept[key] as T | undefined;
  }

  /** Once somebody signed in. An older recorder keeps none: this browser's hold. */
  async load(): Promise<void> {
    try {
      this.kept = await get<Record<string, unknown>>('/api/v1/preferences');
    } catch {
      return;
    } finally {
      this.loaded = true;
    }
    const { theme, language: other } = this.kept;
    const before = chosenBefore();
    if (before !== null) void this.keep({ language: before });
    else if (isLanguage(other) && other !== language) return choose(other);
    if (!isTheme(theme) || theme === this.theme) return;
    this.theme = theme;
    localStorage.setItem(THEME, theme);
    this.paint();
  }

  async keep(what: Record<string, unknown>): Promise<void> {
    this.kept = { ...this.kept, ...what };
    await change('PUT', '/api/v1/preferences', this.kept, { outliving: true }).catch(() => {});
  }
}

export const preferences = new Preferences();
