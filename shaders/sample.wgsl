// One token a slot from softmax(logits / temperature), by inverse CDF in vocabulary order; temperature 0: the largest
// logit, ties to the lowest id. Also the token's log-probability and the entropy under the whole, untruncated softmax.
//
// LANES lanes own a slot, so none depends on another. The row is cut into LANES contiguous chunks; sums are taken by
// lane over a chunk and then over the lanes in a fixed order, which fixes every rounding:
//   1. the maximum; 2. masses e^(x - max), running sums noted at each quarter of a chunk; 3. the quarter that holds the
//   target mass; 4. the same again inside it, one piece of which is then walked.
// Where rounding leaves a target beyond the last sum, the last candidate of positive mass is taken, so that no token of
// probability zero is ever returned. top-k and top-p are thresholds on the logit, so tokens tied with the last kept one
// are kept as well.
// A slot draws from the row that `places` names; its settings, counter and results are at its place in their tables; the
// results' have `ring` lines of `slots`, and the line is the token's position, counted around.
// Bandwidth-bound: the row is read twice, once more a step of the bisection with top-k or top-p.

// Below it a logit counts as it: -inf is a legal mask, and no arithmetic on infinities is promised.
const LOWEST = -1e38;
// What stands behind the vocabulary's end in its last vec4: below every threshold.
const PADDING = -2e38;

const NONE = 0xffffffffu;
// In place of a token where a logit is NaN, which `max` would turn into a likely one, or +inf, which has no log-probability.
const NO_TOKEN = 0xffffffffu;

