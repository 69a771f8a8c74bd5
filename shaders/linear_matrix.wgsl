// For GPUs with matrix units: a workgroup of SUB_M x SUB_N subgroups owns TILE_ROWS rows by TILE_COLUMNS columns, each subgroup
// MATS_M x MATS_N matrices of them, and walks the sum in stages of STEPS blocks of four terms. The next stage is on its way to
// registers while the matrices of one are multiplied. Lanes of a subgroup follow one another in the workgroup.
const LANES = SUBGROUP * SUB_M * SUB_N;
const TILE_ROWS = SUB_M * MATS_M * MAT_M;
const TILE_COLUMNS = SUB_N * MATS_N * MAT_N;
const TERMS = 4u * STEPS;
/** Longer than a row's terms, so that rows lie in different banks; 16 bytes aligned. */
const STRIDE = TERMS + 16u / ELEMENT_BYTES;
/** Rounded up: a low tile has fewer numbers of x than lanes. */
const X_LOADS = (TILE_ROWS * STEPS + LANES - 1u) / LANES;
const W_LOADS = TILE_COLUMNS * STEPS / LANES;

alias Left = subgroup_matrix_left<TileElement, MAT_K, MAT_M>;
alias Right = subgroup_matrix_right<TileElement, MAT_N, MAT_K>;
alias Result = subgroup_matrix_result<f32, MAT_N, MAT_M>;

/** Rows of x by terms, and columns of the output by terms. */
var<workgroup> x_tile: array<TileElement, TILE_ROWS * STRIDE>;
var<workgroup> w_tile: array<TileElement, TILE_COLUMNS * STRIDE>;
var<workgroup> results: array<f32, SUB_M * SUB_N * MAT_M * MAT_N>;

struct Stage { x: array<TileVec, X_LOADS>, w: array<TileVec, W_LOADS> }

fn load_stage(lane: u32, first_row: u32, first_block: u32, step0: u32) -> Stage {
  var stage: Stage;
  for (var i = 0u; i < X_LOADS; i++) {
    let at = i * LANES + lane;
    let row = first_row + at / STEPS;
    let step = step0 + at % STEPS;
    var x = vec4f();
    let inside = at < TILE_ROWS * STEPS && row < params.row_end && step < params.steps;
    if (inside) { x = inp[row * params.inp_stride + params.inp_offset + step]; }
    stage.x[i] = tile_x(x, min(at / STEPS, TILE_ROWS - 1u));
  }
  for (var i = 0u; i < W_LOADS; i++) {
    let at = i * LANES + lane;
    let block = first_block + block_at(at / 4u);
    let step = step0 + step_at(at / 4u);
    var w = vec4f();
    if (block < params.columns && step < params.steps) {
      w = weight_row(params.block0 + block * params.column_stride + step * params.step_stride, at % 4u);
    }
    stage.w[i] = TileVec(w);
  }
  return stage;
}

/** Neighbouring lanes read the four rows of one block, then the next block in memory. */
fn block_at(index: u32) -> u32 { return select(index / STEPS, index % (TILE_COLUMNS / 4u), TRANSPOSED); }
fn step_at(index: u32) -> u32 { return select(index % STEPS, index / (TILE_COLUMNS / 4u), TRANSPOSED); }

fn store_stage(lane: u32, stage: Stage) {
  var loaded = stage;
  for (var i = 0u; i < X_LOADS; i++) {
    let at = i * LANES + lane;
    let to = at / STEPS * STRIDE + at % STEPS * 4u;
    if (at < TILE_ROWS * STEPS) {
      for (var c = 0u; c < 4u; c++) { x_tile[to + c] = loaded.x[i][c]; }
    }
  }
  for (var i = 0u; i < W_LOADS; i++) {
    let at = i * LANES + lane;
    let block = block_at(at / 4u);
    let step = step_at(at / 4u);
    let r = at % 4u;
    // A row of a block is four terms of a column or, transposed, a term of four columns.
    for (var c = 0u; c < 4u; c++) {
      let column = block * 4u + select(r, c, TRANSPOSED);
      let term = step * 4u + select(c, r, TRANSPOSED);
      w_tile[column * STRIDE + term] = loaded.w[i][c];
    }
  }
}

@compute @workgroup_size(LANES)
fn linear_matrix(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first_row = params.row0 + wg.y * TILE_ROWS;
  let first_block = wg.x * (TILE_COLUMNS / 4u);
  let subgroup = lane / SUBGROUP;
  let sub_row = subgroup / SUB_N * MATS_M;
  let sub_column = subgroup % SUB_N * MATS_N;
  prepare_rows(lane, first_row);
  var sums: array<Result, MATS_M * MATS_N>;
  store_stage(lane, load_stage(lane, first_row, first_block, 0u));
  for (var step0 = 0u; step0 < params.steps; step0 += STEPS) {
    workgroupBarrier();
    let next = load_stage(lane, first_row, first_block, step0 + STEPS);
    for (var k = 0u; k < TERMS; k += MAT_K) {
      var right: array<Right, MATS_N>;
      for (var n = 0u; n < MATS_N; n++) { right[n] = load_right((sub_column + n) * MAT_N * STRIDE + k); }
      for (var m = 0u; m < MATS_M; m++) {
        let left = load_left((sub_row + m) * MAT_M * STRIDE + k);
        for (var n = 0u; n < MATS_N; n++) {
          sums[m * MATS_N + n] = subgroupMatrixMultiplyAccumulate(left, right[n], sums[m * MATS_N + n]);
        }
      }
    }
    workgroupBarrier();
    store_stage(lane, next);
  }
  let own = subgroup * MAT_M * MAT_N;
  for (var i = 0u; i < MATS_M * MATS_N; i++) {
    workgroupBarrier();
    store_result(own, sums[i]);
    workgroupBarrier();
    let row = (sub_row + i / MATS_N) * MAT_M;
    let block = (sub_column + i % MATS_N) * MAT_N / 4u;
    for (var e = lane % SUBGROUP; e < MAT_M * MAT_N / 4u; e += SUBGROUP) {
      let r = row + e / (MAT_N / 4u);
      let at = own + e * 4u;
      let sum = vec4f(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
      put(sum * tile_scale(r), first_row + r, first_block + block + e % (MAT_N / 4u));
    }
  }
}
