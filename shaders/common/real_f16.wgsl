alias Real = f16;