// NaN or +inf, by its bits: no comparison with either is promised.
fn holds_no_logit(l: vec4f, i: u32) -> bool {
  let bits = bitcast<vec4u>(l);
  let bad = (bits == vec4u(0x7f800000u)) | ((bits & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
  return any(bad & inside(i));
}

// Which of a vec4's columns the vocabulary has.
fn inside(i: u32) -> vec4<bool> {
  return vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(params.v);
}

fn load_logits(row: u32, i: u32) -> vec4f {
  return masked(logits[row * params.stride4 + i], i);
}

// In place of `max`, for which SwiftShader takes thirty instructions: those that see to NaN.
fn larger(a: vec4f, b: vec4f) -> vec4f {
  return select(a, b, a < b);
}

fn masked(l: vec4f, i: u32) -> vec4f {
  return select(vec4f(PADDING), larger(l, vec4f(LOWEST)), inside(i));
}

// (x - max x) of the softmax's exponent; far below where exp gives 0, but finite.
fn exponent(l: vec4f, inv_temperature: f32, top: f32) -> vec4f {
  return larger((l - top) * inv_temperature, vec4f(-1e4));
}

// Probability mass relative to the maximum; 0 below the threshold.
fn mass(l: vec4f, inv_temperature: f32, top: f32, threshold: f32) -> vec4f {
  return select(vec4f(), exp(exponent(l, inv_temperature, top)), l >= vec4f(threshold));
}

fn total(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

fn mass_of_piece(row: u32, span: vec2u, inv_temperature: f32, top: f32, threshold: f32) -> f32 {
  var sum = vec4f();
  for (var i = span.x; i < span.y; i++) { sum += mass(load_logits(row, i), inv_temperature, top, threshold); }
  return total(sum);
}

// The mass of a piece up to the end of each of its quarters.
fn mass_by_quarters(row: u32, span: vec2u, size: u32, inv_temperature: f32, top: f32, threshold: f32) -> vec4f {
  var sum = vec4f();
  var marks = vec4f();
  for (var q = 0u; q < 4u; q++) {
    let quarter = piece(span.x, span.y, (size + 3u) / 4u, q);
    for (var i = quarter.x; i < quarter.y; i++) { sum += mass(load_logits(row, i), inv_temperature, top, threshold); }
    marks = mark(marks, q, total(sum));
  }
  return marks;
}

fn mark(marks: vec4f, q: u32, value: f32) -> vec4f {
  return select(marks, vec4f(value), vec4u(q) == vec4u(0u, 1u, 2u, 3u));
}

// The quarter in which the marks pass `goal`, and what of the goal is left inside it; the last with any mass where rounding
// leaves the goal beyond the sum.
fn find_quarter(marks: vec4f, goal: f32) -> vec2f {
  var found = vec2f(0.0, goal);
  if (marks.y > marks.x && marks.x <= goal) { found = vec2f(1.0, goal - marks.x); }
  if (marks.z > marks.y && marks.y <= goal) { found = vec2f(2.0, goal - marks.y); }
  if (marks.w > marks.z && marks.z <= goal) { found = vec2f(3.0, goal - marks.z); }
  return found;
}

// Piece `lane` of the vec4s [first, end), `size` long.
fn piece(first: u32, end: u32, size: u32, lane: u32) -> vec2u {
  return vec2u(min(first + lane * size, end), min(first + (lane + 1u) * size, end));
}

// Floats as integers of the same order, so that a bisection ends after 32 bits whatever the logits are.
fn order_key(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

fn from_key(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key >> 31u) == 1u));
}

// The highest threshold that still keeps `wanted`: a number of tokens, or a mass. Four probes a step cut in five what
// lies between `low`, which keeps enough, and `high`, which keeps too little.
fn find_threshold(row: u32, lane: u32, span: vec2u, inv_temperature: f32, top: f32, wanted: f32, by_mass: bool) -> f32 {
  var low = order_key(LOWEST);
  var high = order_key(top) + 1u;
  var number_low = f32(params.v);
  var number_high = 0.0;
  // One logit between the ends, or none, or just as many as wanted: a higher threshold keeps the same tokens.
  while (high - low > 1u && number_low - number_high > 1.0 && (by_mass || number_low != wanted)) {
    let keys = min(vec4u(low) + max((high - low) / 5u, 1u) * vec4u(1u, 2u, 3u, 4u), vec4u(high));
    let probes = vec4f(from_key(keys.x), from_key(keys.y), from_key(keys.z), from_key(keys.w));
    var lane_number = vec4f();
    var lane_kept = vec4f();
    for (var i = span.x; i < span.y; i++) {
      let l = load_logits(row, i);
      lane_number += select(vec4f(), vec4f(1.0), l.xxxx >= probes) + select(vec4f(), vec4f(1.0), l.yyyy >= probes);
      lane_number += select(vec4f(), vec4f(1.0), l.zzzz >= probes) + select(vec4f(), vec4f(1.0), l.wwww >= probes);
      if (by_mass) {
        let e = exp(exponent(l, inv_temperature, top));
        lane_kept += select(vec4f(), e.xxxx, l.xxxx >= probes) + select(vec4f(), e.yyyy, l.yyyy >= probes);
        lane_kept += select(vec4f(), e.zzzz, l.zzzz >= probes) + select(vec4f(), e.wwww, l.wwww >= probes);
      }
    }
    let number = row_sum(lane, lane_number);
    var kept = number;
    if (by_mass) { kept = row_sum(lane, lane_kept); }
    let enough = kept >= vec4f(wanted);
    if (!enough.w && keys.w < high) { high = keys.w; number_high = number.w; }
    if (!enough.z) { high = keys.z; number_high = number.z; }
    if (!enough.y) { high = keys.y; number_high = number.y; }
    if (!enough.x) { high = keys.x; number_high = number.x; }
    if (enough.x) { low = keys.x; number_low = number.x; }
    if (enough.y) { low = keys.y; number_low = number.y; }
    if (enough.z) { low = keys.z; number_low = number.z; }
    if (enough.w) { low = keys.w; number_low = number.w; }
  }
  return from_key(low);
}

@compute @workgroup_size(LANES * ROWS)
fn sample(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) local: u32) {
  let drawing = row_of(wg.x + wg.y * nwg.x, local);
  if (drawing >= params.count) { return; }
  let lane = local % LANES;
  let slot = params.slot0 + drawing;
  let row = places[slot].x;
  if (row == NONE) { return; }
  let settings = control[slot];
  let counter = counters[slot];
  let result = counter.w % params.ring * params.slots + slot;
  let temperature = bitcast<f32>(settings.x);
  let greedy = temperature <= 0.0;
  let inv_temperature = select(1.0 / temperature, 1.0, greedy);
  let count = (params.v + 3u) / 4u;
  let size = (count + LANES - 1u) / LANES;
  let span = piece(0u, count, size, lane);

  var top = PADDING;
  var top_at = 0u;
  var no_logit = 0.0;
  for (var i = span.x; i < span.y; i++) {
    let stored = logits[row * params.stride4 + i];
    if (holds_no_logit(stored, i)) { no_logit = 1.0; }
    let l = masked(stored, i);
    let pair = larger(l, l.zwxy);
    let largest = select(pair.x, pair.y, pair.x < pair.y);
    top_at = select(top_at, i, largest > top);
    top = select(top, largest, largest > top);
  }
  let lane_top = top;
  top = row_max(lane, lane_top);
  if (row_max(lane, no_logit) > 0.0) {
    if (lane == 0u) {
      tokens[result] = NO_TOKEN;
      logp[result] = 0.0;
      entropy[result] = 0.0;
    }
    return;
  }

  var s = vec4f();
  var t = vec4f();
  var marks = vec4f();
  for (var q = 0u; q < 4u; q++) {
    let quarter = piece(span.x, span.y, (size + 3u) / 4u, q);
    for (var i = quarter.x; i < quarter.y; i++) {
      let d = exponent(load_logits(row, i), inv_temperature, top);
      let e = exp(d);
      s += e;
      t += d * e;
    }
    marks = mark(marks, q, total(s));
  }
  let sums = row_sum(lane, vec4f(marks.w, total(t), 0.0, 0.0));
  let log_whole = log(sums.x);
  if (lane == 0u) { entropy[result] = log_whole - sums.y / sums.x; }

  if (greedy) {
    top_at = row_lowest(lane, select(0xffffffffu, top_at, lane_top == top));
    if (lane == 0u) {
      let l = load_logits(row, top_at);
      tokens[result] = 4u * top_at + select(select(select(3u, 2u, l.z == top), 1u, l.y == top), 0u, l.x == top);
      logp[result] = -log_whole;
    }
    return;
  }

  var kept = sums.x;
  var threshold = LOWEST;
  let top_k = settings.y;
  let top_p = bitcast<f32>(settings.z);
  if (top_k > 0u && top_k < params.v) {
    threshold = find_threshold(row, lane, span, inv_temperature, top, f32(top_k), false);
    marks = mass_by_quarters(row, span, size, inv_temperature, top, threshold);
    kept = row_sum(lane, vec4f(marks.w)).x;
  }
  if (top_p < 1.0) {
    // The largest logit is kept whatever p is.
    let wanted = max(top_p * kept, 1e-30);
    threshold = max(threshold, find_threshold(row, lane, span, inv_temperature, top, wanted, true));
    marks = mass_by_quarters(row, span, size, inv_temperature, top, threshold);
    kept = row_sum(lane, vec4f(marks.w)).x;
  }

  let unit = philox_unit(philox4x32(counter, vec2u(params.key0, params.key1)).x);
  let outer = row_find(lane, marks.w, unit * kept);
  let share = piece(0u, count, size, u32(outer.x));
  // Nobody else adds to the marks of the lane that was found.
  marks = row_sum(lane, select(vec4f(), marks, vec4<bool>(lane == u32(outer.x))));
  let quarter = find_quarter(marks, outer.y);
  let chunk = piece(share.x, share.y, (size + 3u) / 4u, u32(quarter.x));
  let part = (chunk.y - chunk.x + LANES - 1u) / LANES;
  let part_mass = mass_of_piece(row, piece(chunk.x, chunk.y, part, lane), inv_temperature, top, threshold);
  let inner = row_find(lane, part_mass, quarter.y);
  if (lane != 0u) { return; }

  let last = piece(chunk.x, chunk.y, part, u32(inner.x));
  var token = 0u;
  var value = top;
  var running = 0.0;
  for (var i = last.x; i < last.y && running <= inner.y; i++) {
    let l = load_logits(row, i);
    let e = mass(l, inv_temperature, top, threshold);
    for (var c = 0u; c < 4u && running <= inner.y; c++) {
      if (e[c] > 0.0) {
        token = 4u * i + c;
        value = l[c];
      }
      running += e[c];
    }
  }
  tokens[result] = token;
  logp[result] = (value - top) * inv_temperature - log_whole;
}
