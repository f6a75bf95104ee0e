-- The databases and roles of a team. Run once, by PostgreSQL's own user. Nothing here has a password.
CREATE ROLE mlflow LOGIN;                 -- the MLflow server
CREATE DATABASE mlflow OWNER mlflow;      -- experiments and runs
CREATE DATABASE mlflow_auth OWNER mlflow; -- the users of the MLflow server
CREATE ROLE kdstudy;                      -- all who run studies: owns the tables of the ledger
CREATE ROLE kdstudy_readers;              -- all who only look
CREATE DATABASE kdstudy OWNER kdstudy;    -- the ledgers of all studies
REVOKE CONNECT, TEMPORARY ON DATABASE mlflow, mlflow_auth, kdstudy FROM PUBLIC;
GRANT CONNECT ON DATABASE kdstudy TO kdstudy_readers;
\connect kdstudy
ALTER DEFAULT PRIVILEGES FOR ROLE kdstudy GRANT SELECT ON TABLES TO kdstudy_readers;
