#!/bin/bash
# The image of PostgreSQL sources this once, on an empty volume: a role and a database for each
# service, and no service may enter the database of another.
set -e

for service in identity graph settings messaging; do
    psql --set=ON_ERROR_STOP=1 --set=name="postern_$service" --set=password="$POSTGRES_PASSWORD" \
        --username="$POSTGRES_USER" --dbname=postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
