-- Partitions are made ahead. Each is made beside the log and then attached, which takes no lock that would stop the
-- writer, or wait for a reader: a dump reads for hours.

CREATE FUNCTION log.partition_width() RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 16777216::bigint
$$;

CREATE FUNCTION log.partition_name(p_number bigint) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'event_' || lpad(p_number::text, greatest(5, length(p_number::text)), '0')
$$;

-- The one place that makes a partition: number n holds the positions from n times the width up to the next.
-- A TRUNCATE trigger is not inherited, nor can a unique key without the position be.
CREATE OR REPLACE FUNCTION log.make_partition(p_number integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text := log.partition_name(p_number);
    width bigint := log.partition_width();
BEGIN
    EXECUTE format('CREATE TABLE log.%I (LIKE log.event INCLUDING CONSTRAINTS)', partition);
    EXECUTE format('ALTER TABLE log.%I ADD CONSTRAINT %I UNIQUE (log_id, stream_id, version)',
        partition, partition || '_stream_version_key');
    EXECUTE format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON log.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()', partition);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER refuse_truncate', partition);
    EXECUTE format('ALTER TABLE log.event ATTACH PARTITION log.%I FOR VALUES FROM (%s) TO (%s)',
        partition, p_number * width, (p_number + 1) * width);
    EXECUTE format('ALTER TABLE log.%I ENABLE ALWAYS TRIGGER refuse_change', partition);
    EXECUTE format('GRANT SELECT ON log.%I TO orderwright_app', partition);
END
$$;

-- Makes what is missing of the partition that the longest log is at and of the p_ahead after it; returns how many.
CREATE FUNCTION log.ensure_partitions(p_ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s'
AS $$
DECLARE
    current bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(20312, 0);
    SELECT coalesce(max(h.head), 0) / log.partition_width() INTO current
    FROM log.writer_lease l
    CROSS JOIN LATERAL (
        SELECT b.first_position + b.event_count - 1 AS head FROM log.log_batch b
        WHERE b.log_id = l.log_id ORDER BY b.batch_no DESC LIMIT 1) h;
    FOR number IN current .. current + least(greatest(p_ahead, 1), 100) LOOP
        IF to_regclass(format('log.%I', log.partition_name(number))) IS NULL THEN
            PERFORM log.make_partition(number::integer);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END
$$;

REVOKE ALL ON FUNCTION log.partition_width, log.partition_name, log.ensure_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.ensure_partitions TO orderwright_app;
