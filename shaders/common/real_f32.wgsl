alias Real = f32;
