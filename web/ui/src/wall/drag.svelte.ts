/** A camera on its way into a window, by mouse, pen or finger. */

interface Cargo {
  camera: string;
  name: string;
  /** The window that it comes from; `null`: the list. */
  from: number | null;
}

/** Where it would be let go: a window of the page, or the list that takes it off the wall. */
type Target = number | 'list' | null;

/** Fewer pixels are no drag, but a press. */
const BEGINS_PX = 6;

class Drag {
  cargo: Cargo | null = $state.raw(null);
  over: Target = $state(null);
  at = $state.raw({ x: 0, y: 0 });
  /** The last press became a drag. */
  moved = false;
  private listening: AbortController | null = null;

  /** From the first press on; it is a drag when the pointer has moved. */
  begin(event: PointerEvent, cargo: Cargo, drop: (cargo: Cargo, target: Target) => void): void {
    this.end();
    this.moved = false;
    this.listening = new AbortController();
    const { signal } = this.listening;
    const { pointerId, clientX, clientY } = event;
    const on = <K extends keyof WindowEventMap>(type: K, run: (event: WindowEventMap[K]) => void): void =>
      addEventListener(type, run, { signal, capture: true });
    on('pointermove', (move) => {
      if (move.pointerId !== pointerId) return;
      const far = Math.hypot(move.clientX - clientX, move.clientY - clientY) >= BEGINS_PX;
      if (!this.cargo && !far) return;
      this.moved = true;
      this.cargo = cargo;
      this.at = { x: move.clientX, y: move.clientY };
      this.over = targetAt(move.clientX, move.clientY);
    });
    on('pointerup', (up) => {
      if (up.pointerId !== pointerId) return;
      const dropped = this.cargo !== null;
      const target = this.over;
      this.end();
      if (dropped) drop(cargo, target);
    });
    on('pointercancel', () => this.end());
    on('blur', ({ target }) => {
      if (target === window) this.end();
    });
    on('keydown', (key) => {
      if (key.key !== 'Escape' || !this.cargo) return;
      key.preventDefault();
      key.stopPropagation();
      this.end();
    });
  }

  end(): void {
    this.listening?.abort();
    this.listening = null;
    this.cargo = null;
    this.over = null;
  }
}

function targetAt(x: number, y: number): Target {
  const under = document.elementFromPoint(x, y);
  const window = under?.closest<HTMLElement>('[data-window]')?.dataset['window'];
  if (window !== undefined) return Number(window);
  return under?.closest('[data-camera-list]') ? 'list' : null;
}

export const drag = new Drag();
