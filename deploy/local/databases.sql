-- One service: one role, one database, nobody else's business. Run by psql, once per service, as often as one likes.
\set ON_ERROR_STOP on
\getenv service REKAM_SERVICE
\getenv password REKAM_SERVICE_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'service')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service')
\gexec
ALTER ROLE :"service" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'service', :'service')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'service')
\gexec
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
