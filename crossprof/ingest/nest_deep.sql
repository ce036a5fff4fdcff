-- The spans of mark that lie in more than most_levels others, with what is around them.

INSERT INTO nested BY NAME
SELECT
    inner_mark.*, CASE WHEN outer_mark.kind = 'op' THEN outer_mark.number END AS outer_op_id, outer_mark.end_ns AS outer_end_ns,
    outer_op.number AS op_id
FROM (FROM mark WHERE depth > getvariable('most_levels')) AS inner_mark
ASOF JOIN (FROM mark WHERE is_open AND depth >= getvariable('most_levels')) AS outer_mark
    ON inner_mark.depth - 1 = outer_mark.depth AND inner_mark.position > outer_mark.position
ASOF LEFT JOIN (FROM mark WHERE is_open AND kind = 'op') AS outer_op
    ON inner_mark.op_depth - 1 = outer_op.op_depth AND inner_mark.position > outer_op.position;
