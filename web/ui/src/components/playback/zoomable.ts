import { magnify, move, WHOLE, type Lens } from '../../playback/magnify';

/** Of the window's width. */
const SWIPE = 0.25;

/** Digital zoom: the wheel and two fingers enlarge what lies under them, dragging moves it. A finger alone swipes. */
export function zoomable(onchange: (factor: number) => void, onswipe: (later: boolean) => void): (box: HTMLElement) => () => void {
  return (box) => {
    let lens: Lens = WHOLE;
    const picture = box.querySelector<HTMLElement>('.picture');
    let begun: number | null = null;
    const fingers = new Map<number, { x: number; y: number }>();
    const stop = new AbortController();
    const show = (next: Lens): void => {
      lens = next;
      if (picture) picture.style.transform = lens.factor === 1 ? '' : `translate(${lens.x * 100}%, ${lens.y * 100}%) scale(${lens.factor})`;
      box.style.cursor = lens.factor === 1 ? '' : 'grab';
      box.style.touchAction = lens.factor === 1 ? '' : 'none';
      onchange(lens.factor);
    };
    const place = (event: MouseEvent): { x: number; y: number } => {
      const { left, top, width, height } = box.getBoundingClientRect();
      return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
    };
    const on = <K extends keyof HTMLElementEventMap>(type: K, run: (event: HTMLElementEventMap[K]) => void): void =>
      box.addEventListener(type, run, { signal: stop.signal, passive: false });
    on('wheel', (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      show(magnify(lens, Math.exp(-event.deltaY / 400), x, y));
    });
    on('pointerdown', (event) => {
      if (event.target instanceof Element && event.target.closest('button')) return;
      fingers.set(event.pointerId, place(event));
      begun = event.pointerType === 'touch' && fingers.size === 1 && lens.factor === 1 ? place(event).x : null;
      if (lens.factor > 1) box.setPointerCapture(event.pointerId);
    });
    on('pointermove', (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = place(event);
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const [was, is] = [before, now].map(({ x, y }) => Math.hypot(x - other.x, y - other.y));
        if (was && is) show(magnify(lens, is / was, (now.x + other.x) / 2, (now.y + other.y) / 2));
      } else if (lens.factor > 1) show(move(lens, now.x - before.x, now.y - before.y));
      fingers.set(event.pointerId, now);
    });
    on('pointerup', (event) => {
      const by = begun === null ? 0 : place(event).x - begun;
      begun = null;
      if (Math.abs(by) > SWIPE && lens.factor === 1) onswipe(by < 0);
    });
    for (const type of ['pointerup', 'pointercancel', 'pointerleave'] as const) on(type, (event) => void fingers.delete(event.pointerId));
    return () => stop.abort();
  };
}
