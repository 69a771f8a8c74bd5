// Takes the token that a slot has just drawn into the tables of the next pass: the token is the row's next input, one
// position further, its key goes to the next row of the cache, and its own keys are one more. A slot that drew a stop token
// or its last is finished: its limit is the number of its tokens, it draws into no result that is read, and the row that
// it goes on computing stays the one that it computed last. A lane owns a slot; launch-bound.

// What `sample` draws where a logit is no number.
const NO_TOKEN = 0xffffffffu;

fn is_stop(token: u32) -> bool {
  var found = token == NO_TOKEN;
  for (var i = 0u; i < params.stops; i++) { found = found || token == stop_ids[i]; }
  return found;
}

@compute @workgroup_size(WG)
fn decode_advance(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  if (i >= params.rows) { return; }
  let slot = params.slot0 + i;
  let done = counters[slot].w;
  let limit = control[slot].w;
  if (done >= limit) { return; }
  let token = tokens[done % params.ring * params.slots + slot];
  counters[slot].w = done + 1u;
  if (is_stop(token)) { control[slot].w = done + 1u; }
  if (is_stop(token) || done + 1u >= limit) { return; }
  ids[slot] = token;
  positions[slot] += 1u;
  dest[slot] += 1u;
  ranges[slot].w += 1u;
}
