// A power of two for each row of a tile of x that brings its largest number near 2^10: products with f16 neither overflow nor lose
// small gradients, and a power of two rounds nothing. It is a function of the row alone.
const FACTOR_LANES = 8u;

var<workgroup> row_largest: array<f32, TILE_ROWS * FACTOR_LANES>;

fn prepare_rows(lane: u32, first_row: u32) {
  for (var at = lane; at < TILE_ROWS * FACTOR_LANES; at += LANES) {
    let row = first_row + at / FACTOR_LANES;
    var largest = 0.0;
    if (row < params.row_end) {
      for (var step = at % FACTOR_LANES; step < params.steps; step += FACTOR_LANES) {
        let x = abs(inp[row * params.inp_stride + params.inp_offset + step]);
        largest = max(largest, max(max(x.x, x.y), max(x.z, x.w)));
      }
    }
    row_largest[at] = largest;
  }
  workgroupBarrier();
  for (var row = lane; row < TILE_ROWS; row += LANES) {
    var largest = 0.0;
    for (var i = 0u; i < FACTOR_LANES; i++) { largest = max(largest, row_largest[row * FACTOR_LANES + i]); }
    row_largest[row * FACTOR_LANES] = factor_for(largest);
  }
  workgroupBarrier();
}

/** The exponent is taken from the bits; a row of zeros, or of numbers so small or large that f32 ends, has a factor within f32. */
fn factor_for(largest: f32) -> f32 {
  let exponent = clamp(i32((bitcast<u32>(largest) >> 23u) & 255u) - 127, -110, 110);
  return bitcast<f32>(u32(10 - exponent + 127) << 23u);
}

fn row_factor(row: u32) -> f32 { return row_largest[row * FACTOR_LANES]; }
