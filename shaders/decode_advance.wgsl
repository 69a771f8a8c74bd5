// Takes in what the slots that had a row have just drawn. The token is a slot's next input, and it has one token more; beside
// the token the pass and the row that it was drawn from are written down. A slot that drew a stop token or its last is
// finished: its limit is the number of its tokens. A slot without a row has drawn nothing and stays as it is.
// A lane owns a slot; launch-bound.

const NONE = 0xffffffffu;
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
  if (i >= params.count) { return; }
  let slot = params.slot0 + i;
  let row = places[slot].x;
  if (row == NONE) { return; }
  let done = counters[slot].w;
  let result = done % params.ring * params.slots + slot;
  let token = tokens[result];
  origins[result] = vec2u(state[4u * slot + 2u], row);
  state[4u * slot] = token;
  counters[slot].w = done + 1u;
  if (is_stop(token)) { control[slot].w = done + 1u; }
}
