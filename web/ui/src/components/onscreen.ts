import type { Attachment } from 'svelte/attachments';

/** Tells whether an element is in sight: on the screen or nearly so, in a page that is seen. */
export function onscreen(tell: (seen: boolean) => void): Attachment {
  return (element) => {
    let near = false;
    const say = (): void => tell(near && !document.hidden);
    const observer = new IntersectionObserver(
      (entries) => {
        near = entries.at(-1)?.isIntersecting ?? near;
        say();
      },
      { rootMargin: '120px' },
    );
    observer.observe(element);
    document.addEventListener('visibilitychange', say);
    return () => {
      observer.disconnect();
      document.removeEventListener('visibilitychange', say);
    };
  };
}
