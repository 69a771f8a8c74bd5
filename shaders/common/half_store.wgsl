// Rounds a row's four numbers to f16 (half_rows.wgsl), and marks in `beyond` that one was none of f16's: too large, or NaN.

// 65504 by its bits, above which are those of infinity and NaN: no comparison with them is promised.
const LARGEST = 0x477fe000u;

fn move_four(i: u32) {
  let x = inp[i];
  if (any((bitcast<vec4u>(x) & vec4u(0x7fffffffu)) > vec4u(LARGEST))) { atomicStore(&beyond[0], 1u); }
  out[i] = stored(x);
}
