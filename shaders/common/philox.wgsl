// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011), as in Random123.
// The host's twin is src/gpu/philox.ts. Key = (seed, domain), counter = (step, prompt, completion, position).

// High word of a 32 x 32 bit product from 16-bit halves: WGSL has no 64-bit integers. No intermediate overflows:
// (2^16-1)^2 + (2^16-1) < 2^32, twice.
fn philox_mulhi(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let middle = a_high * b_low + ((a_low * b_low) >> 16u);
  let carry = a_low * b_high + (middle & 0xffffu);
  return a_high * b_high + (middle >> 16u) + (carry >> 16u);
}

fn philox4x32(counter: vec4u, key: vec2u) -> vec4u {
  var c = counter;
  var k = key;
  for (var round = 0u; round < 10u; round++) {
    c = vec4u(
      philox_mulhi(0xcd9e8d57u, c.z) ^ c.y ^ k.x,
      c.z * 0xcd9e8d57u,
      philox_mulhi(0xd2511f53u, c.x) ^ c.w ^ k.y,
      c.x * 0xd2511f53u,
    );
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// Uniform strictly between 0 and 1: the middle of one of 2^23 equal cells, exact in f32.
fn philox_unit(word: u32) -> f32 {
  return (f32(word >> 9u) + 0.5) * 0x1p-23;
}
