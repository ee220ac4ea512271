-- Fills an empty graph database with :edges follow edges and prints pairs of people to ask about,
-- two UUIDs a line. Run by `tests/edges`.
--
-- One person for every twenty edges. Each follows the next in a ring: one and two steps ahead and
-- back, so that there are friends, and a dozen further ahead. One person in a hundred edges
-- follows a star, and a fan follows as many. Rows are written in the order of time, so that what
-- belongs to one person lies scattered, as it does when people come one by one.
SET synchronous_commit = off;
SET maintenance_work_mem = '256MB';
SET client_min_messages = warning;

SELECT :edges / 20 AS people, :edges / 100 AS crowd, :edges - 2 * (:edges / 100) AS ordinary \gset

CREATE FUNCTION pg_temp.person(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT overlay(overlay(md5('person ' || number) PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid
$$;
-- Version 7: the time, then what looks like chance.
CREATE FUNCTION pg_temp.edge(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(1700000000000 + number), 12, '0') || '7000'
        || '8' || substr(md5('edge ' || number), 1, 15))::uuid
$$;

-- The indexes come after the rows, as they were.
CREATE TEMP TABLE later AS
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop_it,
        format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
            pg_get_constraintdef(oid)) AS make_it
    FROM pg_constraint
    WHERE contype = 'p' AND conrelid IN ('relation'::regclass, 'follower'::regclass,
        'friend'::regclass)
    UNION ALL
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE NOT indisprimary AND indrelid IN ('relation'::regclass, 'follower'::regclass,
        'friend'::regclass);
SELECT drop_it FROM later \gexec

INSERT INTO relation (owner_id, peer_id, follow_id, followed_at_ms, epoch)
    SELECT pg_temp.person(owner), pg_temp.person(peer), pg_temp.edge(number),
        1700000000000 + number, 0
    FROM (
        SELECT number, number % :people AS owner,
            (number % :people + :people + CASE number / :people
                WHEN 0 THEN 1 WHEN 1 THEN -1 WHEN 2 THEN 2 WHEN 3 THEN -2
                ELSE number / :people END) % :people AS peer
        FROM generate_series(0::bigint, :ordinary - 1) AS number
        UNION ALL
        SELECT :ordinary + number, number, :people
        FROM generate_series(0::bigint, :crowd - 1) AS number
        UNION ALL
        SELECT :ordinary + :crowd + number, :people + 1, number
        FROM generate_series(0::bigint, :crowd - 1) AS number
    ) AS edges;
INSERT INTO follower (followee_id, follower_id, follow_id, followed_at_ms)
    SELECT peer_id, owner_id, follow_id, followed_at_ms FROM relation;
INSERT INTO friend (owner_id, peer_id, follow_id, followed_at_ms)
    SELECT r.owner_id, r.peer_id, r.follow_id, r.followed_at_ms
    FROM relation AS r
    JOIN follower AS f ON f.followee_id = r.owner_id AND f.follower_id = r.peer_id;
INSERT INTO policy_version (user_id, version)
    SELECT pg_temp.person(number), 20 FROM generate_series(0::bigint, :people + 1) AS number;

SELECT make_it FROM later \gexec
VACUUM ANALYZE;

-- Half of the questions are about a follow, half about two who are strangers as a rule.
COPY (
    SELECT pg_temp.person(owner) || ' ' || pg_temp.person(CASE number % 2
        WHEN 0 THEN (owner + 4 + number / 2 % 12) % people
        ELSE number * 104729 % people END)
    FROM (
        SELECT number, people, number * 7919 % people AS owner
        FROM generate_series(1::bigint, 20000) AS number,
            (SELECT count(*) - 2 AS people FROM policy_version) AS counted
    ) AS asked
) TO STDOUT;
