-- Puts the offsets found between hosts into the rows of rank.
UPDATE base.rank SET clock_offset_ns = held.offset_ns, clock_residual_ns = held.residual_ns
FROM rollup._clock AS held
WHERE held.run_id = rank.run_id AND held.rank = rank.rank;
