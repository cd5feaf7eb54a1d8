-- Phone numbers and the books of shifts are guarded against bit rot; rows from before have no sum.
ALTER TABLE contacts ADD COLUMN sum INTEGER;
ALTER TABLE shift_books ADD COLUMN sum INTEGER;
