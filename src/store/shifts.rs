//! The shift, the receipts registered in it, and its accounting.

use super::{Snapshot, StoreError, Tx, checksum, log::order_id};
use crate::domain::{
    event::Body,
    ids::OrderId,
    receipt::{Receipt, ReceiptKind},
    reconcile::ShiftBooks,
    shift::Shift,
    shift_report::{CountEntry, Folder},
    time::Timestamp,
};
use rusqlite::{OptionalExtension as _, Row, params};

impl Tx<'_> {
    /// Writes the current shift.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_shift(&mut self, shift: &Shift) -> Result<(), StoreError> {
        self.put_document("shift", shift)
    }

    /// Keeps a registered receipt.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn put_receipt(&mut self, order: OrderId, receipt: &Receipt) -> Result<(), StoreError> {
        let doc = serde_json::to_string(receipt)?;
        let shift = receipt.registered.as_ref().and_then(|r| r.shift_number);
        self.prepare_cached(
            r#"INSERT INTO receipts (key, order_id, shift_number, doc, "check") VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO NOTHING"#,
        )?
        .execute(params![
            receipt.draft.key,
            order.0.into_bytes(),
            shift,
            doc,
            checksum(&[receipt.draft.key.as_bytes(), doc.as_bytes()])
        ])?;
        Ok(())
    }

    /// Puts what happened into the folder of its shift.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn file_in_folder(&mut self, body: &Body, at: Timestamp) -> Result<(), StoreError> {
        let (number, mut folder) = match body {
            // Another till may begin anew with the numbers.
            Body::ShiftOpened { number, .. } => (*number, Folder::default()),
            Body::ShiftClosed { number, .. } | Body::CashMoved { shift: number, .. } => {
                (*number, self.snapshot().shift_folder(*number)?)
            }
            Body::ShiftCounted { counters } => (
                counters.shift_number,
                self.snapshot().shift_folder(counters.shift_number)?,
            ),
            _ => return Ok(()),
        };
        folder.file(at, body);
        self.put_document(&folder_name(number), &folder)
    }

    /// Keeps a count of the drawer in the folder of its shift.
    ///
    /// # Errors
    /// When it can't be read or written.
    pub fn file_count(&mut self, entry: CountEntry) -> Result<(), StoreError> {
        let number = entry.count.shift;
        let mut folder = self.snapshot().shift_folder(number)?;
        folder.counts.push(entry);
        self.put_document(&folder_name(number), &folder)
    }

    /// Opens the books of a closed shift.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn open_books(
        &mut self,
        shift: u32,
        registration_number: &str,
        closed_at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = BooksRow {
            shift,
            registration_number: registration_number.to_owned(),
            closed_at: closed_at.as_millis(),
            posted_minor: None,
            documents: 0,
        };
        self.execute(
            "INSERT INTO shift_books (number, registration_number, closed_at, sum) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
            params![shift, row.registration_number, row.closed_at, row.sum()],
        )?;
        Ok(())
    }

    /// Notes the accounting document of a shift.
    ///
    /// # Errors
    /// When it can't be written, or the books are damaged.
    pub fn post_books(&mut self, shift: u32, total_minor: i64) -> Result<(), StoreError> {
        let Some(mut row) = self.snapshot().books_row(shift)? else {
            return Ok(());
        };
        row.posted_minor = Some(row.posted_minor.unwrap_or(0).saturating_add(total_minor));
        row.documents += 1;
        self.execute(
            "UPDATE shift_books SET posted_minor = ?2, documents = ?3, sum = ?4 WHERE number = ?1",
            params![shift, row.posted_minor, row.documents, row.sum()],
        )?;
        Ok(())
    }
}

/// A row of the books.
struct BooksRow {
    shift: u32,
    registration_number: String,
    closed_at: i64,
    posted_minor: Option<i64>,
    documents: u32,
}

impl BooksRow {
    const COLUMNS: &str = "number, registration_number, closed_at, posted_minor, documents, sum";

