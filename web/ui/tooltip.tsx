import type { ComponentChildren } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';

/** From the window's edge. */
const MARGIN_PX = 12;

/**
 * A word with an explanation, which is shown while the pointer is on it, after a tap, and while it has the focus; Escape
 * closes it. For what helps and is not needed.
 */
export function Tooltip({ text, children }: { readonly text: string; readonly children: ComponentChildren }) {
  const id = useId();
  const place = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);
  const show = () => {
    setOpen(true);
    const box = place.current;
    const word = box?.previousElementSibling?.getBoundingClientRect();
    if (!box || !word) return;
    const width = Math.min(280, innerWidth - 2 * MARGIN_PX);
    box.style.width = `${width}px`;
    box.style.left = `${Math.min(Math.max(MARGIN_PX, word.left), innerWidth - width - MARGIN_PX)}px`;
    // Below, or above where the window ends.
    const above = word.bottom + 120 > innerHeight;
    box.style.top = above ? '' : `${word.bottom + 6}px`;
    box.style.bottom = above ? `${innerHeight - word.top + 6}px` : '';
  };
  const hide = () => setOpen(false);
  return (
    <span class="tooltip" onPointerEnter={show} onPointerLeave={hide}>
      <button
        type="button"
        aria-describedby={id}
        onFocus={show}
        onBlur={hide}
        onClick={show}
        onKeyDown={(event) => event.key === 'Escape' && hide()}
      >
        {children}
      </button>
      <span ref={place} id={id} role="tooltip" data-open={open}>
        {text}
      </span>
    </span>
  );
}
