export function TrainView() {
  return <section class="card" aria-label="Train" />;
}
