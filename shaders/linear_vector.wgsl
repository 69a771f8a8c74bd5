// For GPUs and few rows: every lane of a workgroup owns one column and one slice of the terms, for ROWS rows; each number of the
// weight is read once. Then the slices are added one after the other. Lanes of one slice read the same numbers of x.
const COLUMNS = 16u;
const SLICES = 16u;

var<workgroup> slice_sums: array<f32, SLICES * ROWS * COLUMNS>;

fn add_terms(sum: f32, x: vec4f, w: vec4f) -> f32 {
  return (((sum + x.x * w.x) + x.y * w.y) + x.z * w.z) + x.w * w.w;
}

@compute @workgroup_size(256)
fn linear_vector(
  @builtin(workgroup_id) wg: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let column0 = (wg.x + wg.z * grid.x) * COLUMNS;
  let column = column0 + lane % COLUMNS;
  let slice = lane / COLUMNS;
  let row0 = params.row0 + wg.y * ROWS;
  let first = min(slice * params.slice, params.steps);
  let end = min(first + params.slice, params.steps);
  let block = params.block0 + min(column / 4u, params.columns - 1u) * params.column_stride;
  let last = params.row_end - 1u;
  var sums = array<f32, 8>();
  for (var step = first; step < end; step++) {
    let w = weight_row(block + step * params.step_stride, column % 4u);
    let at = params.inp_offset + step;
    sums[0] = add_terms(sums[0], inp[row0 * params.inp_stride + at], w);
    if (ROWS > 1u) { sums[1] = add_terms(sums[1], inp[min(row0 + 1u, last) * params.inp_stride + at], w); }
    if (ROWS > 2u) {
      sums[2] = add_terms(sums[2], inp[min(row0 + 2u, last) * params.inp_stride + at], w);
      sums[3] = add_terms(sums[3], inp[min(row0 + 3u, last) * params.inp_stride + at], w);
    }
    if (ROWS > 4u) {
      sums[4] = add_terms(sums[4], inp[min(row0 + 4u, last) * params.inp_stride + at], w);
      sums[5] = add_terms(sums[5], inp[min(row0 + 5u, last) * params.inp_stride + at], w);
      sums[6] = add_terms(sums[6], inp[min(row0 + 6u, last) * params.inp_stride + at], w);
      sums[7] = add_terms(sums[7], inp[min(row0 + 7u, last) * params.inp_stride + at], w);
    }
  }
  for (var r = 0u; r < ROWS; r++) { slice_sums[(slice * ROWS + r) * COLUMNS + lane % COLUMNS] = sums[r]; }
  workgroupBarrier();
  // A lane for each row and block of four columns.
  if (lane < ROWS * COLUMNS / 4u) {
    let r = lane / (COLUMNS / 4u);
    let b = lane % (COLUMNS / 4u);
    var total = vec4f();
    for (var s = 0u; s < SLICES; s++) {
      let at = (s * ROWS + r) * COLUMNS + b * 4u;
      total += vec4f(slice_sums[at], slice_sums[at + 1u], slice_sums[at + 2u], slice_sums[at + 3u]);
    }
    put(total, row0 + r, column0 / 4u + b);
  }
}
