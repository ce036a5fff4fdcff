-- What a catalog holds beside the tables of schema.sql: where it was built from, and what spans the parts of a run.
CREATE SCHEMA store;
CREATE TABLE store.catalog (
    root VARCHAR NOT NULL, definitions VARCHAR NOT NULL, crossprof_version VARCHAR NOT NULL, edits_revision BIGINT NOT NULL
);
COMMENT ON TABLE store.catalog IS 'The one row says what this catalog was built from.';
COMMENT ON COLUMN store.catalog.root IS 'Folder of the store. Elsewhere the paths of this catalog are wrong.';
COMMENT ON COLUMN store.catalog.definitions IS 'Hash of the schema and the views that it holds.';
COMMENT ON COLUMN store.catalog.crossprof_version IS 'Version of crossprof that published it.';
COMMENT ON COLUMN store.catalog.edits_revision IS 'Revision of the edits that it shows.';

CREATE TABLE store.part (
    run_id VARCHAR NOT NULL, rank INTEGER NOT NULL, part VARCHAR NOT NULL, content_sha256 VARCHAR NOT NULL,
    created_ns BIGINT NOT NULL, schema_version INTEGER NOT NULL, tables VARCHAR[] NOT NULL,
    rows BIGINT NOT NULL, pack VARCHAR
);
COMMENT ON TABLE store.part IS 'One part that this catalog shows.';
COMMENT ON COLUMN store.part.run_id IS 'Run of the part.';
COMMENT ON COLUMN store.part.rank IS 'Rank of the part.';
COMMENT ON COLUMN store.part.part IS 'Name of its folder.';
COMMENT ON COLUMN store.part.content_sha256 IS 'Hash of the files that it was read from.';
COMMENT ON COLUMN store.part.created_ns IS 'When it was written.';
COMMENT ON COLUMN store.part.schema_version IS 'Version of the schema that it was written under.';
COMMENT ON COLUMN store.part.tables IS 'Tables that it has a file of.';
COMMENT ON COLUMN store.part.rows IS 'Rows in all its tables.';
COMMENT ON COLUMN store.part.pack IS 'Pack that its large tables are read from. NULL: they are read where they lie.';

CREATE TABLE store.run AS FROM base.run LIMIT 0;
COMMENT ON TABLE store.run IS 'The runs as recorded, before edits.';

CREATE TABLE store.edit (run_id VARCHAR NOT NULL, key VARCHAR NOT NULL, value VARCHAR);
COMMENT ON TABLE store.edit IS 'One thing that a user changed: name, note, pinned, tag:<key>.';
COMMENT ON COLUMN store.edit.run_id IS 'Run that was changed.';
COMMENT ON COLUMN store.edit.key IS 'What was changed.';
COMMENT ON COLUMN store.edit.value IS 'Its value. NULL: taken away.';

ALTER TABLE base.run ADD COLUMN part_count INTEGER;
ALTER TABLE base.run ADD COLUMN is_partial BOOLEAN;
ALTER TABLE base.run ADD COLUMN verdict VARCHAR;
ALTER TABLE base.run ADD COLUMN note VARCHAR;
ALTER TABLE base.run ADD COLUMN is_pinned BOOLEAN;
ALTER TABLE base.run ADD COLUMN ingested_ns BIGINT;
COMMENT ON COLUMN base.run.part_count IS 'Number of ranks that the store has.';
COMMENT ON COLUMN base.run.is_partial IS 'Whether ranks are missing: fewer parts than the world size.';
COMMENT ON COLUMN base.run.verdict IS 'good, usable (a finding asks for care) or broken (a finding says that numbers are wrong or missing).';
COMMENT ON COLUMN base.run.note IS 'Note of a user.';
COMMENT ON COLUMN base.run.is_pinned IS 'Whether a user pinned the run.';
COMMENT ON COLUMN base.run.ingested_ns IS 'When the first of its parts was written.';
