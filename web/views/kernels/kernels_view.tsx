export function KernelsView() {
  return <section class="card" aria-label="Kernels" />;
}
