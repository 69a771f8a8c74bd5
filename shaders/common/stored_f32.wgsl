// What is stored as f32 of a unit.

fn stored(x: Unit) -> Unit { return x; }
