-- Whose turn it is in a queue. What an order asks again keeps the order's place in line.
ALTER TABLE effects ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
UPDATE effects SET turn = id;
UPDATE effects SET turn = (
  SELECT min(first.id) FROM effects first WHERE first.order_id = effects.order_id AND first.queue = 'robot'
) WHERE queue = 'robot' AND order_id IS NOT NULL;
DROP INDEX effects_live;
CREATE INDEX effects_live ON effects (queue, turn, state)
  WHERE state IN ('waiting', 'sent', 'unknown', 'person');
