// For GPUs: a workgroup of ROW_LANES x COLUMN_LANES lanes owns TILE_ROWS rows by TILE_COLUMNS blocks of four columns and walks the
// sum in stages of STEPS blocks of four terms. Workgroup memory holds two stages: while lanes multiply with one, the next is on
// its way from storage. A lane owns QUADS x 4 rows by BLOCKS x 4 columns, every sum in a variable of its own.
//
// SLICED: the sums of each slice of terms are added up on their own, and then one slice after the other. `wg.z` counts the slices
// where each has a workgroup of its own (linear_write_partial).
const LANES = ROW_LANES * COLUMN_LANES;
const TILE_ROWS = 4u * QUADS * ROW_LANES;
const TILE_COLUMNS = BLOCKS * COLUMN_LANES;
const X_LOADS = TILE_ROWS * STEPS / LANES;
const W_LOADS = TILE_COLUMNS * STEPS * 4u / LANES;
const X_STAGE = TILE_ROWS * STEPS;
/** One more than there are, so that the four rows of a block lie in different banks. */
const W_STRIDE = TILE_COLUMNS + 1u;
const W_STAGE = STEPS * 4u * W_STRIDE;

var<workgroup> x_tile: array<TileVec, 2u * X_STAGE>;
var<workgroup> w_tile: array<TileVec, 2u * W_STAGE>;

struct Stage { x: array<TileVec, X_LOADS>, w: array<TileVec, W_LOADS> }

fn load_stage(lane: u32, first_row: u32, first_column: u32, step0: u32, end: u32) -> Stage {
  var stage: Stage;
  for (var i = 0u; i < X_LOADS; i++) {
    let at = i * LANES + lane;
    let row = first_row + at / STEPS;
    let step = step0 + at % STEPS;
    var x = vec4f();
    if (row < params.row_end && step < end) { x = inp[row * params.inp_stride + params.inp_offset + step]; }
    stage.x[i] = tile_x(x, at / STEPS);
  }
  for (var i = 0u; i < W_LOADS; i++) {
    // Neighbouring lanes read the four rows of one block, then the next block in memory.
    let at = i * LANES + lane;
    let index = at / 4u;
    let column = first_column + select(index / STEPS, index % TILE_COLUMNS, TRANSPOSED);
    let step = step0 + select(index % STEPS, index / TILE_COLUMNS, TRANSPOSED);
    var w = vec4f();
    if (column < params.columns && step < end) {
      w = weight_row(params.block0 + column * params.column_stride + step * params.step_stride, at % 4u);
    }
    stage.w[i] = TileVec(w);
  }
  return stage;
}

fn store_stage(lane: u32, half: u32, stage: Stage) {
  var loaded = stage;
  for (var i = 0u; i < X_LOADS; i++) { x_tile[half * X_STAGE + i * LANES + lane] = loaded.x[i]; }
  for (var i = 0u; i < W_LOADS; i++) {
    let at = i * LANES + lane;
    let index = at / 4u;
    let column = select(index / STEPS, index % TILE_COLUMNS, TRANSPOSED);
    let step = select(index % STEPS, index / TILE_COLUMNS, TRANSPOSED);
    w_tile[half * W_STAGE + (step * 4u + at % 4u) * W_STRIDE + column] = loaded.w[i];
  }
}

fn rows_of(at: u32) -> mat4x4f {
  return mat4x4f(
    vec4f(x_tile[at]), vec4f(x_tile[at + STEPS]), vec4f(x_tile[at + 2u * STEPS]), vec4f(x_tile[at + 3u * STEPS]));
}

fn block_of(at: u32) -> mat4x4f {
  let b = mat4x4f(
    vec4f(w_tile[at]), vec4f(w_tile[at + W_STRIDE]), vec4f(w_tile[at + 2u * W_STRIDE]), vec4f(w_tile[at + 3u * W_STRIDE]));
  if (TRANSPOSED) { return transpose(b); }
  return b;
}

/** Quad 0 and 1 of rows by block 0 and 1 of columns. */
struct Sums { q0b0: mat4x4f, q0b1: mat4x4f, q1b0: mat4x4f, q1b1: mat4x4f }

fn add_stage(before: Sums, half: u32, row_lane: u32, column_lane: u32) -> Sums {
  var sums = before;
  for (var step = 0u; step < STEPS; step++) {
    let x_at = half * X_STAGE + row_lane * 4u * STEPS + step;
    let w_at = half * W_STAGE + step * 4u * W_STRIDE + column_lane;
    let x0 = rows_of(x_at);
    let b0 = block_of(w_at);
    sums.q0b0 = add_block(sums.q0b0, x0, b0);
    if (BLOCKS == 2u) {
      let b1 = block_of(w_at + COLUMN_LANES);
      sums.q0b1 = add_block(sums.q0b1, x0, b1);
      if (QUADS == 2u) {
        let x1 = rows_of(x_at + ROW_LANES * 4u * STEPS);
        sums.q1b0 = add_block(sums.q1b0, x1, b0);
        sums.q1b1 = add_block(sums.q1b1, x1, b1);
      }
    }
  }
  return sums;
}

fn write_block(sums: mat4x4f, row: u32, in_tile: u32, column: u32, slice: u32) {
  for (var r = 0u; r < 4u; r++) { write(sums[r] * tile_scale(in_tile + r), row + r, column, slice); }
}

@compute @workgroup_size(LANES)
fn linear_tiles(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_row = params.row0 + wg.y * TILE_ROWS;
  let first_column = wg.x * TILE_COLUMNS;
  let row_lane = lane / COLUMN_LANES;
  let column_lane = lane % COLUMN_LANES;
  prepare_rows(lane, first_row);
  let first = select(0u, wg.z * params.slice, SPLIT);
  let end = select(params.steps, min(params.steps, first + params.slice), SPLIT);
  var sums = Sums();
  var total = Sums();
  store_stage(lane, 0u, load_stage(lane, first_row, first_column, first, end));
  var half = 0u;
  for (var step0 = first; step0 < end; step0 += STEPS) {
    workgroupBarrier();
    let next = load_stage(lane, first_row, first_column, step0 + STEPS, end);
    sums = add_stage(sums, half, row_lane, column_lane);
    half = 1u - half;
    store_stage(lane, half, next);
    if (SLICED && !SPLIT) {
      if ((step0 + STEPS) % params.slice == 0u || step0 + STEPS >= end) {
        total = Sums(
          total.q0b0 + sums.q0b0, total.q0b1 + sums.q0b1, total.q1b0 + sums.q1b0, total.q1b1 + sums.q1b1);
        sums = Sums();
      }
    }
  }
  if (SLICED && !SPLIT) { sums = total; }
  let in_tile = row_lane * 4u;
  let row = first_row + in_tile;
  let column = first_column + column_lane;
  write_block(sums.q0b0, row, in_tile, column, wg.z);
  if (BLOCKS == 2u) { write_block(sums.q0b1, row, in_tile, column + COLUMN_LANES, wg.z); }
  if (QUADS == 2u) {
    let below = 4u * ROW_LANES;
    write_block(sums.q1b0, row + below, in_tile + below, column, wg.z);
    write_block(sums.q1b1, row + below, in_tile + below, column + COLUMN_LANES, wg.z);
  }
}
