"""The SELECTs that measure, as sqlglot trees: one number or verdict per row, the same in both engines."""
