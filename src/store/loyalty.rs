//! The house's loyalty ledger: members, by what they are known, and all that moved. Numbers are keyed hashes, apart
//! from the log. Each act is booked once, by its key.

use super::{Snapshot, StoreError, Tx, checksum, guests::Who, uuid_from};
use crate::domain::{
    ids::{MemberId, OrderId},
    loyalty::{Account, Act, PointsMove, PointsRefused, too_old},
    reconcile::{OrderPoints, PointsBooks},
    time::Timestamp,
};
use rusqlite::{OptionalExtension as _, params};

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who, without saying it.
    pub id: MemberId,
    /// First name; empty when none was given, or it was erased.
    pub name: String,
    /// Version of the terms that were agreed to.
    pub terms: String,
    /// Points, and what makes the level.
    pub account: Account,
    /// When they joined.
    pub joined_at: Timestamp,
    /// When anything last moved.
    pub seen_at: Timestamp,
    /// When the oldest points may be too old.
    expires_at: Option<Timestamp>,
}

/// One line of a member's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveRow {
    /// What, and the balance after it.
    pub op: String,
    /// Its word.
    pub act: String,
    /// Change of the balance.
    pub points: i64,
    /// Change of what is held.
    pub held: i64,
    /// The balance after it.
    pub balance: i64,
    /// The order it belongs to.
    pub order_id: Option<OrderId>,
    /// When.
    pub at: Timestamp,
    /// When points that came are too old.
    pub expires_at: Option<Timestamp>,
    /// Why, where a person did it.
    pub reason: String,
}

/// What an act belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Booking<'a> {
    /// Its key: booked once.
    pub op: &'a str,
    /// The order.
    pub order_id: Option<OrderId>,
    /// When points that come are too old.
    pub expires_at: Option<Timestamp>,
    /// Why, where a person did it.
    pub reason: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl Member {
    fn sum(&self) -> i64 {
        let a = self.account;
        let numbers = [
            a.balance,
            a.held,
            a.owed,
            a.spent_minor,
            self.joined_at.as_millis(),
            self.seen_at.as_millis(),
            self.expires_at.map_or(-1, Timestamp::as_millis),
        ];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        checksum(&[
            self.id.0.as_bytes(),
            self.name.as_bytes(),
            self.terms.as_bytes(),
            &bytes,
        ])
    }
}

impl MoveRow {
    fn sum(&self, member: MemberId) -> i64 {
        let numbers = [
            self.points,
            self.held,
            self.balance,
            self.at.as_millis(),
            self.expires_at.map_or(-1, Timestamp::as_millis),
        ];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        let order = self.order_id.map_or([0; 16], |o| o.0.into_bytes());
        checksum(&[
            self.op.as_bytes(),
            member.0.as_bytes(),
            self.act.as_bytes(),
            &order,
            self.reason.as_bytes(),
            &bytes,
        ])
    }
}

