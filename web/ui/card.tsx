import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface CardProps {
  readonly title: string;
  /** One or two sentences under the title. */
  readonly sub?: ComponentChildren;
  /** Buttons beside the title. */
  readonly actions?: ComponentChildren;
  readonly class?: string;
  readonly busy?: boolean;
  readonly children?: ComponentChildren;
}

/** A box with a heading, and a landmark of its name. */
export function Card({ title, sub, actions, class: name = '', busy, children }: CardProps) {
  const id = useId();
  return (
    <section class={`card stack ${name}`} aria-labelledby={id} aria-busy={busy}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {actions && <div class="row">{actions}</div>}
        {sub && <p class="card-sub">{sub}</p>}
      </header>
      {children}
    </section>
  );
}
