import type { ComponentChildren } from 'preact';

/** Nothing is here yet: `children` say what will be and how to get it, `action` is the button for that. */
export function Empty({
  children,
  action,
}: {
  readonly children: ComponentChildren;
  readonly action?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p>{children}</p>
      {action}
    </div>
  );
}

/** Something went wrong here: read out at once. Nothing for no message; `action` is the way out as a button. */
export function Problem({ message, action }: { readonly message?: string; readonly action?: ComponentChildren }) {
  return (
    <div role="alert" class="problem-place">
      {message && (
        <div class="problem">
          <p>{message}</p>
          {action}
        </div>
      )}
    </div>
  );
}