impl Tx<'_> {
    /// Takes a new member in, known by these keyed hashes with their kinds, `phone` or `card`.
    ///
    /// # Errors
    /// When it can't be written; also when one of them is somebody's already.
    pub fn add_member(
        &mut self,
        id: MemberId,
        name: &str,
        terms: &str,
        keys: &[(Who, &str)],
        now: Timestamp,
    ) -> Result<Member, StoreError> {
        let member = Member {
            id,
            name: name.to_owned(),
            terms: terms.to_owned(),
            account: Account::default(),
            joined_at: now,
            seen_at: now,
            expires_at: None,
        };
        self.put_member(&member)?;
        for (who, kind) in keys {
            self.add_member_key(id, who, kind)?;
        }
        Ok(member)
    }

    /// Makes a member known by one more keyed hash.
    ///
    /// # Errors
    /// When it can't be written; also when it is somebody's already.
    pub fn add_member_key(
        &mut self,
        id: MemberId,
        who: &Who,
        kind: &str,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO loyalty_keys (who, member, kind) VALUES (?1, ?2, ?3)",
            params![who, id.0.into_bytes(), kind],
        )?;
        Ok(())
    }

    /// Forgets who a member is: by what they were known, and the name. The account stays nobody's.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn forget_member(&mut self, id: MemberId) -> Result<usize, StoreError> {
        let Some(member) = self.snapshot().member(id)? else {
            return Ok(0);
        };
        self.wipe_behind();
        self.erasing(|tx| {
            tx.put_member(&Member {
                name: String::new(),
                ..member
            })?;
            Ok(tx.execute(
                "DELETE FROM loyalty_keys WHERE member = ?1",
                [id.0.into_bytes()],
            )?)
        })
    }

    fn put_member(&mut self, m: &Member) -> Result<(), StoreError> {
        let a = m.account;
        self.prepare_cached(
            "INSERT INTO loyalty_members (id, name, terms, balance, held, owed, spent_minor, joined_at, seen_at, expires_at, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET name = ?2, terms = ?3, balance = ?4, held = ?5, owed = ?6, spent_minor = ?7,
             seen_at = ?9, expires_at = ?10, sum = ?11",
        )?
        .execute(params![
            m.id.0.into_bytes(),
            m.name,
            m.terms,
            a.balance,
            a.held,
            a.owed,
            a.spent_minor,
            m.joined_at.as_millis(),
            m.seen_at.as_millis(),
            m.expires_at.map(Timestamp::as_millis),
            m.sum()
        ])?;
        Ok(())
    }

    /// Books an act, once: the same key again answers what it did then. None: there is no such member.
    ///
    /// # Errors
    /// When it can't be read or written; the account's own refusal stands inside.
    pub fn book_points(
        &mut self,
        id: MemberId,
        act: Act,
        b: Booking<'_>,
    ) -> Result<Option<Result<PointsMove, PointsRefused>>, StoreError> {
        if let Some(done) = self.snapshot().points_move(b.op)? {
            return Ok(Some(Ok(done)));
        }
        let Some(mut member) = self.snapshot().member(id)? else {
            return Ok(None);
        };
        let before = member.account;
        member.account = match before.after(act) {
            Ok(after) => after,
            Err(refused) => return Ok(Some(Err(refused))),
        };
        self.enter_move(member, before, act, b).map(Ok).map(Some)
    }

    /// Enters what the log says moved, where the ledger lacks it: of a box that is gone. Its member is taken in as
    /// nobody known when this ledger never had them.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn relive_points(
        &mut self,
        moved: &PointsMove,
        b: Booking<'_>,
    ) -> Result<bool, StoreError> {
        let s = self.snapshot();
        if s.points_move(&moved.op)?.is_some() {
            return Ok(false);
        }
        let mut member = s.member(moved.member_id)?.unwrap_or_else(|| Member {
            id: moved.member_id,
            name: String::new(),
            terms: String::new(),
            account: Account::default(),
            joined_at: b.now,
            seen_at: b.now,
            expires_at: None,
        });
        let before = member.account;
        // What was held is in no log: without it the change alone counts.
        member.account = match before.after(moved.act) {
            Ok(after) if after.balance - before.balance == moved.change => after,
            _ => Account {
                balance: before.balance.saturating_add(moved.change),
                ..before
            },
        };
        self.enter_move(member, before, moved.act, b)?;
        Ok(true)
    }

    fn enter_move(
        &mut self,
        mut member: Member,
        before: Account,
        act: Act,
        b: Booking<'_>,
    ) -> Result<PointsMove, StoreError> {
        let change = member.account.balance - before.balance;
        let row = MoveRow {
            op: b.op.to_owned(),
            act: serde_json::to_string(&act)?,
            points: change,
            held: member.account.held - before.held,
            balance: member.account.balance,
            order_id: b.order_id,
            at: b.now,
            expires_at: b.expires_at.filter(|_| change > 0),
            reason: b.reason.to_owned(),
        };
        self.prepare_cached(
            "INSERT INTO loyalty_moves (op, member, act, points, held, balance, order_id, at, expires_at, reason, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            row.op,
            member.id.0.into_bytes(),
            row.act,
            row.points,
            row.held,
            row.balance,
            row.order_id.map(|o| o.0.into_bytes()),
            row.at.as_millis(),
            row.expires_at.map(Timestamp::as_millis),
            row.reason,
            row.sum(member.id)
        ])?;
        member.seen_at = b.now;
        member.expires_at = match (member.expires_at, row.expires_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.put_member(&member)?;
        Ok(PointsMove {
            member_id: member.id,
            op: row.op,
            act,
            change,
            balance: row.balance,
            reason: row.reason,
        })
    }

    /// Notes when a member's points are to be looked at again.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn look_at_member_again(
        &mut self,
        id: MemberId,
        at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        if let Some(member) = self.snapshot().member(id)? {
            self.put_member(&Member {
                expires_at: at,
                ..member
            })?;
        }
        Ok(())
    }
}

