-- A day's orders by number: the next number follows from the last order, and needs no counter of its own that every
-- order would have to change.
DROP INDEX orders_by_day;
CREATE INDEX orders_by_day ON orders (day, number);
DELETE FROM counters WHERE name LIKE 'number:%';
