export function SteerView() {
  return <section class="card" aria-label="Steer" />;
}
