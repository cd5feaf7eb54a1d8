-- What an effect asks for and what came of it is guarded against bit rot; rows from before have no sum.
ALTER TABLE effects ADD COLUMN sum INTEGER;
