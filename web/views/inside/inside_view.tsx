export function InsideView() {
  return <section class="card" aria-label="Inside" />;
}
