-- 1 where the store has told that no accounting system is connected to it: its shifts wait for no document.
ALTER TABLE stores ADD COLUMN no_accounting BIGINT;
