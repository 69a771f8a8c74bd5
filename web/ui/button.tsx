import type { ButtonHTMLAttributes } from 'preact';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** `primary`: what the view is for, one of them at a time. `quiet`: no frame. `danger`: what cannot be undone. */
  readonly kind?: 'primary' | 'quiet' | 'danger';
  readonly small?: boolean;
}

/** A button that submits nothing unless `type` says so. */
export function Button({ kind, small = false, class: name, type = 'button', ...rest }: ButtonProps) {
  const classes = [kind, small && 'small', name].filter(Boolean).join(' ');
  return <button type={type} class={classes || undefined} {...rest} />;
}
