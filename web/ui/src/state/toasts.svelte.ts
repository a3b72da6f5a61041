/** Short words on what was just done. They go by themselves; what must be read is told elsewhere. */

export interface Toast {
  id: number;
  tone: 'good' | 'bad';
  text: string;
  /** What can be done about it, while it is there. */
  action?: ToastAction;
}

interface ToastAction {
  label: string;
  run: () => void;
}

const SHOWN_MS = 6_000;
/** With something to do, it must be reached too. */
const OFFERED_MS = 20_000;
const MOST = 3;

class Toasts {
  all: readonly Toast[] = $state.raw([]);
  private last = 0;

  show(text: string, tone: Toast['tone'] = 'good', action?: ToastAction): void {
    this.last += 1;
    const id = this.last;
    this.all = [...this.all, { id, tone, text, ...(action ? { action } : {}) }].slice(-MOST);
    setTimeout(() => this.dismiss(id), action ? OFFERED_MS : SHOWN_MS);
  }

  dismiss(id: number): void {
    this.all = this.all.filter((one) => one.id !== id);
  }
}

export const toasts = new Toasts();