    fn sum(&self) -> i64 {
        let posted = self
            .posted_minor
            .map_or_else(String::new, |n| n.to_string());
        checksum(&[
            &self.shift.to_be_bytes(),
            self.registration_number.as_bytes(),
            &self.closed_at.to_be_bytes(),
            posted.as_bytes(),
            &self.documents.to_be_bytes(),
        ])
    }

    fn read(r: &Row<'_>) -> rusqlite::Result<(Self, Option<i64>)> {
        let row = Self {
            shift: r.get(0)?,
            registration_number: r.get(1)?,
            closed_at: r.get(2)?,
            posted_minor: r.get(3)?,
            documents: r.get(4)?,
        };
        Ok((row, r.get(5)?))
    }

    fn checked((row, sum): (Self, Option<i64>)) -> Result<Self, StoreError> {
        if sum.is_some_and(|sum| sum != row.sum()) {
            return Err(StoreError::Damaged(format!(
                "the books of shift {}",
                row.shift
            )));
        }
        Ok(row)
    }
}

impl Snapshot<'_> {
    /// The current or last shift.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn shift(&self) -> Result<Shift, StoreError> {
        Ok(self.document("shift")?.unwrap_or_default())
    }

    /// What is kept of a shift besides its receipts; empty when there is no such shift.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn shift_folder(&self, shift: u32) -> Result<Folder, StoreError> {
        Ok(self.document(&folder_name(shift))?.unwrap_or_default())
    }

    /// All receipts registered in a shift.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub fn receipts_of_shift(&self, shift: u32) -> Result<Vec<Receipt>, StoreError> {
        let mut statement = self.prepare_cached(
            r#"SELECT key, doc, "check" FROM receipts WHERE shift_number = ?1 ORDER BY key"#,
        )?;
        let mut rows = statement.query([shift])?;
        let mut receipts = Vec::new();
        while let Some(r) = rows.next()? {
            let (key, doc, check): (String, String, i64) = (r.get(0)?, r.get(1)?, r.get(2)?);
            let receipt = checked(&key, &doc, check)?;
            listed(&key, &receipt, Some(shift))?;
            receipts.push(receipt);
        }
        Ok(receipts)
    }

    /// Reads every receipt, and believes none of them unseen.
    ///
    /// # Errors
    /// When they can't be read, or one is damaged.
    pub(super) fn verify_receipts(&self) -> Result<(), StoreError> {
        let mut statement =
            self.prepare_cached(r#"SELECT key, shift_number, doc, "check" FROM receipts"#)?;
        let mut rows = statement.query([])?;
        while let Some(r) = rows.next()? {
            let (key, doc): (String, String) = (r.get(0)?, r.get(2)?);
            listed(&key, &checked(&key, &doc, r.get(3)?)?, r.get(1)?)?;
        }
        Ok(())
    }

    /// The registered sale of the order that a receipt belongs to.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn sale_behind(&self, key: &str) -> Result<Option<Receipt>, StoreError> {
        let Some((order, this)) = self.receipt(key)? else {
            return Ok(None);
        };
        if let Some(wrong) = this.draft.corrects() {
            return Ok(self.receipt(&wrong.key)?.map(|(_, wrong)| wrong));
        }
        let number = |r: &Receipt| r.registered.as_ref().map_or(0, |r| r.document_number);
        let mut sale: Option<Receipt> = None;
        for row in self
            .prepare_cached(r#"SELECT key, doc, "check" FROM receipts WHERE order_id = ?1"#)?
            .query_map([order.0.into_bytes()], |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })?
        {
            let (key, doc, check): (String, String, i64) = row?;
            let found = checked(&key, &doc, check)?;
            // The newest that came before: an older one may have been wrong.
            let fits = found.draft.kind == ReceiptKind::Sale
                && !found.draft.takes_back()
                && number(&found) <= number(&this);
            if fits && sale.as_ref().is_none_or(|s| number(s) < number(&found)) {
                sale = Some(found);
            }
        }
        Ok(sale)
    }

    /// A registered receipt by our key, with the order it is of; nil when it is of none.
    ///
    /// # Errors
    /// When it can't be read, or is damaged.
    pub fn receipt(&self, key: &str) -> Result<Option<(OrderId, Receipt)>, StoreError> {
        let row: Option<(Vec<u8>, String, i64)> = self
            .prepare_cached(r#"SELECT order_id, doc, "check" FROM receipts WHERE key = ?1"#)?
            .query_row([key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
            .optional()?;
        let Some((id, doc, check)) = row else {
            return Ok(None);
        };
        Ok(Some((order_id(&id)?, checked(key, &doc, check)?)))
    }

    /// Our keys of the receipts with this fiscal document number; more than one where the drive was replaced.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn receipts_by_document(&self, number: u32) -> Result<Vec<String>, StoreError> {
        Ok(self
            .prepare_cached(
                "SELECT key FROM receipts WHERE json_extract(doc, '$.registered.document_number') = ?1",
            )?
            .query_map([number], |r| r.get(0))?
            .collect::<Result<_, _>>()?)
    }

    /// The books of all closed shifts.
    ///
    /// # Errors
    /// When they can't be read, or a receipt is damaged.
    pub fn shift_books(&self) -> Result<Vec<ShiftBooks>, StoreError> {
        let shifts: Vec<_> = self
            .prepare_cached(&format!(
                "SELECT {} FROM shift_books ORDER BY number",
                BooksRow::COLUMNS
            ))?
            .query_map([], BooksRow::read)?
            .collect::<Result<_, _>>()?;
        shifts
            .into_iter()
            .map(|row| {
                let row = BooksRow::checked(row)?;
                let (shift, posted_minor, documents) = (row.shift, row.posted_minor, row.documents);
                let receipts = self.receipts_of_shift(shift)?;
                Ok(ShiftBooks {
                    shift,
                    receipts_minor: receipts.iter().map(share).sum(),
                    posted_minor,
                    documents,
                })
            })
            .collect()
    }

    /// Registration number of the till that closed this shift.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn registration_number(&self, shift: u32) -> Result<Option<String>, StoreError> {
        Ok(self.books_row(shift)?.map(|row| row.registration_number))
    }

    fn books_row(&self, shift: u32) -> Result<Option<BooksRow>, StoreError> {
        self.prepare_cached(&format!(
            "SELECT {} FROM shift_books WHERE number = ?1",
            BooksRow::COLUMNS
        ))?
        .query_row([shift], BooksRow::read)
        .optional()?
        .map(BooksRow::checked)
        .transpose()
    }
}

fn folder_name(shift: u32) -> String {
    format!("shift-folder:{shift}")
}

fn share(receipt: &Receipt) -> i64 {
    match receipt.draft.kind {
        ReceiptKind::Sale => receipt.draft.total_minor,
        ReceiptKind::SaleReturn => -receipt.draft.total_minor,
    }
}

fn checked(key: &str, doc: &str, check: i64) -> Result<Receipt, StoreError> {
    if checksum(&[key.as_bytes(), doc.as_bytes()]) != check {
        return Err(StoreError::Damaged(format!("receipt {key}")));
    }
    Ok(serde_json::from_str(doc)?)
}

/// The shift's number beside the document is for finding; the document is what counts.
fn listed(key: &str, receipt: &Receipt, shift: Option<u32>) -> Result<(), StoreError> {
    let registered = receipt.registered.as_ref().and_then(|r| r.shift_number);
    if registered == shift {
        return Ok(());
    }
    let told = |shift: Option<u32>| shift.map_or_else(|| "none".to_owned(), |n| n.to_string());
    Err(StoreError::Damaged(format!(
        "receipt {key} is listed in shift {}, and is of {}",
        told(shift),
        told(registered)
    )))
}
