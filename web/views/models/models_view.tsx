export function ModelsView() {
  return <section class="card" aria-label="Models" />;
}