const MOVE: &str = "SELECT op, member, act, points, held, balance, order_id, at, expires_at, reason, sum FROM loyalty_moves";

impl Snapshot<'_> {
    /// A member.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn member(&self, id: MemberId) -> Result<Option<Member>, StoreError> {
        let row = self
            .prepare_cached(
                "SELECT name, terms, balance, held, owed, spent_minor, joined_at, seen_at, expires_at, sum
                 FROM loyalty_members WHERE id = ?1",
            )?
            .query_row([id.0.into_bytes()], |r| {
                let member = Member {
                    id,
                    name: r.get(0)?,
                    terms: r.get(1)?,
                    account: Account {
                        balance: r.get(2)?,
                        held: r.get(3)?,
                        owed: r.get(4)?,
                        spent_minor: r.get(5)?,
                    },
                    joined_at: Timestamp::from_millis(r.get(6)?),
                    seen_at: Timestamp::from_millis(r.get(7)?),
                    expires_at: r.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
                };
                Ok((member, r.get::<_, i64>(9)?))
            })
            .optional()?;
        match row {
            Some((member, kept)) if member.sum() == kept => Ok(Some(member)),
            Some(_) => Err(StoreError::Damaged(format!("the account of member {id}"))),
            None => Ok(None),
        }
    }

    /// The member that a keyed hash belongs to.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn member_by(&self, who: &Who) -> Result<Option<Member>, StoreError> {
        let id: Option<Vec<u8>> = self
            .prepare_cached("SELECT member FROM loyalty_keys WHERE who = ?1")?
            .query_row([who], |r| r.get(0))
            .optional()?;
        match id {
            Some(id) => self.member(MemberId(uuid_from(&id)?)),
            None => Ok(None),
        }
    }

    /// The keyed hash of a member's phone number.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn member_phone(&self, id: MemberId) -> Result<Option<Who>, StoreError> {
        Ok(self
            .prepare_cached("SELECT who FROM loyalty_keys WHERE member = ?1 AND kind = 'phone'")?
            .query_row([id.0.into_bytes()], |r| r.get(0))
            .optional()?)
    }

    /// What an act did that was booked.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn points_move(&self, op: &str) -> Result<Option<PointsMove>, StoreError> {
        let found = self.moves("WHERE op = ?1", params![op])?.pop();
        let Some((member_id, row)) = found else {
            return Ok(None);
        };
        Ok(Some(PointsMove {
            member_id,
            act: serde_json::from_str(&row.act)?,
            op: row.op,
            change: row.points,
            balance: row.balance,
            reason: row.reason,
        }))
    }

    /// The last lines of a member's account, the newest first.
    ///
    /// # Errors
    /// When they can't be read, or are damaged.
    pub fn points_moves(&self, id: MemberId, limit: u32) -> Result<Vec<MoveRow>, StoreError> {
        let rows = self.moves(
            "WHERE member = ?1 ORDER BY at DESC, op DESC LIMIT ?2",
            params![id.0.into_bytes(), limit],
        )?;
        Ok(rows
            .into_iter()
            .map(|(_, row)| MoveRow {
                act: serde_json::from_str::<Act>(&row.act)
                    .map_or_else(|_| row.act.clone(), |a| a.word().to_owned()),
                ..row
            })
            .collect())
    }

    fn moves(
        &self,
        which: &str,
        with: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<(MemberId, MoveRow)>, StoreError> {
        let mut statement = self.prepare_cached(&format!("{MOVE} {which}"))?;
        let mut rows = statement.query(with)?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            let member: Vec<u8> = r.get(1)?;
            let member = MemberId(uuid_from(&member)?);
            let order: Option<Vec<u8>> = r.get(6)?;
            let row = MoveRow {
                op: r.get(0)?,
                act: r.get(2)?,
                points: r.get(3)?,
                held: r.get(4)?,
                balance: r.get(5)?,
                order_id: order.map(|o| uuid_from(&o)).transpose()?.map(OrderId),
                at: Timestamp::from_millis(r.get(7)?),
                expires_at: r.get::<_, Option<i64>>(8)?.map(Timestamp::from_millis),
                reason: r.get(9)?,
            };
            if r.get::<_, i64>(10)? != row.sum(member) {
                return Err(StoreError::Damaged(format!(
                    "points that moved: {}",
                    row.op
                )));
            }
            found.push((member, row));
        }
        Ok(found)
    }

    /// What the ledger has of an order.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn order_points(&self, order: OrderId) -> Result<OrderPoints, StoreError> {
        let mut sums = OrderPoints::default();
        for (_, row) in self.moves("WHERE order_id = ?1", params![order.0.into_bytes()])? {
            match serde_json::from_str(&row.act)? {
                Act::Spend { points } => sums.spent += points,
                Act::GiveBack { points } => sums.spent -= points,
                Act::Earn { points, .. } => sums.earned += points,
                Act::TakeBack { points, .. } => sums.earned -= points,
                _ => {}
            }
        }
        Ok(sums)
    }

    /// All accounts, and all that moved.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn points_books(&self) -> Result<PointsBooks, StoreError> {
        let sums = |sql: &str| -> Result<(i64, i64), StoreError> {
            Ok(self
                .prepare_cached(sql)?
                .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))?)
        };
        let (balance, held) =
            sums("SELECT coalesce(sum(balance), 0), coalesce(sum(held), 0) FROM loyalty_members")?;
        let (moved, on_hold) =
            sums("SELECT coalesce(sum(points), 0), coalesce(sum(held), 0) FROM loyalty_moves")?;
        Ok(PointsBooks {
            balance,
            moved,
            held,
            on_hold,
        })
    }

    /// Members whose accounts are not what moved in them.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn crooked_accounts(&self) -> Result<Vec<MemberId>, StoreError> {
        let mut statement = self.prepare_cached(
            "SELECT m.id FROM loyalty_members m
             LEFT JOIN (SELECT member, sum(points) AS points, sum(held) AS held FROM loyalty_moves GROUP BY member) v
             ON v.member = m.id WHERE m.balance <> coalesce(v.points, 0) OR m.held <> coalesce(v.held, 0)",
        )?;
        let ids = statement.query_map([], |r| r.get::<_, Vec<u8>>(0))?;
        ids.map(|id| Ok(MemberId(uuid_from(&id?)?))).collect()
    }

    /// Points of a member that were spent on trust since then.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn held_since(&self, id: MemberId, since: Timestamp) -> Result<i64, StoreError> {
        Ok(self
            .prepare_cached(
                "SELECT coalesce(sum(held), 0) FROM loyalty_moves
                 WHERE member = ?1 AND at >= ?2 AND (held > 0 OR act LIKE '{\"act\":\"release\"%')",
            )?
            .query_row(params![id.0.into_bytes(), since.as_millis()], |r| r.get(0))?)
    }

    /// Members with points that may be too old, at most so many.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn members_to_look_at(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<MemberId>, StoreError> {
        let mut statement = self.prepare_cached(
            "SELECT id FROM loyalty_members WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
        )?;
        let ids =
            statement.query_map(params![now.as_millis(), limit], |r| r.get::<_, Vec<u8>>(0))?;
        ids.map(|id| Ok(MemberId(uuid_from(&id?)?))).collect()
    }

    /// Points of a member that are too old now, and when to look again.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn points_too_old(
        &self,
        id: MemberId,
        now: Timestamp,
    ) -> Result<(i64, Option<Timestamp>), StoreError> {
        let (over, gone, next): (i64, i64, Option<i64>) = self
            .prepare_cached(
                "SELECT coalesce(sum(iif(points > 0 AND expires_at <= ?2, points, 0)), 0),
                        coalesce(sum(iif(points < 0, -points, 0)), 0),
                        min(iif(points > 0 AND expires_at > ?2, expires_at, NULL))
                 FROM loyalty_moves WHERE member = ?1",
            )?
            .query_row(params![id.0.into_bytes(), now.as_millis()], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })?;
        Ok((too_old(over, gone), next.map(Timestamp::from_millis)))
    }
}
