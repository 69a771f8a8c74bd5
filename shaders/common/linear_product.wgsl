// The one order of summation of every variant: k (forward) or n (backward) ascending, one product after the other, each
// added to the running sum. It knows nothing of rows, so a row's bits depend neither on M nor on its neighbours.

/** sums[c] += dot(x, block row c), for a block whose columns are the four rows that x is multiplied with. */
fn add_row(sums: vec4f, x: vec4f, b: mat4x4f) -> vec4f {
  return vec4f(
    (((sums.x + x.x * b[0].x) + x.y * b[0].y) + x.z * b[0].z) + x.w * b[0].w,
    (((sums.y + x.x * b[1].x) + x.y * b[1].y) + x.z * b[1].z) + x.w * b[1].w,
    (((sums.z + x.x * b[2].x) + x.y * b[2].y) + x.z * b[2].z) + x.w * b[2].w,
    (((sums.w + x.x * b[3].x) + x.y * b[3].y) + x.z * b[3].z) + x.w * b[3].w);
}

/** Column r of the result: four more terms for row r of x, in four columns of the output. */
fn add_block(sums: mat4x4f, x: mat4x4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(add_row(sums[0], x[0], b), add_row(sums[1], x[1], b), add_row(sums[2], x[2], b), add_row(sums[3], x[3], b));
}

/** Where the block for output columns `column` and terms `step` lies. */
fn block_at(column: u32, step: u32) -> u32 {
  return params.block0 + column * params.column_stride + step * params.step_stride;
}

/** The block turned for the direction: W or its transpose. */
fn oriented_block(column: u32, step: u32, scales: WeightScales) -> mat4x4f {
  let block = weight_block(block_at(column, step), scales);
  if (TRANSPOSED) { return transpose(block); }
  return block;
}
