// For GPUs: a workgroup of 128 lanes owns 32 rows by 64 columns and walks the sum in steps of 16 terms, staged in workgroup
// memory; a lane owns 4 rows by 4 columns.
const ROWS = 32u;
const COLUMNS = 16u;  // blocks of 4
const STEPS = 4u;     // blocks of 4 terms
const LANES = 128u;

var<workgroup> x_tile: array<vec4f, ROWS * STEPS>;
var<workgroup> w_tile: array<vec4f, COLUMNS * STEPS * 4u>;

@compute @workgroup_size(LANES)
fn linear_tiled(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_row = params.row0 + wg.y * ROWS;
  let first_column = wg.x * COLUMNS;
  let my_row = first_row + lane / COLUMNS * 4u;
  let my_column = lane % COLUMNS;
  var sums = mat4x4f();
  for (var step0 = 0u; step0 < params.steps; step0 += STEPS) {
    workgroupBarrier();
    let x_row = first_row + lane / STEPS;
    let x_step = step0 + lane % STEPS;
    var x = vec4f();
    if (x_row < params.row_end && x_step < params.steps) { x = inp[x_row * params.inp_stride + params.inp_offset + x_step]; }
    x_tile[lane] = x;
    for (var part = 0u; part < COLUMNS * STEPS * 4u; part += LANES) {
      // Neighbouring lanes read the four rows of one block, then the next block in memory.
      let index = (part + lane) / 4u;
      let r = lane % 4u;
      let column = select(index / STEPS, index % COLUMNS, TRANSPOSED);
      let step = select(index % STEPS, index / COLUMNS, TRANSPOSED);
      var w = vec4f();
      if (first_column + column < params.columns && step0 + step < params.steps) {
        w = weight_row(params.block0 + (first_column + column) * params.column_stride + (step0 + step) * params.step_stride, r);
      }
      w_tile[(step * COLUMNS + column) * 4u + r] = w;
    }
    workgroupBarrier();
    for (var step = 0u; step < min(STEPS, params.steps - step0); step++) {
      let at = (step * COLUMNS + my_column) * 4u;
      var b = mat4x4f(w_tile[at], w_tile[at + 1u], w_tile[at + 2u], w_tile[at + 3u]);
      if (TRANSPOSED) { b = transpose(b); }
      let x_at = lane / COLUMNS * 4u * STEPS + step;
      let rows = mat4x4f(x_tile[x_at], x_tile[x_at + STEPS], x_tile[x_at + 2u * STEPS], x_tile[x_at + 3u * STEPS]);
      sums = add_block(sums, rows, b);
    }
  }
  for (var r = 0u; r < 4u; r++) { put(sums[r], my_row + r, first_column + my_column); }
}
